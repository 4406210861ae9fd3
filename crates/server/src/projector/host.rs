//! One host's desired state: entries, what was removed lately, and both by the revision of their last change.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::compile::Subject;
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::txn::Revision;

/// How many removals of one host are remembered, so that an agent that was away can go on with deltas. The memory for
/// them is at most some 2 MiB per host; whoever was away for longer gets a snapshot.
const MAX_TOMBSTONES: usize = 10_000;

/// An entry, when it last changed, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The entry.
    pub entry: Entry,
    /// The revision that made it what it is.
    pub revision: Revision,
    /// The subject that put it last. Only that one may remove it: an address moves from one interface to another without
    /// the old one taking away what the new one has put.
    pub owner: Subject,
}

/// What one host should have.
#[derive(Debug, Default)]
pub struct HostDesired {
    entries: BTreeMap<EntryKey, Slot>,
    tombstones: BTreeMap<EntryKey, Revision>,
    /// Every key that has an entry or a tombstone, under the revision of its last change.
    changes: BTreeMap<Revision, BTreeSet<EntryKey>>,
    /// Removals at or before this revision are forgotten.
    forgotten: Revision,
}

impl HostDesired {
    /// Nothing desired, and nothing known about removals up to `forgotten`.
    pub(super) fn new(forgotten: Revision) -> Self {
        HostDesired { forgotten, ..HostDesired::default() }
    }

    /// The entry at a key.
    pub fn get(&self, key: &EntryKey) -> Option<&Slot> {
        self.entries.get(key)
    }

    /// All entries in the order of their keys.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&EntryKey, &Slot)> {
        self.entries.iter()
    }

    /// The keys that changed after a revision, oldest change first, with their entry unless they were removed.
    pub fn changed_since(&self, after: Revision) -> impl Iterator<Item = (EntryKey, Option<&Slot>)> {
        let later = self.changes.range(after.saturating_add(1)..);
        later.flat_map(|(_, keys)| keys).map(|key| (*key, self.entries.get(key)))
    }

    /// Whether everything that happened after a revision is still known, so that deltas can go on from there.
    pub fn reaches_back_to(&self, after: Revision) -> bool {
        after >= self.forgotten
    }

    /// From which applied revision on a host is known to have nothing at this key; `None` while it should have it.
    pub fn absent_since(&self, key: &EntryKey) -> Option<Revision> {
        if self.entries.contains_key(key) {
            return None;
        }
        Some(self.tombstones.get(key).copied().unwrap_or(self.forgotten))
    }

    /// Sets an entry; whether it changed.
    pub(super) fn put(&mut self, key: EntryKey, entry: Entry, owner: Subject, revision: Revision) -> bool {
        if let Some(slot) = self.entries.get_mut(&key)
            && slot.entry == entry
        {
            slot.owner = owner;
            return false;
        }
        let before = self.entries.insert(key, Slot { entry, revision, owner }).map(|slot| slot.revision);
        let before = before.or_else(|| self.tombstones.remove(&key));
        self.changed(key, before, revision);
        true
    }

    /// Removes an entry if `owner` has put it; whether it did.
    pub(super) fn remove(&mut self, key: EntryKey, owner: Subject, revision: Revision) -> bool {
        if self.entries.get(&key).is_none_or(|slot| slot.owner != owner) {
            return false;
        }
        let before = self.entries.remove(&key).map(|slot| slot.revision);
        self.tombstones.insert(key, revision);
        self.changed(key, before, revision);
        self.forget_oldest();
        true
    }

    fn changed(&mut self, key: EntryKey, before: Option<Revision>, revision: Revision) {
        if let Some(before) = before {
            self.drop_change(before, &key);
        }
        self.changes.entry(revision).or_default().insert(key);
    }

    fn drop_change(&mut self, revision: Revision, key: &EntryKey) {
        if let Some(keys) = self.changes.get_mut(&revision) {
            keys.remove(key);
            if keys.is_empty() {
                self.changes.remove(&revision);
            }
        }
    }

    /// Halves the tombstones when there are too many, so that the cost is spread over many removals.
    fn forget_oldest(&mut self) {
        if self.tombstones.len() <= MAX_TOMBSTONES {
            return;
        }
        let mut by_age: Vec<(Revision, EntryKey)> = self.tombstones.iter().map(|(key, at)| (*at, *key)).collect();
        by_age.sort_unstable();
        let newest_forgotten = by_age[by_age.len() / 2].0;
        for (revision, key) in by_age.into_iter().take_while(|(revision, _)| *revision <= newest_forgotten) {
            self.tombstones.remove(&key);
            self.drop_change(revision, &key);
        }
        self.forgotten = self.forgotten.max(newest_forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pintle_core::host_spec::{EndpointSpec, InstanceSpec};
    use pintle_core::model::Namespace;
    use std::net::Ipv4Addr;

    fn key(n: u32) -> EntryKey {
        EntryKey::Endpoint(1, Ipv4Addr::from(n).into())
    }
    fn subject(n: u64) -> Subject {
        Subject::Vni(format!("eni-{n:017x}").parse().expect("an id"))
    }
    const GATEWAY: Entry = Entry::Endpoint(EndpointSpec::Gateway);
    fn other() -> Entry {
        Entry::Instance(InstanceSpec { namespace: Namespace::Made, serves: None })
    }

    #[test]
    fn a_subject_removes_only_what_it_put_last() {
        let mut host = HostDesired::new(0);
        assert!(host.put(key(1), GATEWAY, subject(1), 5));
        assert!(!host.put(key(1), GATEWAY, subject(2), 6), "the same entry is no change");
        assert!(!host.remove(key(1), subject(1), 7), "another subject has it now");
        assert_eq!(host.get(&key(1)).map(|slot| slot.revision), Some(5));
        assert!(host.remove(key(1), subject(2), 8));
        assert_eq!(host.absent_since(&key(1)), Some(8));
        assert!(host.put(key(1), other(), subject(1), 9));
        assert_eq!(host.absent_since(&key(1)), None);
    }

    #[test]
    fn changes_are_listed_once_each_from_any_revision() {
        let mut host = HostDesired::new(0);
        host.put(key(1), GATEWAY, subject(1), 1);
        host.put(key(2), GATEWAY, subject(1), 2);
        host.put(key(1), other(), subject(1), 3);
        host.remove(key(2), subject(1), 4);
        let changed = |after| host.changed_since(after).map(|(key, slot)| (key, slot.is_some())).collect::<Vec<_>>();
        assert_eq!(changed(0), [(key(1), true), (key(2), false)]);
        assert_eq!(changed(3), [(key(2), false)]);
        assert_eq!(changed(4), []);
    }

    #[test]
    fn removals_are_forgotten_in_bounds_and_the_host_says_so() {
        let mut host = HostDesired::new(3);
        assert!(!host.reaches_back_to(2) && host.reaches_back_to(3));
        let last = 3 * MAX_TOMBSTONES as u32;
        for n in 0..last {
            host.put(key(n), GATEWAY, subject(1), 10 + u64::from(n));
            host.remove(key(n), subject(1), 10 + u64::from(n));
        }
        assert!(host.tombstones.len() <= MAX_TOMBSTONES);
        assert!(!host.reaches_back_to(10) && host.reaches_back_to(10 + u64::from(last)));
        assert_eq!(host.absent_since(&key(0)), Some(host.forgotten));
        assert_eq!(host.changes.len(), host.tombstones.len(), "nothing is left behind of what is forgotten");
    }
}
