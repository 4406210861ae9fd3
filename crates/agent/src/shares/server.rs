//! What serves a share: a program that runs in a mount target's namespace for as long as the mount target is there.

use std::path::PathBuf;
use std::process::Command;

use pintle_core::id::{InstanceId, ShareId};

/// What is to be served, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// What the server is in: its namespace has this name.
    pub(crate) instance: InstanceId,
    /// The share.
    pub(crate) share: ShareId,
    /// The directory of its files.
    pub(crate) files: PathBuf,
    /// A directory of the server's own: what it is told by, and what it remembers.
    pub(crate) folder: PathBuf,
}

impl Job {
    /// What the server is told by. It is one of its arguments, so that it is known again.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config")
    }
    /// Where it notes its process id.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }
    /// Where it writes what happens to it.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
    /// What it remembers of its clients.
    pub(crate) fn memory(&self) -> PathBuf {
        self.folder.join("memory")
    }
}

/// A way to serve shares.
pub(crate) trait ShareServer: Send {
    /// Writes what the server is told by, and gives the command that runs it in the foreground, with [`Job::config`] among
    /// its arguments; it notes its process id in [`Job::pid_file`].
    ///
    /// # Errors
    /// Why this host can't serve, for a person.
    fn prepare(&self, job: &Job) -> Result<Command, String>;

    /// The TCP port on which it listens.
    fn port(&self) -> u16;
}
