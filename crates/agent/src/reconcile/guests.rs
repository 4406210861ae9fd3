//! The namespaces of instances: finding them, making them, and keeping a socket in each.
//!
//! An open socket keeps its namespace alive. So a namespace is looked up by its name, path or process each time, and the
//! socket kept is given up as soon as that leads elsewhere: then the old namespace ends as its owner wanted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use pintle_core::host_spec::InstanceSpec;
use pintle_core::id::InstanceId;
use pintle_core::model::Namespace;

use super::names::Marks;
use super::sockets::Writes;
use crate::kernel::{KernelError, NetNs, NetNsId, Netlink, link, process};

/// Index of the loopback device in every namespace.
const LOOPBACK: u32 = 1;

/// What the names of namespaces that were made for instances begin with.
const MADE_PREFIX: &str = "i-";

/// The namespaces of a host's instances.
#[derive(Debug)]
pub(crate) struct Guests {
    host: NetNsId,
    mark: String,
    sockets: Mutex<HashMap<InstanceId, Arc<Mutex<GuestSocket>>>>,
    /// The start of the process that an instance's namespace is taken from: the same id later is another process.
    processes: Mutex<HashMap<InstanceId, (u32, u64)>>,
    /// Whether a namespace with an instance's name is of this host, so that each is asked once.
    marked: Mutex<HashMap<InstanceId, (NetNsId, bool)>>,
}

#[derive(Debug)]
struct GuestSocket {
    namespace: NetNsId,
    netlink: Netlink,
}

