//! The long-running subcommands.

mod agent;
mod memory;
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
    // Huge pages would make the process three times as large, mostly with memory that has been given back; a kernel without
    // them has nothing to turn off.
    let _ = nix::sys::prctl::set_thp_disable(true);
    memory::give_back_at_once();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("pintle").build()?)
}
