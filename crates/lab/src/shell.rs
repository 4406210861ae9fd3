//! The lab's own plumbing is done with the system's tools, so that it shares no code with what it tests.

use std::process::Command;

use anyhow::{Context, bail};

/// Runs a program and returns what it printed.
///
/// # Errors
/// When it can't be run or fails, with what it wrote to standard error.
pub fn sh(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("{program} can't be run"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `ip` with the words of a line.
///
/// # Errors
/// As [`sh`].
pub fn ip(line: &str) -> anyhow::Result<String> {
    sh("ip", &line.split_whitespace().collect::<Vec<_>>())
}

/// Removes a named network namespace; one that does not exist is no error.
pub fn remove_namespace(name: &str) {
    if std::path::Path::new("/run/netns").join(name).exists() {
        let _ = ip(&format!("netns del {name}"));
    }
}