/// Why there is no namespace to work in.
#[derive(Debug)]
pub(crate) enum NoNamespace {
    /// It is to be made.
    Absent,
    /// There is none, nor should there be: a virtual machine.
    Machine,
    /// It can't be used; why.
    Unusable(String),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Guests {
    pub(crate) fn new(host: NetNsId, marks: &Marks) -> Self {
        let (sockets, processes, marked) = Default::default();
        Guests { host, mark: marks.namespace(), sockets, processes, marked }
    }

    /// Opens the namespace of an instance.
    pub(crate) fn open(&self, id: InstanceId, spec: &InstanceSpec) -> Result<NetNs, NoNamespace> {
        let unusable = |error: KernelError| NoNamespace::Unusable(format!("instance {id}: {error}"));
        let opened = match &spec.namespace {
            Namespace::Made => match NetNs::open_named(&id.to_string()) {
                // A file without a namespace is what is left of one after a restart of the machine.
                Err(KernelError::NamespaceMissing { .. } | KernelError::NotANamespace { .. }) => {
                    Err(NoNamespace::Absent)
                }
                other => other.map_err(unusable),
            },
            Namespace::Path(path) => NetNs::open_path(path).map_err(unusable),
            Namespace::Pid(pid) => self.of_process(id, *pid),
            Namespace::Tap { .. } => Err(NoNamespace::Machine),
        };
        match opened {
            Ok(namespace) if namespace.id() == self.host => Err(NoNamespace::Unusable(format!(
                "instance {id}: its namespace is the host's own, which can't be a guest's; give another one"
            ))),
            Ok(namespace) => Ok(namespace),
            Err(error) => {
                self.forget(id);
                Err(error)
            }
        }
    }

    /// Follows a process to its namespace, and later makes sure that it is still the same process.
    fn of_process(&self, id: InstanceId, pid: u32) -> Result<NetNs, NoNamespace> {
        let unusable = |text: String| NoNamespace::Unusable(format!("instance {id}: {text}"));
        let found = process::inspect(pid).map_err(|error| unusable(error.to_string()))?;
        let ended = || unusable(format!("process {pid}, whose network namespace it was to use, has ended"));
        let process = found.ok_or_else(ended)?;
        let mut known = locked(&self.processes);
        let start = match known.get(&id) {
            Some((known_pid, start)) if *known_pid == pid => *start,
            _ => process.started,
        };
        if start != process.started {
            return Err(ended());
        }
        known.insert(id, (pid, start));
        Ok(process.namespace)
    }

    /// Lets `work` use the socket in an instance's namespace, which was opened just before.
    pub(crate) fn with<R>(
        &self,
        writes: &Writes,
        id: InstanceId,
        namespace: &NetNs,
        work: impl FnOnce(&mut Netlink) -> R,
    ) -> crate::kernel::Result<R> {
        let kept = locked(&self.sockets).get(&id).cloned();
        if let Some(kept) = kept {
            let mut socket = locked(&kept);
            if socket.namespace == namespace.id() {
                return Ok(writes.count(&mut socket.netlink, work));
            }
        }
        let mut socket = GuestSocket { namespace: namespace.id(), netlink: Netlink::open(namespace)? };
        let result = writes.count(&mut socket.netlink, work);
        locked(&self.sockets).insert(id, Arc::new(Mutex::new(socket)));
        Ok(result)
    }

    /// Gives up everything that is kept for an instance.
    pub(crate) fn forget(&self, id: InstanceId) {
        locked(&self.sockets).remove(&id);
        locked(&self.marked).remove(&id);
    }

    /// Gives up what is kept for instances that `keep` does not hold.
    pub(crate) fn retain(&self, keep: impl Fn(InstanceId) -> bool) {
        locked(&self.sockets).retain(|id, _| keep(*id));
        locked(&self.processes).retain(|id, _| keep(*id));
    }

    /// Makes the namespace of an instance and marks it.
    pub(crate) fn make(&self, writes: &Writes, id: InstanceId) -> crate::kernel::Result<()> {
        let name = id.to_string();
        writes.add(1);
        let namespace = match NetNs::create(&name) {
            Err(KernelError::NamespaceExists { .. }) => {
                NetNs::delete(&name)?;
                NetNs::create(&name)?
            }
            other => other?,
        };
        self.mark(writes, id, &namespace)
    }

    /// Marks the namespace of an instance as made by this host.
    pub(crate) fn mark(&self, writes: &Writes, id: InstanceId, namespace: &NetNs) -> crate::kernel::Result<()> {
        let request = link::set_alias(LOOPBACK, &self.mark)?;
        self.with(writes, id, namespace, |netlink| netlink.change(&request))??;
        locked(&self.marked).insert(id, (namespace.id(), true));
        Ok(())
    }

    /// Whether a namespace with an instance's name was made by this host.
    pub(crate) fn is_marked(&self, id: InstanceId, namespace: &NetNs) -> crate::kernel::Result<bool> {
        if let Some((known, marked)) = locked(&self.marked).get(&id)
            && *known == namespace.id()
        {
            return Ok(*marked);
        }
        // Not through a kept socket: it would keep a namespace alive that may be none of this host's.
        let loopback = link::get(&mut Netlink::open(namespace)?, LOOPBACK)?;
        let marked = loopback.and_then(|device| device.alias).is_some_and(|alias| alias == self.mark);
        locked(&self.marked).insert(id, (namespace.id(), marked));
        Ok(marked)
    }

    /// The namespaces that were made by this host, for whatever instance.
    pub(crate) fn made(&self) -> crate::kernel::Result<Vec<InstanceId>> {
        let mut made = Vec::new();
        for name in NetNs::list(MADE_PREFIX)? {
            let Ok(id) = name.parse::<InstanceId>() else { continue };
            // One that can't be opened is another host's, on its way in or out, or a stale file.
            if let Ok(namespace) = NetNs::open_named(&name)
                && self.is_marked(id, &namespace)?
            {
                made.push(id);
            }
        }
        Ok(made)
    }

    /// Removes the namespace that was made for an instance.
    pub(crate) fn remove(&self, writes: &Writes, id: InstanceId) -> crate::kernel::Result<()> {
        self.forget(id);
        locked(&self.processes).remove(&id);
        writes.add(1);
        NetNs::delete(&id.to_string()).map(drop)
    }
}

/// Removes every namespace that was made for an instance of the host with these marks.
///
/// # Errors
/// The first of what could not be removed; the rest is removed all the same.
pub(crate) fn remove_namespaces(host: NetNsId, marks: &Marks) -> crate::kernel::Result<()> {
    let (guests, writes) = (Guests::new(host, marks), Writes::default());
    let mut result = Ok(());
    for id in guests.made()? {
        result = result.and(guests.remove(&writes, id));
    }
    result
}
