//! The long-running subcommands.

mod agent;
mod presence;
mod server;
mod up;

pub(crate) use agent::{agent, agent_config};
pub(crate) use presence::{Presence, token_file_of};
pub(crate) use server::{server, server_config};
pub(crate) use up::up;

use tokio_util::sync::CancellationToken;

/// A token that is cancelled by Ctrl-C or by a service manager's SIGTERM.
pub(crate) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(stop)
}

/// The runtime of a long-running subcommand.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("pintle").build()?)
}
