//! `pintle instance exec`: a command inside an instance's network namespace, on the instance's host.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns};

/// Becomes the command, in the namespace at `path`; returns only when that can't be done.
pub(super) fn become_command(path: &str, command: &[String]) -> anyhow::Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else { bail!("no command is given") };
    let namespace = File::open(path).with_context(|| {
        format!("network namespace '{path}' can't be opened; run this on the instance's host, as root")
    })?;
    setns(&namespace, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("network namespace '{path}' can't be entered; it takes root"))?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("'{program}' can't be run"))
}
