//! The long-running subcommands.

mod agent;
pub(crate) mod memory;
mod presence;
pub(crate) mod privileges;
mod server;
mod signals;
mod up;

pub(crate) use agent::{agent, agent_config};
pub(crate) use presence::{FOLDER, Presence, make_folder, remove_folder, token_file_of};
pub(crate) use server::{server, server_config, start};
pub(crate) use signals::stop_on_signal;
pub(crate) use up::up;

/// The runtime of a long-running subcommand.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    memory::give_back_at_once();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("pintle").build()?)
}
