//! The demo's agents: this very binary, once in each machine's namespace.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use pintle_agent::kernel::NetNs;

use super::underlay::Machine;
use crate::output::chain;

/// How the agents are to be run.
pub(super) struct Settings<'a> {
    /// The server's listener for agents.
    pub(super) server: &'a str,
    /// The file with the join token.
    pub(super) join: &'a Path,
    /// The demo's folder.
    pub(super) folder: &'a Path,
    /// What they log, if that was said.
    pub(super) log: Option<&'a str>,
}

/// A machine's agent. Dropping it stops it and removes all that it has made.
pub(super) struct Agent {
    host: String,
    identity: PathBuf,
    namespace: NetNs,
    child: Child,
}

impl Agent {
    /// Starts the agent of a machine.
    pub(super) fn start(machine: &Machine, settings: &Settings<'_>) -> anyhow::Result<Agent> {
        let identity = identity(settings.folder, &machine.name);
        let mut command = command(&machine.namespace, &identity)?;
        command.args(["--server", settings.server, "--name", &machine.name, "--vtep", &machine.vtep.to_string()]);
        command.arg("--join").arg(settings.join);
        match settings.log {
            Some(filter) => command.args(["--log", filter]),
            None => command.args(["--log", "error"]),
        };
        let namespace = machine.namespace.try_clone()?;
        let child = command.spawn().context("the agent can't be started")?;
        Ok(Agent { host: machine.name.clone(), identity, namespace, child })
    }

    fn stop(&mut self) {
        let process = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let deadline = Instant::now() + Duration::from_secs(5);
        if let Ok(None) = self.child.try_wait() {
            // Our own child, not yet waited for: its id can't be another's.
            let _ = nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
        if let Err(error) = purge(&self.namespace, &self.identity) {
            eprintln!("pintle: {}", chain(&error));
        }
    }
}

/// Ends when one of the agents does, which none should: says which.
pub(super) async fn first_end(agents: &mut [Agent]) -> anyhow::Error {
    loop {
        for agent in agents.iter_mut() {
            if let Ok(Some(status)) = agent.child.try_wait() {
                return anyhow!(
                    "the agent of host '{}' ended ({status}); what it said is above, and 'pintle doctor' says what this \
                     machine lacks",
                    agent.host
                );
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where the agent of a machine has its identity.
pub(super) fn identity(folder: &Path, machine: &str) -> PathBuf {
    folder.join(machine)
}

/// Removes what an agent that has ended has made.
pub(super) fn purge(namespace: &NetNs, identity: &Path) -> anyhow::Result<()> {
    let mut command = command(namespace, identity)?;
    let output = command.args(["--purge", "--log", "error"]).stderr(Stdio::piped()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(anyhow!("an agent's leftovers could not all be removed ({}): {}", output.status, said.trim()))
}

fn command(namespace: &NetNs, identity: &Path) -> anyhow::Result<Command> {
    let namespace = namespace.try_clone()?;
    let mut command = Command::new(std::env::current_exe()?);
    // A group of its own: Ctrl-C at the terminal is for the demo, which then ends its agents in order.
    command.arg("agent").arg("--agent-dir").arg(identity).stdin(Stdio::null()).process_group(0);
    // SAFETY: between fork and exec only async-signal-safe system calls are made: setns and prctl.
    unsafe {
        command.pre_exec(move || {
            if libc::setns(namespace.as_fd().as_raw_fd(), libc::CLONE_NEWNET) != 0
                || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0
            {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    Ok(command)
}
