//! The store's contract in its plainest form: a sorted map with the revision of each key's last write.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use pintle_core::record::Record;
use pintle_core::txn::{Compare, ReadError, Revision, Snapshot, Stored, Txn, Write};

/// A compare that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict(pub(crate) Compare);

/// A store in memory that counts the keys it is asked to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    keys: BTreeMap<String, (Vec<u8>, Revision)>,
    revision: Revision,
    touched: Cell<usize>,
}

impl Store {
    /// Applies a transaction all or nothing.
    pub(crate) fn commit(&mut self, txn: &Txn) -> Result<(), Conflict> {
        let mut written = BTreeSet::new();
        for write in &txn.writes {
            assert!(written.insert(write.key()), "'{}' is written twice in one transaction", write.key());
        }
        self.admits(txn)?;
        if txn.writes.is_empty() {
            return Ok(());
        }
        self.revision += 1;
        for write in &txn.writes {
            match write {
                Write::Put { key, value } => {
                    self.keys.insert(key.clone(), (value.clone(), self.revision));
                }
                Write::Delete { key } => {
                    self.keys.remove(key);
                }
            }
        }
        Ok(())
    }

    /// Whether every compare of a transaction holds now.
    pub(crate) fn admits(&self, txn: &Txn) -> Result<(), Conflict> {
        match txn.compares.iter().find(|compare| !self.holds(compare)) {
            Some(broken) => Err(Conflict(broken.clone())),
            None => Ok(()),
        }
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Absent { key } => !self.keys.contains_key(key),
            Compare::Unchanged { key, modified } => self.keys.get(key).is_some_and(|(_, at)| at == modified),
            Compare::RangeUnchanged { prefix, since } => self.within(prefix).all(|(_, (_, at))| at <= since),
        }
    }

    fn within<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a (Vec<u8>, Revision))> {
        self.keys.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Sets a key outside any transaction, to set a scene that commands would take too long to reach.
    pub(crate) fn plant(&mut self, key: String, value: Vec<u8>) {
        self.keys.insert(key, (value, self.revision));
    }

    /// Everything that is stored, without revisions.
    pub(crate) fn content(&self) -> BTreeMap<&str, &[u8]> {
        self.keys.iter().map(|(key, (value, _))| (key.as_str(), value.as_slice())).collect()
    }

    /// The present revision.
    pub(crate) fn at(&self) -> Revision {
        self.revision
    }

    /// The record at a key.
    pub(crate) fn record<R: Record>(&self, key: &str) -> Option<R> {
        self.keys.get(key).map(|(value, _)| read(key, value))
    }

    /// All records of a kind.
    pub(crate) fn records<R: Record>(&self) -> Vec<R> {
        self.within(&format!("{}/", R::KIND)).map(|(key, (value, _))| read(key, value)).collect()
    }

    /// How many keys have been read since the last call: one for each key asked for, and each that a list returned.
    pub(crate) fn take_touched(&self) -> usize {
        self.touched.take()
    }

    fn touch(&self, keys: usize) {
        self.touched.set(self.touched.get() + keys);
    }
}

fn read<R: Record>(key: &str, value: &[u8]) -> R {
    serde_json::from_slice(value).unwrap_or_else(|error| panic!("'{key}': {error}"))
}

impl Snapshot for Store {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        self.touch(1);
        let stored = self.keys.get(key);
        Ok(stored.map(|(value, modified)| Stored { key: key.to_owned(), value: value.clone(), modified: *modified }))
    }

    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let from = if start > prefix { start } else { prefix };
        let found: Vec<Stored> = self
            .keys
            .range(from.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, (value, modified))| Stored { key: key.clone(), value: value.clone(), modified: *modified })
            .collect();
        self.touch(1 + found.len());
        Ok(found)
    }

    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        self.touch(1);
        Ok(self.within(prefix).count() as u64)
    }
}
