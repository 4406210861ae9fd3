//! Netlink sockets of the host's own namespace, one for each thread at work, kept and counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::{NetNs, Netlink, Result};

/// How many changes were asked of the kernel through netlink, in all namespaces.
#[derive(Debug, Default)]
pub(crate) struct Writes(AtomicU64);

impl Writes {
    /// The count so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts changes that were not made through a socket.
    pub(crate) fn add(&self, changes: u64) {
        self.0.fetch_add(changes, Ordering::Relaxed);
    }

    /// Lets `work` use a socket and counts what it changes.
    pub(crate) fn count<R>(&self, netlink: &mut Netlink, work: impl FnOnce(&mut Netlink) -> R) -> R {
        let before = netlink.writes();
        let result = work(netlink);
        self.add(netlink.writes() - before);
        result
    }
}

/// Sockets of one namespace.
#[derive(Debug)]
pub(crate) struct Sockets {
    namespace: NetNs,
    idle: Mutex<Vec<Netlink>>,
}

impl Sockets {
    pub(crate) fn new(namespace: NetNs) -> Self {
        Sockets { namespace, idle: Mutex::default() }
    }

    /// The namespace.
    pub(crate) fn namespace(&self) -> &NetNs {
        &self.namespace
    }

    /// Lets `work` use a socket that nobody else uses meanwhile.
    pub(crate) fn with<R>(&self, writes: &Writes, work: impl FnOnce(&mut Netlink) -> R) -> Result<R> {
        let idle = || self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let kept = idle().pop();
        let mut netlink = match kept {
            Some(netlink) => netlink,
            None => Netlink::open(&self.namespace)?,
        };
        let result = writes.count(&mut netlink, work);
        idle().push(netlink);
        Ok(result)
    }
}
