//! `pintle server`.

use std::process::ExitCode;

use pintle_server::{Config, Server};

use super::{Presence, runtime, stop_on_signal};
use crate::args::ServerArguments;

/// Runs the control plane until it is told to stop.
pub(crate) fn server(arguments: ServerArguments) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let stop = stop_on_signal()?;
        let running = Server::start(server_config(&arguments)).await?;
        let presence = Presence::announce(running.api_addr, &arguments.data_dir.join("token"));
        stop.cancelled().await;
        drop(presence);
        running.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// The settings of a server from the command line.
pub(crate) fn server_config(arguments: &ServerArguments) -> Config {
    let mut config = Config::new(&arguments.data_dir);
    config.api = arguments.listen;
    config.agents = arguments.agent_listen;
    config.region.clone_from(&arguments.region);
    config
}
