//! The BPF file system, in which the data plane is pinned.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use pintle_core::id::HostId;

use crate::error::AgentError;
use crate::identity::private_directory;

/// Makes sure that `path` is on a BPF file system, and mounts one there if it is not.
///
/// # Errors
/// [`AgentError::File`] if it can't be mounted.
pub(crate) fn ensure(path: &Path) -> Result<(), AgentError> {
    if is_bpffs(path) {
        return Ok(());
    }
    private_directory(path)?;
    mount(Some("bpf"), path, Some("bpf"), MsFlags::empty(), Some("mode=0700"))
        .map_err(|errno| AgentError::file("mount a BPF file system at", path)(errno.into()))?;
    tracing::info!(path = %path.display(), "BPF file system mounted");
    Ok(())
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == BPF_FS_MAGIC)
}

/// The directory below which everything of a host is pinned.
pub(crate) fn pin_root(bpffs: &Path, host: HostId) -> PathBuf {
    bpffs.join("pintle").join(host.to_string())
}
