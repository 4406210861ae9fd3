//! One process per store, held by the kernel.
//!
//! SQLite would let two servers write the same file in turns, each with its own idea of the newest revision. The lock
//! is `flock(2)` on a file of its own, because SQLite's own locks live on the database file and are lost as soon as any
//! descriptor of it is closed. The kernel releases it when the process ends, however it ends, so there is nothing stale to
//! clean up and the lock file itself is never removed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::StoreError;

/// Holds `<store>.lock` until dropped.
pub(super) struct FileLock {
    _held: Flock<File>,
}

impl FileLock {
    /// Takes the lock of the store at `store` without waiting.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when it is held; [`StoreError::Io`] when the lock file cannot be used.
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let failed = |error: std::io::Error| StoreError::io(format!("locking {}", path.display()), error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut held) => {
                held.set_len(0).map_err(failed)?;
                writeln!(held, "{}", std::process::id()).map_err(failed)?;
                Ok(FileLock { _held: held })
            }
            Err((file, Errno::EWOULDBLOCK)) => Err(StoreError::Locked { path: store.to_owned(), holder: holder(file) }),
            Err((_, errno)) => Err(failed(errno.into())),
        }
    }
}

/// `<store>.lock`
fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// The process id that the holder wrote; it may not have come to that yet.
fn holder(mut file: File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
