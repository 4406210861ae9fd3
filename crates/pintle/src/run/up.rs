//! `pintle up`: server and agent in one process, over the same protocol as everywhere.

use std::process::ExitCode;
use std::time::Duration;

use pintle_server::Sessions;

use super::{Presence, agent_config, privileges, runtime, server_config, start, stop_on_signal};
use crate::args::UpArguments;
use crate::demo;

/// Runs both until told to stop; with `--demo` the demo, whose agents log by the filter given.
pub(crate) fn up(arguments: UpArguments, log: Option<&str>) -> anyhow::Result<ExitCode> {
    privileges::require()?;
    if arguments.demo {
        return demo::run(&arguments, log);
    }
    runtime()?.block_on(both(arguments))
}

async fn both(arguments: UpArguments) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let (token, identity) = (arguments.server.data_dir.join("token"), arguments.server.data_dir.join("agent"));
    let running = start(server_config(&arguments.server)).await?;
    let presence = Presence::announce(running.api_addr, &token);
    let join = running.join_token.to_string().parse()?;
    let config = agent_config(running.agent_addr.to_string(), &identity, Some(join), &arguments.host);
    let mut agent = std::pin::pin!(pintle_agent::run(config, stop.clone()));
    let ended = tokio::select! {
        ended = &mut agent => ended,
        () = connected(&running.sessions) => {
            eprintln!("pintle is up: API at http://{}, token in {}", running.api_addr, token.display());
            eprintln!("try: pintle status; pintle vpc create --name prod; pintle --help");
            agent.await
        }
    };
    // An agent that ends by itself takes the server with it: whoever supervises the process starts both again.
    stop.cancel();
    drop(presence);
    running.shutdown().await;
    ended?;
    eprintln!("pintle has stopped; what is attached goes on working. To remove it from this machine:");
    eprintln!("  pintle agent --purge --agent-dir {}", identity.display());
    Ok(ExitCode::SUCCESS)
}

/// Ends when this machine's agent, or any, has connected.
async fn connected(sessions: &Sessions) {
    while sessions.list().iter().all(|host| host.connected_since.is_none()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
