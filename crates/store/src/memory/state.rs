//! Keys with their versions, and the log of events.
//!
//! A key keeps older versions only while an open snapshot may read them. `superseded` remembers, in the order of
//! revisions, which keys have something to forget, so that forgetting costs what was written and never a scan.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use pintle_core::txn::{Compare, Revision, Stored, Txn, Write};

use crate::range::prefix_end;
use crate::watch::READ_BYTES;
use crate::{Batch, Event, Outcome, StoreError};

/// One write to a key; no value when it was deleted.
struct Version {
    modified: Revision,
    value: Option<Arc<[u8]>>,
}

/// Everything a memory store holds.
pub(super) struct State {
    revision: Revision,
    compacted: Revision,
    history_revisions: u64,
    /// Versions in ascending order of revision; never empty.
    keys: BTreeMap<String, Vec<Version>>,
    /// The batches of the revisions `compacted + 1 ..= revision`.
    log: VecDeque<Arc<Batch>>,
    /// How many snapshots are open at each revision.
    open: BTreeMap<Revision, usize>,
    /// At this revision the key got a newer version or was deleted.
    superseded: VecDeque<(Revision, String)>,
}

impl State {
    pub(super) fn new(history_revisions: u64) -> Self {
        State {
            revision: 0,
            compacted: 0,
            history_revisions,
            keys: BTreeMap::new(),
            log: VecDeque::new(),
            open: BTreeMap::new(),
            superseded: VecDeque::new(),
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Applies a transaction that has passed the limits.
    pub(super) fn apply(&mut self, txn: Txn) -> Outcome {
        if let Some(failed) = txn.compares.iter().find(|compare| !self.holds(compare)) {
            return Outcome::Conflict { failed: failed.clone() };
        }
        let revision = self.revision + 1;
        let events: Vec<Event> = txn.writes.into_iter().filter_map(|write| self.write(write, revision)).collect();
        if !events.is_empty() {
            self.revision = revision;
            self.log.push_back(Arc::new(Batch { revision, events }));
            self.compact(revision.saturating_sub(self.history_revisions));
            self.forget();
        }
        Outcome::Committed { revision: self.revision }
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Absent { key } => self.at(key, self.revision).is_none(),
            Compare::Unchanged { key, modified } => {
                self.at(key, self.revision).is_some_and(|(last, _)| last == *modified)
            }
            Compare::RangeUnchanged { prefix, since } => {
                *since >= self.revision
                    || !self.range(prefix, "", self.revision).any(|(_, modified, _)| modified > *since)
            }
        }
    }

    /// Writes one key at `revision` and says what happened, if anything did.
    fn write(&mut self, write: Write, revision: Revision) -> Option<Event> {
        let (key, value) = match write {
            Write::Put { key, value } => (key, Some(value)),
            Write::Delete { key } => {
                self.at(&key, self.revision)?;
                (key, None)
            }
        };
        let versions = self.keys.entry(key.clone()).or_default();
        if value.is_none() || !versions.is_empty() {
            self.superseded.push_back((revision, key.clone()));
        }
        versions.push(Version { modified: revision, value: value.as_deref().map(Arc::from) });
        Some(Event { key, value })
    }

    /// The visible version of a key at a revision.
    fn at(&self, key: &str, revision: Revision) -> Option<(Revision, &Arc<[u8]>)> {
        visible(self.keys.get(key)?, revision)
    }

    /// The keys of a prefix that exist at a revision, in order, from the first that is `>= start`.
    fn range<'a>(
        &'a self,
        prefix: &str,
        start: &str,
        revision: Revision,
    ) -> impl Iterator<Item = (&'a String, Revision, &'a Arc<[u8]>)> + use<'a> {
        let from = prefix.max(start);
        let end = prefix_end(prefix);
        // A start beyond the prefix makes the range empty; BTreeMap would panic on the reversed bounds.
        let beyond = end.as_deref().is_some_and(|end| from >= end);
        let upper = match end {
            Some(_) if beyond => Bound::Included(from.to_owned()),
            Some(end) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        let found = self.keys.range::<str, _>((Bound::Included(from), upper.as_ref().map(String::as_str)));
        found
            .take_while(move |_| !beyond)
            .filter_map(move |(key, versions)| visible(versions, revision).map(|(at, value)| (key, at, value)))
    }

    pub(super) fn get(&self, key: &str, revision: Revision) -> Option<Stored> {
        let (modified, value) = self.at(key, revision)?;
        Some(Stored { key: key.to_owned(), value: value.to_vec(), modified })
    }

    pub(super) fn list(&self, prefix: &str, start: &str, limit: usize, revision: Revision) -> Vec<Stored> {
        self.range(prefix, start, revision)
            .take(limit)
            .map(|(key, modified, value)| Stored { key: key.clone(), value: value.to_vec(), modified })
            .collect()
    }

