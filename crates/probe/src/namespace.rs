//! Doing things inside a network namespace without moving the process there.
//!
//! A socket belongs for life to the namespace of the thread that made it, so a thread only needs to be there for a moment:
//! [`Namespace::run`] makes sockets which any thread may use afterwards.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, setns};

use crate::error::{ProbeError, Result};

/// Where a namespace is found. Nothing is opened until something is run in it, so it may be named before it exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(PathBuf);

impl Namespace {
    /// The namespace of this process, as it was started.
    pub fn host() -> Self {
        // Not `thread-self`: a thread elsewhere that asks for the host means the process's.
        Namespace(PathBuf::from(format!("/proc/{}/ns/net", std::process::id())))
    }

    /// The namespace that `ip netns` shows under this name.
    pub fn named(name: &str) -> Self {
        Namespace(Path::new("/run/netns").join(name))
    }

    /// The namespace of this file, for example `/proc/<pid>/ns/net`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Namespace(path.into())
    }

    /// The namespace's file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Runs `work` in the namespace, on a thread of its own, and waits for it.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`] if it cannot be entered; `work` did not run then.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("probe-run".into()).spawn_scoped(scope, || {
                self.enter()?;
                Ok(work())
            });
            let thread = thread.map_err(ProbeError::system("start a thread"))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Starts a thread that is in the namespace before `work` begins, and stays there.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`] if it cannot be entered; `work` did not run then.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
        // A thread begins where the one that starts it is.
        let start = || thread::Builder::new().name("probe".into()).spawn(work);
        self.run(start)?.map_err(ProbeError::system("start a thread"))
    }

    /// Makes the calling thread a member of the namespace.
    fn enter(&self) -> Result<()> {
        let failed = |source: io::Error| ProbeError::Namespace { path: self.0.clone(), source };
        if self.is_here().map_err(failed)? {
            // Entering needs a privilege even for where one is already; loopback probes should not.
            return Ok(());
        }
        let file = File::open(&self.0).map_err(failed)?;
        setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))
    }

    fn is_here(&self) -> io::Result<bool> {
        let (here, there) = (fs::metadata("/proc/thread-self/ns/net")?, fs::metadata(&self.0)?);
        Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
    }
}
