//! `pintle up`: server and agent in one process, over the same protocol as everywhere.

use std::process::ExitCode;

use pintle_server::Server;

use super::{Presence, agent_config, runtime, server_config, stop_on_signal};
use crate::args::UpArguments;
use crate::demo;

/// Runs both until told to stop; with `--demo` the demo.
pub(crate) fn up(arguments: UpArguments) -> anyhow::Result<ExitCode> {
    if arguments.demo {
        return demo::run(&arguments);
    }
    runtime()?.block_on(both(arguments))
}

async fn both(arguments: UpArguments) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let data = arguments.server.data_dir.clone();
    let running = Server::start(server_config(&arguments.server)).await?;
    let presence = Presence::announce(running.api_addr, &data.join("token"));
    let join = running.join_token.to_string().parse()?;
    let server = running.agent_addr.to_string();
    let config = agent_config(server, &data.join("agent"), Some(join), &arguments.host);
    eprintln!("pintle is up: API at http://{}, token in {}", running.api_addr, data.join("token").display());
    eprintln!("try: pintle status; pintle vpc create --name prod; pintle --help");
    let agent = pintle_agent::run(config, stop.clone()).await;
    // An agent that ends by itself takes the server with it: whoever supervises the process starts both again.
    stop.cancel();
    drop(presence);
    running.shutdown().await;
    agent?;
    Ok(ExitCode::SUCCESS)
}
