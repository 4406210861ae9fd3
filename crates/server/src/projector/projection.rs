//! Desired state of all hosts at one revision, and what each subject contributed to it.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::compile::{HostEntries, Subject};
use pintle_core::host_spec::EntryKey;
use pintle_core::id::HostId;
use pintle_core::txn::Revision;

use super::HostDesired;

/// Subjects with the entries that were worked out for them.
pub type Compiled = Vec<(Subject, HostEntries)>;

/// What all hosts should have at one revision.
#[derive(Debug)]
pub struct Projection {
    revision: Revision,
    /// Where this projection began: it knows of no removal before.
    start: Revision,
    hosts: BTreeMap<HostId, HostDesired>,
    emitted: BTreeMap<Subject, BTreeMap<HostId, BTreeSet<EntryKey>>>,
    nothing: HostDesired,
}

impl Projection {
    /// A projection that begins with these subjects at this revision.
    pub fn new(revision: Revision, subjects: Compiled) -> Self {
        let mut projection = Projection {
            revision,
            start: revision,
            hosts: BTreeMap::new(),
            emitted: BTreeMap::new(),
            nothing: HostDesired::new(revision),
        };
        projection.apply(revision, subjects);
        projection
    }

    /// The revision that it shows.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What a host should have.
    pub fn host(&self, id: HostId) -> &HostDesired {
        self.hosts.get(&id).unwrap_or(&self.nothing)
    }

    /// Every subject that has entries somewhere.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.emitted.keys().copied()
    }

    /// The hosts on which a subject has entries.
    pub fn hosts_of(&self, subject: Subject) -> impl Iterator<Item = HostId> {
        self.emitted.get(&subject).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// The keys of a subject's entries on a host.
    pub fn keys_of(&self, subject: Subject, host: HostId) -> impl Iterator<Item = EntryKey> {
        self.emitted.get(&subject).and_then(|hosts| hosts.get(&host)).into_iter().flatten().copied()
    }

    /// From which applied revision on a host is up to date with all entries of a subject; 0 when it has none.
    pub fn settled_at(&self, subject: Subject, host: HostId) -> Revision {
        let desired = self.host(host);
        self.keys_of(subject, host).filter_map(|key| desired.get(&key)).map(|slot| slot.revision).max().unwrap_or(0)
    }

    /// Goes on to a revision with the subjects that were worked out again at it; the hosts for which something changed.
    pub fn apply(&mut self, revision: Revision, subjects: Compiled) -> BTreeSet<HostId> {
        let mut changed = BTreeSet::new();
        let start = self.start;
        let mut removals: Vec<(Subject, HostId, EntryKey)> = Vec::new();
        // All puts come before all removals: a key that goes from one subject to another in one commit is never gone.
        for (subject, hosts) in subjects {
            let mut keys: BTreeMap<HostId, BTreeSet<EntryKey>> = BTreeMap::new();
            for (host, entries) in hosts {
                keys.insert(host, entries.keys().copied().collect());
                let desired = self.hosts.entry(host).or_insert_with(|| HostDesired::new(start));
                for (key, entry) in entries {
                    if desired.put(key, entry, subject, revision) {
                        changed.insert(host);
                    }
                }
            }
            let before = self.emitted.remove(&subject).unwrap_or_default();
            for (host, old) in before {
                let kept = keys.get(&host);
                let gone = old.into_iter().filter(|key| kept.is_none_or(|kept| !kept.contains(key)));
                removals.extend(gone.map(|key| (subject, host, key)));
            }
            if !keys.is_empty() {
                self.emitted.insert(subject, keys);
            }
        }
        for (subject, host, key) in removals {
            if self.hosts.get_mut(&host).is_some_and(|desired| desired.remove(key, subject, revision)) {
                changed.insert(host);
            }
        }
        self.revision = self.revision.max(revision);
        changed
    }

    /// Forgets a host whose record is gone. Should it come back, it can't go on from where it was: what it had to remove
    /// is forgotten too.
    pub fn forget(&mut self, host: HostId) {
        self.hosts.insert(host, HostDesired::new(self.revision));
    }
}
