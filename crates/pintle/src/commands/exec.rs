//! `pintle instance exec`: a command inside an instance's network namespace, on the instance's host.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::output::text;

/// The shells' exit codes for a command that does not exist, and for one that can't be run.
const NO_SUCH_COMMAND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Becomes the command, in the instance's namespace; returns only when that can't be done.
pub(super) fn become_command(instance: &Value, command: &[String]) -> anyhow::Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else { bail!("no command is given") };
    if instance["namespace"]["kind"] == "tap" {
        bail!("'{}' is a virtual machine, which has no network namespace on its host", text(instance, "/name"));
    }
    let path = text(instance, "/namespace/path");
    let namespace = File::open(&path).with_context(|| {
        let (name, host) = (text(instance, "/name"), text(instance, "/host/name"));
        format!("the network namespace of '{name}', '{path}', can't be opened; run this on its host '{host}', as root")
    })?;
    setns(&namespace, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("network namespace '{path}' can't be entered; it takes root"))?;
    let error = Command::new(program).args(arguments).exec();
    let code = if error.kind() == ErrorKind::NotFound { NO_SUCH_COMMAND } else { NOT_RUNNABLE };
    eprintln!("pintle: '{program}' can't be run: {error}");
    Ok(ExitCode::from(code))
}
