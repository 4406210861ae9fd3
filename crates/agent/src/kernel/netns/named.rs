//! Namespaces with a name, kept alive by a bind mount under `/run/netns`: the form that `ip netns` makes and shows.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::{NetNs, on_own_thread};
use crate::kernel::{KernelError, Netlink, Result, link};

/// Where named namespaces are mounted.
const RUN_DIR: &str = "/run/netns";

/// The loopback device's index, the same in every namespace: it is the first device the kernel makes there.
const LOOPBACK: u32 = 1;

impl NetNs {
    /// Makes a namespace, mounts it at `/run/netns/<name>` and brings its loopback device up.
    ///
    /// # Errors
    /// [`KernelError::NamespaceExists`] if the name is taken, also by the stale file of a namespace that has gone;
    /// [`KernelError::Invalid`] for a name that is no plain file name; [`KernelError::Privilege`].
    pub fn create(name: &str) -> Result<Self> {
        let path = named_path(name)?;
        prepare_run_dir()?;
        File::options().read(true).write(true).create_new(true).mode(0o444).open(&path).map_err(|e| {
            match e.kind() {
                io::ErrorKind::AlreadyExists => KernelError::NamespaceExists { path: path.display().to_string() },
                _ => KernelError::system(format!("create '{}'", path.display()), e),
            }
        })?;
        on_own_thread(|| make_and_mount(&path)).unwrap_or_else(Err).inspect_err(|_| {
            // The file is ours, made just now: leave nothing behind that blocks the name.
            let _ = fs::remove_file(&path);
        })
    }

    /// Opens `/run/netns/<name>`.
    ///
    /// # Errors
    /// As [`NetNs::open_path`]; [`KernelError::Invalid`] for a name that is no plain file name.
    pub fn open_named(name: &str) -> Result<Self> {
        Self::open_path(named_path(name)?)
    }

    /// Takes the name away; the namespace ends when nothing else holds it. `false` if there was no such name.
    ///
    /// Also clears away the stale file of a namespace that has gone.
    pub fn delete(name: &str) -> Result<bool> {
        let path = named_path(name)?;
        match umount2(&path, MntFlags::MNT_DETACH) {
            // EINVAL: a file that is not a mount. ENOENT: unlink will say so too.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(e) => {
                return Err(KernelError::system(format!("unmount '{}'", path.display()), e));
            }
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(KernelError::system(format!("delete '{}'", path.display()), e)),
        }
    }

    /// The names under `/run/netns` that begin with `prefix`, sorted. Stale files are listed too: they need deleting.
    pub fn list(prefix: &str) -> Result<Vec<String>> {
        let failed = |e: io::Error| KernelError::system(format!("list '{RUN_DIR}'"), e);
        let entries = match fs::read_dir(RUN_DIR) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name().into_string();
            names.extend(name.ok().filter(|name| name.starts_with(prefix)));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// On a thread of its own: becomes a member of a new namespace and mounts it. Loopback comes up first, so that whoever
/// sees the name sees a namespace that is ready.
fn make_and_mount(path: &Path) -> Result<NetNs> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| KernelError::system("make a network namespace", e))?;
    let namespace = NetNs::current()?;
    Netlink::open_here()?.change(&link::up(LOOPBACK))?;
    mount(Some("/proc/thread-self/ns/net"), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|e| KernelError::system(format!("mount a network namespace at '{}'", path.display()), e))?;
    Ok(namespace)
}

/// Makes `/run/netns` a shared mount, once per process, as `ip netns add` does: then a namespace that is made or
/// deleted here is so in every mount namespace, and no forgotten copy of the mount keeps it alive.
fn prepare_run_dir() -> Result<()> {
    static PREPARED: Mutex<bool> = Mutex::new(false);
    let mut prepared = PREPARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if *prepared && Path::new(RUN_DIR).is_dir() {
        return Ok(());
    }
    let failed = |e: io::Error| KernelError::system(format!("prepare '{RUN_DIR}'"), e);
    DirBuilder::new().recursive(true).mode(0o755).create(RUN_DIR).map_err(failed)?;
    // `ip netns` takes the same lock: without it two processes could each mount the directory on itself.
    let directory = File::open(RUN_DIR).map_err(failed)?;
    let _lock = Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, e)| failed(e.into()))?;
    let share = || mount(None::<&str>, RUN_DIR, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
    let shared = match share() {
        // Not a mount point yet.
        Err(Errno::EINVAL) => {
            mount(Some(RUN_DIR), RUN_DIR, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
                .and_then(|()| share())
        }
        other => other,
    };
    shared.map_err(|e| failed(e.into()))?;
    *prepared = true;
    Ok(())
}

/// The path of a name, if it is one that cannot lead out of the directory.
fn named_path(name: &str) -> Result<PathBuf> {
    let rule = "the name of a network namespace is a plain file name of 1 to 255 bytes without '/' or zero bytes";
    if name.is_empty() || name.len() > 255 || matches!(name, "." | "..") || name.contains(['/', '\0']) {
        return Err(KernelError::Invalid { field: "namespace name", value: name.escape_debug().to_string(), rule });
    }
    Ok(Path::new(RUN_DIR).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_out_of_the_directory() {
        for name in ["", ".", "..", "a/b", "/etc", "a\0b", &"n".repeat(256)] {
            assert!(matches!(named_path(name), Err(KernelError::Invalid { .. })), "{name:?} was taken");
        }
        assert_eq!(named_path("blue").unwrap(), Path::new("/run/netns/blue"));
    }
}
