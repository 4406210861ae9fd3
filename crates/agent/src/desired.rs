//! What this host should have, as the server has said so far.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::host_spec::{Entry, EntryKey, InstanceSpec, PortSpec};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::txn::Revision;

/// A change of desired state, from one revision to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// New and changed entries.
    pub put: Vec<(EntryKey, Entry)>,
    /// Entries that must go.
    pub removed: Vec<EntryKey>,
}

/// The desired state of this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    entries: BTreeMap<EntryKey, Entry>,
    /// The ports of each instance, so that a change of an instance costs its own ports.
    ports: BTreeMap<InstanceId, BTreeSet<AttachmentId>>,
    revision: Revision,
}

impl Desired {
    /// The state that a snapshot shows.
    pub fn new(revision: Revision, entries: impl IntoIterator<Item = (EntryKey, Entry)>) -> Self {
        let mut desired = Desired { revision, ..Desired::default() };
        for (key, entry) in entries {
            desired.put(key, entry);
        }
        desired
    }

    /// The revision it is of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Takes a delta in. Gives the keys that it names, and those of entries that depend on them.
    pub fn apply(&mut self, revision: Revision, delta: Delta) -> BTreeSet<EntryKey> {
        let mut touched = BTreeSet::new();
        for key in delta.removed {
            self.add_dependents(&key, &mut touched);
            touched.insert(key);
            self.remove(&key);
        }
        for (key, entry) in delta.put {
            self.add_dependents(&key, &mut touched);
            self.put(key, entry);
            self.add_dependents(&key, &mut touched);
            touched.insert(key);
        }
        self.revision = revision;
        touched
    }

    /// Every entry, instances first, then ports, then what sends packets to them.
    pub fn entries(&self) -> &BTreeMap<EntryKey, Entry> {
        &self.entries
    }

    /// The entry with this key.
    pub fn get(&self, key: &EntryKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The instance with this id.
    pub fn instance(&self, id: InstanceId) -> Option<&InstanceSpec> {
        match self.entries.get(&EntryKey::Instance(id)) {
            Some(Entry::Instance(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The port with this id.
    pub fn port(&self, id: AttachmentId) -> Option<&PortSpec> {
        match self.entries.get(&EntryKey::Port(id)) {
            Some(Entry::Port(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The instances, in the order of their ids.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &InstanceSpec)> {
        self.entries.iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Instance(id), Entry::Instance(spec)) => Some((*id, spec)),
            _ => None,
        })
    }

    /// The ports, in the order of their ids.
    pub fn ports(&self) -> impl Iterator<Item = (AttachmentId, &PortSpec)> {
        self.entries.iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Port(id), Entry::Port(spec)) => Some((*id, spec)),
            _ => None,
        })
    }

    fn put(&mut self, key: EntryKey, entry: Entry) {
        self.remove(&key);
        if let (EntryKey::Port(id), Entry::Port(spec)) = (&key, &entry) {
            self.ports.entry(spec.instance).or_default().insert(*id);
        }
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &EntryKey) {
        let removed = self.entries.remove(key);
        if let (EntryKey::Port(id), Some(Entry::Port(spec))) = (key, removed)
            && let Some(ports) = self.ports.get_mut(&spec.instance)
        {
            ports.remove(id);
            if ports.is_empty() {
                self.ports.remove(&spec.instance);
            }
        }
    }

    /// An instance's ports live in its namespace; a port's device stands in the endpoints of its addresses.
    fn add_dependents(&self, key: &EntryKey, touched: &mut BTreeSet<EntryKey>) {
        match key {
            EntryKey::Instance(id) => {
                for port in self.ports.get(id).into_iter().flatten() {
                    touched.insert(EntryKey::Port(*port));
                    self.add_dependents(&EntryKey::Port(*port), touched);
                }
            }
            EntryKey::Port(id) => {
                if let Some(spec) = self.port(*id) {
                    touched.extend(spec.addresses.iter().map(|address| EntryKey::Endpoint(spec.segment, *address)));
                    touched.insert(EntryKey::Instance(spec.instance));
                }
            }
            EntryKey::Location(..) | EntryKey::Endpoint(..) => {}
        }
    }
}

impl Delta {
    /// Takes a later change in: what it says of an entry replaces what was said before.
    pub fn join(&mut self, later: Delta) {
        let said: BTreeSet<EntryKey> =
            later.put.iter().map(|(key, _)| *key).chain(later.removed.iter().copied()).collect();
        self.put.retain(|(key, _)| !said.contains(key));
        self.removed.retain(|key| !said.contains(key));
        self.put.extend(later.put);
        self.removed.extend(later.removed);
    }
}
