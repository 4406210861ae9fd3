//! Network namespaces: open, compare, run code inside.
//!
//! A thread belongs to one namespace at a time, and a thread of an async runtime that is left in the wrong one would do
//! its next task's work there. So code enters a namespace only on a thread made for it, which ends with the code.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::{fmt, io, panic, thread};

use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::{KernelError, Result};

mod named;

/// Which namespace a handle is for. Two handles are for the same namespace exactly if these are equal, as long as one
/// of the handles is kept: the number of a namespace that has gone may be given to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetNsId {
    /// Device number of the kernel's namespace file system.
    pub device: u64,
    /// Inode number, as in `readlink /proc/<pid>/ns/net`.
    pub inode: u64,
}

impl fmt::Display for NetNsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.inode)
    }
}

/// An open network namespace. It lives at least as long as this handle, even if its name is deleted.
#[derive(Debug)]
pub struct NetNs {
    fd: OwnedFd,
    id: NetNsId,
}

impl NetNs {
    /// Opens the namespace at `path`: a file of `/run/netns`, of a container runtime, or a `/proc/<pid>/ns/net`.
    ///
    /// # Errors
    /// [`KernelError::NamespaceMissing`], [`KernelError::NotANamespace`], [`KernelError::Privilege`].
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = || path.display().to_string();
        // O_NONBLOCK: the path comes from outside, and opening a FIFO would wait for its other end.
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(|e| {
            match e.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR) => KernelError::NamespaceMissing { path: text() },
                Some(libc::ENXIO) => KernelError::NotANamespace { path: text() },
                _ => KernelError::system(format!("open network namespace '{}'", text()), e),
            }
        })?;
        Self::from_file(file, text)
    }

    /// Opens the namespace of process `pid` (as seen from this process's PID namespace).
    ///
    /// # Errors
    /// [`KernelError::ProcessGone`] if it has ended, also if it is a zombie; [`KernelError::Privilege`].
    pub fn open_pid(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/ns/net");
        let file = File::open(&path).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => KernelError::ProcessGone { pid },
            _ => KernelError::system(format!("open the network namespace of process {pid}"), e),
        })?;
        Self::from_file(file, || path.clone())
    }

    /// Opens the calling thread's own namespace.
    pub fn current() -> Result<Self> {
        Self::open_path("/proc/thread-self/ns/net")
    }

    fn from_file(file: File, text: impl Fn() -> String) -> Result<Self> {
        let failed = |e: io::Error| KernelError::system(format!("examine '{}'", text()), e);
        let on_nsfs = fstatfs(&file).map_err(|e| failed(e.into()))?.filesystem_type() == NSFS_MAGIC;
        if !on_nsfs || namespace_type(&file).map_err(failed)? != libc::CLONE_NEWNET {
            return Err(KernelError::NotANamespace { path: text() });
        }
        let metadata = file.metadata().map_err(failed)?;
        let id = NetNsId { device: metadata.dev(), inode: metadata.ino() };
        Ok(NetNs { fd: file.into(), id })
    }

    /// Which namespace this is.
    pub fn id(&self) -> NetNsId {
        self.id
    }

    /// Whether both handles are for one namespace.
    pub fn is_same_as(&self, other: &NetNs) -> bool {
        self.id == other.id
    }

    /// A second handle for the same namespace.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|e| KernelError::system("duplicate a namespace handle", e))?;
        Ok(NetNs { fd, id: self.id })
    }

    /// Runs `work` inside the namespace, on a thread of its own, and waits for it. A panic in `work` goes on here.
    ///
    /// Only the network namespace is another: files and mounts are the caller's, except for `/proc/sys/net` and
    /// `/proc/thread-self/net`, which show the namespace entered.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        on_own_thread(|| {
            setns(&self.fd, CloneFlags::CLONE_NEWNET)
                .map_err(|e| KernelError::system(format!("enter network namespace {}", self.id), e))?;
            Ok(work())
        })?
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Runs `work` inside `namespace`; see [`NetNs::run`].
pub fn run_in<R: Send>(namespace: &NetNs, work: impl FnOnce() -> R + Send) -> Result<R> {
    namespace.run(work)
}

/// Runs `work` on a fresh thread which ends with it, so that whatever namespace it moved to is left behind.
fn on_own_thread<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, work)
            .map_err(|e| KernelError::system("start a thread for a network namespace", e))?;
        worker.join().map_err(|panicked| panic::resume_unwind(panicked))
    })
}

/// The `CLONE_NEW…` flag of the namespace behind a file of the kernel's namespace file system.
fn namespace_type(file: &File) -> io::Result<libc::c_int> {
    /// `NS_GET_NSTYPE` of `linux/nsfs.h`.
    const NS_GET_NSTYPE: libc::c_ulong = 0xb703;
    // SAFETY: the request takes no argument and writes to no memory of ours; the descriptor is open.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE as _) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
