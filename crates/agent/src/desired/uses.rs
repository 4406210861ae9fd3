//! What entries rely on, counted while they come and go: a change then costs what it touches, and nothing is searched for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortPolicy};
use pintle_core::id::{AttachmentId, NetworkAclId, SecurityGroupId};
use pintle_core::net::Mac;

/// Security groups that act together, sorted: a policy, if a port has them, an identity, if a remote interface does.
pub type GroupSet = Vec<SecurityGroupId>;

/// What the entries of a desired state rely on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    policies: BTreeMap<GroupSet, BTreeSet<AttachmentId>>,
    identities: BTreeMap<GroupSet, usize>,
    acls: BTreeMap<NetworkAclId, BTreeSet<AttachmentId>>,
    addresses: BTreeMap<(u32, Mac), BTreeSet<IpAddr>>,
}

/// The groups that judge a port's packets.
pub fn in_force(policy: &PortPolicy) -> &GroupSet {
    policy.quarantine.as_ref().unwrap_or(&policy.groups)
}

impl Uses {
    /// The sets of groups that ports are judged by, or would be, each with those ports.
    pub fn policies(&self) -> &BTreeMap<GroupSet, BTreeSet<AttachmentId>> {
        &self.policies
    }

    /// The sets of groups that interfaces anywhere are members of.
    pub fn identities(&self) -> impl Iterator<Item = &GroupSet> {
        self.identities.keys()
    }

    /// The network ACLs that ports name, each with those ports.
    pub fn acls(&self) -> &BTreeMap<NetworkAclId, BTreeSet<AttachmentId>> {
        &self.acls
    }

    /// One address of the interface with this MAC: the lowest, IPv4 before IPv6. All of them lead to the same place.
    pub fn address_of(&self, segment: u32, mac: Mac) -> Option<IpAddr> {
        self.addresses.get(&(segment, mac))?.first().copied()
    }

    pub(super) fn add(&mut self, key: &EntryKey, entry: &Entry) {
        match (key, entry) {
            (EntryKey::Port(id), Entry::Port(spec)) => {
                for groups in [Some(in_force(&spec.policy)), spec.policy.shadow.as_ref()].into_iter().flatten() {
                    self.policies.entry(groups.clone()).or_default().insert(*id);
                }
                if let Some(acl) = spec.policy.acl {
                    self.acls.entry(acl).or_default().insert(*id);
                }
            }
            (EntryKey::Endpoint(segment, addr), Entry::Endpoint(EndpointSpec::Vni(spec))) => {
                *self.identities.entry(spec.groups.clone()).or_default() += 1;
                self.addresses.entry((*segment, spec.mac)).or_default().insert(*addr);
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, key: &EntryKey, entry: &Entry) {
        match (key, entry) {
            (EntryKey::Port(id), Entry::Port(spec)) => {
                for groups in [Some(in_force(&spec.policy)), spec.policy.shadow.as_ref()].into_iter().flatten() {
                    remove_from(&mut self.policies, groups, id);
                }
                if let Some(acl) = &spec.policy.acl {
                    remove_from(&mut self.acls, acl, id);
                }
            }
            (EntryKey::Endpoint(segment, addr), Entry::Endpoint(EndpointSpec::Vni(spec))) => {
                if let Some(count) = self.identities.get_mut(&spec.groups) {
                    *count -= 1;
                    if *count == 0 {
                        self.identities.remove(&spec.groups);
                    }
                }
                remove_from(&mut self.addresses, &(*segment, spec.mac), addr);
            }
            _ => {}
        }
    }
}

fn remove_from<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(values) = map.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            map.remove(key);
        }
    }
}
