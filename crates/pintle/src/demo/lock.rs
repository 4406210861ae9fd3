//! One demo at a time: its namespaces have fixed names. And what a demo that was killed has left, the next one removes.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::run::{FOLDER, make_folder, remove_folder};

/// What the name of every demo's folder begins with.
pub(super) const FILES: &str = "pintle-demo-";

/// The right to run a demo; the kernel takes it back however this process ends.
pub(super) struct Lock {
    file: Flock<File>,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock. With it comes the folder of a demo that held it before and was killed, if there was one.
    pub(super) fn take() -> anyhow::Result<(Lock, Option<PathBuf>)> {
        let path = Path::new(FOLDER).join("demo");
        loop {
            make_folder().with_context(|| format!("'{FOLDER}' can't be made"))?;
            let opened = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = match opened {
                // A demo that just ended has removed the folder.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other.with_context(|| format!("'{}' can't be opened", path.display()))?,
            };
            let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => file,
                Err((_, Errno::EWOULDBLOCK)) => {
                    bail!("another demo runs on this machine: end it first (Ctrl-C in its terminal)")
                }
                Err((_, error)) => return Err(error).with_context(|| format!("'{}' can't be locked", path.display())),
            };
            // The one that held it may have removed it between opening and locking.
            let (ours, there) = (file.metadata()?, fs::metadata(&path));
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                let mut lock = Lock { file, path };
                let left = lock.read()?;
                return Ok((lock, left));
            }
        }
    }

    fn read(&mut self) -> anyhow::Result<Option<PathBuf>> {
        let mut text = String::new();
        self.file.read_to_string(&mut text)?;
        let folder = PathBuf::from(text);
        let ours = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(FILES.as_bytes()));
        Ok((ours && folder.is_absolute() && folder.is_dir()).then_some(folder))
    }

    /// Notes where this demo's files are, for whoever has to clear up after it.
    pub(super) fn note(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(folder.as_os_str().as_encoded_bytes())?;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held: nobody else can have taken it.
        let _ = fs::remove_file(&self.path);
        remove_folder();
    }
}