    pub(super) fn count(&self, prefix: &str, revision: Revision) -> u64 {
        self.range(prefix, "", revision).fold(0, |count, _| count + 1)
    }

    /// Opens a snapshot of the current revision and says which that is.
    pub(super) fn open_snapshot(&mut self) -> Revision {
        *self.open.entry(self.revision).or_default() += 1;
        self.revision
    }

    /// Closes one of the snapshots that were opened at `revision`.
    pub(super) fn close_snapshot(&mut self, revision: Revision) {
        if let Some(count) = self.open.get_mut(&revision) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&revision);
            }
        }
        self.forget();
    }

    /// Drops the versions that no open snapshot and no future one can see.
    fn forget(&mut self) {
        let horizon = self.open.keys().next().copied().unwrap_or(self.revision);
        while self.superseded.front().is_some_and(|(revision, _)| *revision <= horizon) {
            let Some((_, key)) = self.superseded.pop_front() else { return };
            let Some(versions) = self.keys.get_mut(&key) else { continue };
            let seen = versions.partition_point(|version| version.modified <= horizon);
            let last = seen.saturating_sub(1);
            // A deletion that everyone sees is the same as no version at all.
            let deleted = versions.get(last).is_some_and(|version| version.value.is_none());
            versions.drain(..if deleted { seen } else { last });
            if versions.is_empty() {
                self.keys.remove(&key);
            }
        }
    }

    /// Drops the events up to `upto`, or up to the current revision if that is lower.
    pub(super) fn compact(&mut self, upto: Revision) {
        while self.compacted < upto && self.log.pop_front().is_some() {
            self.compacted += 1;
        }
    }

    /// Whether the history can be followed from `after`.
    pub(super) fn check_watch(&self, after: Revision) -> Result<(), StoreError> {
        if after < self.compacted {
            return Err(StoreError::Compacted { oldest: self.compacted + 1 });
        }
        if after > self.revision {
            return Err(StoreError::Future { after, current: self.revision });
        }
        Ok(())
    }

    /// The next batches after `after`, about [`READ_BYTES`] of them.
    pub(super) fn events_after(&self, after: Revision) -> Result<Vec<Arc<Batch>>, StoreError> {
        self.check_watch(after)?;
        // The log is dense, so the distance from its beginning is the position; a log too long for memory cannot be.
        let skip = usize::try_from(after - self.compacted).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut batches = Vec::new();
        for batch in self.log.iter().skip(skip) {
            batches.push(batch.clone());
            bytes += batch.bytes();
            if bytes >= READ_BYTES {
                break;
            }
        }
        Ok(batches)
    }
}

/// The last version at or before a revision, unless it is a deletion.
fn visible(versions: &[Version], revision: Revision) -> Option<(Revision, &Arc<[u8]>)> {
    let version = versions.iter().rev().find(|version| version.modified <= revision)?;
    version.value.as_ref().map(|value| (version.modified, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(state: &mut State, key: &str) {
        let writes = vec![Write::Put { key: key.to_owned(), value: vec![7] }];
        state.apply(Txn { compares: vec![], writes });
    }

    fn delete(state: &mut State, key: &str) {
        state.apply(Txn { compares: vec![], writes: vec![Write::Delete { key: key.to_owned() }] });
    }

    fn versions(state: &State) -> usize {
        state.keys.values().map(Vec::len).sum()
    }

    #[test]
    fn without_snapshots_only_current_versions_are_kept() {
        let mut state = State::new(10);
        for _ in 0..5 {
            put(&mut state, "a");
            put(&mut state, "b");
        }
        delete(&mut state, "b");
        assert_eq!((versions(&state), state.keys.len(), state.superseded.len()), (1, 1, 0));
    }

    #[test]
    fn versions_live_as_long_as_the_snapshot_that_sees_them() {
        let mut state = State::new(10);
        put(&mut state, "a");
        let old = state.open_snapshot();
        delete(&mut state, "a");
        let between = state.open_snapshot();
        put(&mut state, "a");
        assert_eq!(versions(&state), 3);
        assert!(state.get("a", old).is_some());
        assert!(state.get("a", between).is_none());
        state.close_snapshot(old);
        assert!(state.get("a", between).is_none());
        assert_eq!(state.get("a", state.revision()).map(|stored| stored.modified), Some(3));
        state.close_snapshot(between);
        assert_eq!((versions(&state), state.superseded.len()), (1, 0));
    }

    #[test]
    fn history_is_trimmed_to_the_setting() {
        let mut state = State::new(3);
        for _ in 0..10 {
            put(&mut state, "a");
        }
        assert_eq!((state.compacted, state.log.len()), (7, 3));
        assert_eq!(state.check_watch(6), Err(StoreError::Compacted { oldest: 8 }));
        assert_eq!(state.events_after(7).map(|batches| batches.len()), Ok(3));
    }
}
