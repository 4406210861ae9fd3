//! Typed access to the maps of entries, whether they are found by hash, by index or by the longest prefix.

use std::marker::PhantomData;

use crate::cells::Epochs;
use crate::entry::Entry;
use crate::error::Result;
use crate::maps::Map;
use crate::skel::Plain;

/// How many entries one system call writes or deletes.
const BATCH: usize = 4096;

/// One map of entries `E`.
///
/// A write exchanges the whole entry at once: a packet sees the old or the new one, never a mixture.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a, E> {
    map: &'a Map,
    counted: Option<&'a Epochs>,
    entry: PhantomData<E>,
}

impl<'a, E: Entry> Table<'a, E> {
    pub(crate) fn new(map: &'a Map) -> Self {
        Table { map, counted: None, entry: PhantomData }
    }

    /// One whose changes are counted, so that the programs may keep copies of its entries.
    pub(crate) fn counted(map: &'a Map, epochs: &'a Epochs) -> Self {
        Table { map, counted: Some(epochs), entry: PhantomData }
    }

    /// After a write, also one that failed: some of it may have been done.
    fn written<T>(&self, result: Result<T>) -> Result<T> {
        self.counted.into_iter().for_each(Epochs::ports_changed);
        result
    }

    /// The entry under `key`.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn get(&self, key: &E::Key) -> Result<Option<E>> {
        let value = self.map.lookup(E::raw_key(key).bytes())?;
        Ok(value.and_then(|bytes| E::RawValue::from_bytes(&bytes)).map(|raw| E::from_raw(&raw)))
    }

    /// Writes the entry, new or not.
    ///
    /// # Errors
    /// When a field can never be right, the map is full, or the kernel refuses.
    pub fn put(&self, key: &E::Key, entry: &E) -> Result<()> {
        entry.check(key)?;
        self.written(self.map.update(E::raw_key(key).bytes(), entry.raw_value().bytes()))
    }

    /// Deletes the entry. Returns whether it was there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(&self, key: &E::Key) -> Result<bool> {
        self.written(self.map.delete(E::raw_key(key).bytes()))
    }

    /// Writes many entries with few system calls. Each is exchanged at once; the whole is not.
    ///
    /// # Errors
    /// As [`put`](Self::put). Bad entries are found before anything is written; after another error some may be written.
    pub fn put_many(&self, entries: &[(E::Key, E)]) -> Result<()> {
        entries.iter().try_for_each(|(key, entry)| entry.check(key))?;
        for batch in entries.chunks(BATCH) {
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            for (key, entry) in batch {
                keys.extend_from_slice(E::raw_key(key).bytes());
                values.extend_from_slice(entry.raw_value().bytes());
            }
            self.written(self.map.update_batch(&keys, &values, batch.len()))?;
        }
        Ok(())
    }

    /// Deletes many entries with few system calls. Entries that are not there are passed over.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete_many(&self, keys: &[E::Key]) -> Result<()> {
        for batch in keys.chunks(BATCH) {
            let raw: Vec<u8> = batch.iter().flat_map(|key| E::raw_key(key).bytes().to_vec()).collect();
            self.written(self.map.delete_batch(&raw, batch.len()))?;
        }
        Ok(())
    }

    /// Every entry, sorted by key. Entries written or deleted meanwhile may or may not be among them.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn entries(&self) -> Result<Vec<(E::Key, E)>> {
        let mut entries = Vec::new();
        self.map.for_each(|key, value| {
            if let (Some(key), Some(value)) = (E::RawKey::from_bytes(key), E::RawValue::from_bytes(value)) {
                entries.push((E::key_from_raw(&key), E::from_raw(&value)));
            }
        })?;
        entries.sort_by_key(|(key, _)| *key);
        // A concurrent change can move an entry between buckets while they are read.
        entries.dedup_by(|(left, _), (right, _)| left == right);
        Ok(entries)
    }
}
