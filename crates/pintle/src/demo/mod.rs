//! `pintle up --demo`: two hosts on this machine, and an interface that moves between them under live traffic.
//!
//! Everything is real: the server of this process, an agent process per host, the API, the data plane. What is made is
//! made inside namespaces and a temporary folder, and removed however the demo ends.

mod agents;
mod measure;
mod report;
mod scene;
mod underlay;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use pintle_server::{Running, Server};
use tokio_util::sync::CancellationToken;

use crate::args::UpArguments;
use crate::client::Client;
use crate::run::{Presence, runtime, server_config, stop_on_signal};
use agents::Agent;
use scene::Scene;
use underlay::Underlay;

const PREFIX: &str = "pintle-demo";
const AGENT_PORT: u16 = 7481;

/// Runs the demo; with `--exit` it ends after the measurements, and the exit code says whether all held.
pub(crate) fn run(arguments: &UpArguments) -> anyhow::Result<ExitCode> {
    if !nix::unistd::geteuid().is_root() {
        bail!("the demo makes network namespaces and loads eBPF programs: run it as root");
    }
    let folder = tempfile::Builder::new().prefix("pintle-demo-").tempdir()?;
    let underlay = Underlay::lay(PREFIX)?;
    runtime()?.block_on(async {
        let stop = stop_on_signal()?;
        let server = start_server(arguments, &underlay, folder.path()).await?;
        let presence = Presence::announce(server.api_addr, &folder.path().join("server/token"));
        let mut agents = Vec::new();
        let shown = tokio::select! {
            shown = show(arguments, &underlay, folder.path(), &server, &mut agents, &stop) => shown,
            () = stop.cancelled() => Ok(true),
        };
        println!("\nremoving the demo");
        tokio::task::spawn_blocking(move || agents.into_iter().for_each(Agent::remove)).await?;
        drop(presence);
        server.shutdown().await;
        Ok(if shown? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// The server is in this process; its agents' listener is a socket of the first machine's network.
async fn start_server(arguments: &UpArguments, underlay: &Underlay, folder: &Path) -> anyhow::Result<Running> {
    let [first, _] = &underlay.machines;
    let address = (first.vtep, AGENT_PORT);
    let listener = first.namespace.run(|| std::net::TcpListener::bind(address))?.context("the agents' listener")?;
    let mut config = server_config(&arguments.server);
    config.data_dir = folder.join("server");
    config.agent_listener = Some(Arc::new(listener));
    Ok(Server::start(config).await?)
}

async fn show(
    arguments: &UpArguments,
    underlay: &Underlay,
    folder: &Path,
    server: &Running,
    agents: &mut Vec<Agent>,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let listener = format!("{}:{AGENT_PORT}", underlay.machines[0].vtep);
    for machine in &underlay.machines {
        agents.push(Agent::start(machine, &listener, &server.join_token.to_string(), folder)?);
    }
    let token = std::fs::read_to_string(folder.join("server/token"))?;
    let api = Client::with_token(&format!("http://{}", server.api_addr), token.trim())?;
    let [a, b] = &underlay.machines;
    println!("hosts {} and {} are joining", a.name, b.name);
    let scene = Scene::make(&api, [&a.name, &b.name]).await?;
    report::scene(&scene);
    let measured = measure::all(&api, &scene, arguments.moves).await?;
    let held = report::measured(&measured);
    if !arguments.exit {
        report::what_to_try(server.api_addr);
        stop.cancelled().await;
    }
    Ok(held)
}
