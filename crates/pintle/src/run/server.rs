//! `pintle server`.

use std::process::ExitCode;

use anyhow::anyhow;
use pintle_server::{Config, Running, Server, StartError};

use super::{Presence, runtime, stop_on_signal};
use crate::args::ServerArguments;

/// Runs the control plane until it is told to stop.
pub(crate) fn server(arguments: ServerArguments) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let stop = stop_on_signal()?;
        let running = start(server_config(&arguments)).await?;
        let token = arguments.data_dir.join("token");
        let presence = Presence::announce(running.api_addr, &token);
        eprintln!("pintle server is up: API at http://{}, token in {}", running.api_addr, token.display());
        eprintln!("agents connect to {}; 'pintle host create' says how", running.agent_addr);
        stop.cancelled().await;
        drop(presence);
        running.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Starts a server; an address that can't be had is told with the option that changes it.
pub(crate) async fn start(config: Config) -> anyhow::Result<Running> {
    Server::start(config).await.map_err(|error| match error {
        StartError::Listen { .. } => anyhow!("{error} (--listen for the API, --agent-listen for agents)"),
        error => error.into(),
    })
}

/// The settings of a server from the command line.
pub(crate) fn server_config(arguments: &ServerArguments) -> Config {
    let mut config = Config::new(&arguments.data_dir);
    config.api = arguments.listen.unwrap_or(config.api);
    config.api_connections = arguments.api_connections as usize;
    config.audit_reads = arguments.audit_reads == crate::args::Switch::On;
    config.agents = arguments.agent_listen;
    config.regions.clone_from(&arguments.regions);
    config.ipv6_range = arguments.ipv6_range;
    config
}
