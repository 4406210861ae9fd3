//! `pintle up --demo`: two hosts on this machine, and an interface that moves between them under live traffic.
//!
//! Everything is real: the server of this process, an agent process per host, the API, the data plane. What is made is
//! made inside namespaces and a temporary folder, and removed however the demo ends; after a `kill -9` by the next demo.

mod agents;
mod lock;
mod measure;
mod report;
mod scene;
mod underlay;

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use pintle_server::Running;
use pintle_server::config::DEFAULT_API;
use tokio_util::sync::CancellationToken;

use crate::args::UpArguments;
use crate::client::Client;
use crate::run::{Presence, runtime, server_config, start, stop_on_signal};
use agents::{Agent, Settings, first_end};
use lock::Lock;
use report::say;
use scene::Scene;
use underlay::Underlay;

const PREFIX: &str = "pintle-demo";
const AGENT_PORT: u16 = 7481;
/// The shells' exit code for a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Runs the demo; with `--exit` it ends after the measurements, and the exit code says whether all held.
pub(crate) fn run(arguments: &UpArguments, log: Option<&str>) -> anyhow::Result<ExitCode> {
    // On this very thread: the kernel ends the agents with the thread that started them.
    runtime()?.block_on(async {
        let stop = stop_on_signal()?;
        let (mut lock, left) = Lock::take()?;
        if let Some(folder) = left {
            say!("removing what a demo that was killed has left");
            underlay::remove_left(PREFIX, &folder);
        }
        let folder = tempfile::Builder::new().prefix(lock::FILES).tempdir()?;
        lock.note(folder.path())?;
        let underlay = Underlay::lay(PREFIX)?;
        let server = start_server(arguments, &underlay, folder.path()).await?;
        let presence = Presence::announce(server.api_addr, &folder.path().join("server/token"));
        let outcome = with_agents(arguments, &underlay, folder.path(), &server, log, &stop).await;
        drop(presence);
        server.shutdown().await;
        outcome
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
    // A Pintle that is in use here keeps its port.
    if arguments.server.listen.is_none() && in_use() {
        config.api.set_port(0);
    }
    start(config).await
}

fn in_use() -> bool {
    std::net::TcpListener::bind(DEFAULT_API).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Starts the agents, shows what there is to see, and removes what the agents have made.
async fn with_agents(
    arguments: &UpArguments,
    underlay: &Underlay,
    folder: &Path,
    server: &Running,
    log: Option<&str>,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let listener = format!("{}:{AGENT_PORT}", underlay.machines[0].vtep);
    let join = folder.join("server/join-token");
    let settings = Settings { server: &listener, join: &join, folder, log };
    let mut agents = Vec::new();
    for machine in &underlay.machines {
        agents.push(Agent::start(machine, &settings)?);
    }
    let outcome = show(arguments, underlay, server, &mut agents, stop).await;
    say!("\nremoving the demo");
    tokio::task::spawn_blocking(move || drop(agents)).await?;
    outcome
}

async fn show(
    arguments: &UpArguments,
    underlay: &Underlay,
    server: &Running,
    agents: &mut [Agent],
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let held = tokio::select! {
        () = stop.cancelled() => return Ok(ExitCode::from(INTERRUPTED)),
        ended = first_end(agents) => return Err(ended),
        held = measure(arguments, underlay, server) => held?,
    };
    if !arguments.exit {
        report::what_to_try(server.api_addr);
        tokio::select! {
            () = stop.cancelled() => {}
            ended = first_end(agents) => return Err(ended),
        }
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the network and measures it; whether all held.
async fn measure(arguments: &UpArguments, underlay: &Underlay, server: &Running) -> anyhow::Result<bool> {
    let api = Client::with_token(&format!("http://{}", server.api_addr), &server.token)?;
    let [a, b] = &underlay.machines;
    say!("hosts {} and {} are joining", a.name, b.name);
    let scene = Scene::make(&api, [&a.name, &b.name]).await?;
    report::scene(&scene);
    let measured = measure::all(&api, &scene, arguments.moves).await?;
    Ok(report::measured(&measured))
}
