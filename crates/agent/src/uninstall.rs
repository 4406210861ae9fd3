//! Taking everything of a host away again: devices first, because a device without its programs would let its guest
//! speak to the host's own stack.

use std::io;
use std::path::Path;

use pintle_core::id::HostId;
use pintle_datapath::remove_all;

use crate::bpffs;
use crate::config::Config;
use crate::error::AgentError;
use crate::identity::Identity;
use crate::kernel::{KernelError, NetNs, Netlink, link};
use crate::lock::DirectoryLock;
use crate::reconcile::{Marks, remove_namespaces};
use crate::shares;

/// Removes everything that the agent with this configuration put into the kernel, the servers of its shares, and its last
/// known desired state. The identity and the files of shares stay: the host can come back. Does nothing on a host that never joined.
///
/// # Errors
/// [`AgentError::InUse`] while the agent runs, else the first of what could not be removed; the rest is removed all the
/// same.
pub fn uninstall(config: &Config) -> Result<(), AgentError> {
    let Some(identity) = Identity::load(&config.data_dir)? else { return Ok(()) };
    let _lock = DirectoryLock::take(&config.data_dir)?;
    // Before their namespaces, which they are in.
    let ended = shares::stop_all(&config.data_dir).map_err(AgentError::Config);
    let removed = uninstall_host(identity.host, &config.bpffs);
    let removed = ended.and(removed);
    let saved = config.data_dir.join("desired.log");
    match std::fs::remove_file(&saved) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            removed.and(Err(AgentError::file("remove", &saved)(error)))
        }
        _ => removed,
    }
}

/// Removes everything of a host from the calling thread's network namespace, and the namespaces made for its instances.
///
/// # Errors
/// The first of what could not be removed; the rest is removed all the same.
pub fn uninstall_host(host: HostId, bpffs: &Path) -> Result<(), AgentError> {
    let marks = Marks::new(host);
    let devices = remove_devices(&marks).map_err(AgentError::from);
    let namespaces = NetNs::current().and_then(|own| remove_namespaces(own.id(), &marks)).map_err(AgentError::from);
    // The programs stay for as long as a device needs them.
    devices?;
    let pins = remove_all(&bpffs::pin_root(bpffs, host)).map_err(AgentError::from);
    namespaces.and(pins)
}

fn remove_devices(marks: &Marks) -> Result<(), KernelError> {
    let mut netlink = Netlink::open_here()?;
    let ours: Vec<_> = link::list(&mut netlink)?
        .into_iter()
        .filter(|link| match link.alias.as_deref() {
            Some(alias) => marks.read(alias).is_some(),
            None => link.group == marks.group(),
        })
        .map(|link| link::delete(link.index))
        .collect::<Result<_, _>>()?;
    netlink.pipeline(&ours).into_iter().try_for_each(|outcome| outcome.map(drop))
}
