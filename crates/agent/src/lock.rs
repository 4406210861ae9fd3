//! One agent per data directory: two with one identity would take turns in throwing each other out at the server, and undo
//! each other's work on the host.
//!
//! The lock is `flock(2)`: the kernel lets go of it when the process ends, however it ends.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::AgentError;

/// Holds a data directory until dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "held, not used")] Flock<File>);

impl DirectoryLock {
    /// Takes a data directory, which exists, without waiting.
    ///
    /// # Errors
    /// [`AgentError::InUse`] if another agent has it, [`AgentError::File`] if the lock's file can't be used.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, AgentError> {
        let path = data_dir.join("lock");
        let options = || File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = options().map_err(AgentError::file("open", &path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(DirectoryLock(held)),
            Err((_, Errno::EWOULDBLOCK)) => Err(AgentError::InUse { data_dir: data_dir.to_owned() }),
            Err((_, errno)) => Err(AgentError::file("lock", &path)(errno.into())),
        }
    }
}
