//! What this host should have, as the server has said so far.

mod uses;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, InstanceSpec, LocationSpec, PortNic, PortSpec, RouteSpec};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::net::Mac;
use pintle_core::txn::Revision;

pub use uses::{GroupSet, Uses, in_force};

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
    uses: Uses,
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

    /// Every entry: instances and policy first, then ports, then what sends packets to them.
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

    /// Whether an instance is a virtual machine, whose ports are taps.
    pub fn is_tap(&self, id: InstanceId) -> bool {
        self.instance(id).is_some_and(|spec| spec.namespace.is_tap())
    }

    /// The port with this id.
    pub fn port(&self, id: AttachmentId) -> Option<&PortSpec> {
        match self.entries.get(&EntryKey::Port(id)) {
            Some(Entry::Port(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The routes of one of a segment's route tables, or, with [`OWN_TABLE`](pintle_core::host_spec::OWN_TABLE), its own.
    pub fn routes(&self, segment: u32, table: u8) -> impl Iterator<Item = (IpNet, &RouteSpec)> {
        let first = EntryKey::Route(segment, table, IpNet::default());
        self.entries.range(first..).map_while(move |(key, entry)| match (key, entry) {
            (EntryKey::Route(of, number, net), Entry::Route(spec)) if (*of, *number) == (segment, table) => {
                Some((*net, spec))
            }
            _ => None,
        })
    }

    /// The MAC addresses of a segment that packets are accepted from, with where that is.
    pub fn locations(&self, segment: u32) -> impl Iterator<Item = (Mac, &LocationSpec)> {
        let first = EntryKey::Location(segment, Mac([0; 6]));
        self.entries.range(first..).map_while(move |(key, entry)| match (key, entry) {
            (EntryKey::Location(of, mac), Entry::Location(spec)) if *of == segment => Some((*mac, spec)),
            _ => None,
        })
    }

    /// What the entries rely on.
    pub fn uses(&self) -> &Uses {
        &self.uses
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
            (EntryKey::Port(id), Entry::Port(spec)) => Some((*id, &**spec)),
            _ => None,
        })
    }

    fn put(&mut self, key: EntryKey, entry: Entry) {
        self.remove(&key);
        if let (EntryKey::Port(id), Entry::Port(spec)) = (&key, &entry) {
            self.ports.entry(spec.instance).or_default().insert(*id);
        }
        self.uses.add(&key, &entry);
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &EntryKey) {
        let Some(removed) = self.entries.remove(key) else { return };
        self.uses.remove(key, &removed);
        if let (EntryKey::Port(id), Entry::Port(spec)) = (key, removed)
            && let Some(ports) = self.ports.get_mut(&spec.instance)
        {
            ports.remove(id);
            if ports.is_empty() {
                self.ports.remove(&spec.instance);
            }
        }
    }

    /// The ports that use VLANs of a port's card.
    pub fn vlans_of(&self, card: AttachmentId) -> impl Iterator<Item = AttachmentId> {
        let instance = self.port(card).filter(|spec| card_of(spec).is_none()).map(|spec| spec.instance);
        let others = instance.and_then(|instance| self.ports.get(&instance)).into_iter().flatten().copied();
        others.filter(move |id| self.port(*id).and_then(card_of) == Some(card))
    }

    /// An instance's ports live in its namespace, and those of VLANs on another's card; a port's device stands in the endpoints
    /// of its addresses; one of those addresses stands in the location of the interface's MAC.
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
                for port in self.vlans_of(*id) {
                    touched.insert(EntryKey::Port(port));
                    self.add_dependents(&EntryKey::Port(port), touched);
                }
            }
            EntryKey::Endpoint(segment, _) => {
                if let Some(Entry::Endpoint(EndpointSpec::Vni(spec))) = self.entries.get(key) {
                    touched.insert(EntryKey::Location(*segment, spec.mac));
                }
            }
            // A port names the ACL that it has, or the one that denies everything.
            EntryKey::Acl(id) => {
                touched.extend(self.uses.acls().get(id).into_iter().flatten().map(|p| EntryKey::Port(*p)))
            }
            // Other rules are not in the entries of the ports that they judge; routes are found by packets.
            EntryKey::PrefixList(_)
            | EntryKey::Group(_)
            | EntryKey::Location(..)
            | EntryKey::Route(..)
            | EntryKey::FloatingIp(_)
            | EntryKey::Share(_) => {}
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

/// The port whose card a port uses a VLAN of, if it has none of its own.
pub fn card_of(spec: &PortSpec) -> Option<AttachmentId> {
    match spec.nic {
        PortNic::Vlan { card, .. } => Some(card),
        PortNic::Card { .. } => None,
    }
}
