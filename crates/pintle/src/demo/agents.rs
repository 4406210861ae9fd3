//! The demo's agents: this very binary, once in each machine's namespace.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::underlay::Machine;

/// A machine's agent.
pub(super) struct Agent {
    child: Child,
    purge: Command,
}

impl Agent {
    /// Starts the agent of a machine.
    pub(super) fn start(machine: &Machine, server: &str, join: &str, folder: &Path) -> anyhow::Result<Agent> {
        let identity = folder.join(&machine.name);
        let arguments = |purge: bool| {
            let mut all = vec!["agent".to_owned(), "--server".to_owned(), server.to_owned()];
            all.extend([
                "--join".to_owned(),
                join.to_owned(),
                "--agent-dir".to_owned(),
                identity.display().to_string(),
            ]);
            all.extend(["--name".to_owned(), machine.name.clone(), "--vtep".to_owned(), machine.vtep.to_string()]);
            all.extend(purge.then(|| "--purge".to_owned()));
            all
        };
        let child = command(machine, arguments(false))?.spawn().context("the agent can't be started")?;
        Ok(Agent { child, purge: command(machine, arguments(true))? })
    }

    /// Stops the agent and removes all that it has made.
    pub(super) fn remove(mut self) {
        // SAFETY: kill has no memory effects; the pid is our own child's, not yet waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        match self.purge.status() {
            Ok(status) if status.success() => {}
            Ok(status) => eprintln!("pintle: an agent's leftovers could not all be removed ({status})"),
            Err(error) => eprintln!("pintle: an agent's leftovers could not be removed: {error}"),
        }
    }
}

fn command(machine: &Machine, arguments: Vec<String>) -> anyhow::Result<Command> {
    let namespace = machine.namespace.try_clone()?;
    let mut command = Command::new(std::env::current_exe()?);
    // A group of its own: Ctrl-C at the terminal is for the demo, which then ends its agents in order.
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    if std::env::var_os("PINTLE_LOG").is_none() {
        command.env("PINTLE_LOG", "error");
    }
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
