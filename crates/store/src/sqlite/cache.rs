//! Values that snapshots have read again and again: VPCs, subnets, groups, limits.
//!
//! After each commit SQLite's readers forget the pages that they had read, and a busy server commits all the time: most of
//! what a decision costs would be reading the same few records anew.
//!
//! What is held is always of the newest state: the writer announces each write *before* it commits. An entry says at which
//! revision it became true, and serves snapshots from there on; older ones read the file. What a snapshot has read is taken in
//! only if nothing was written to that key after the snapshot's revision.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pintle_core::txn::{Revision, Stored};

use crate::Batch;

/// Parts with a lock each, so that readers seldom meet.
const SHARDS: usize = 16;
/// Bytes of keys and values that a shard holds; 4 MiB in all.
const SHARD_BYTES: usize = 256 << 10;
/// Larger values are not worth their room.
const LARGEST: usize = 16 << 10;
/// Values of at least so many bytes are records and not ids in an index. Those are held from their write on: they are read
/// back at once, for who has made them and for their hosts.
const RECORD: usize = 128;
/// Keys whose last write a shard remembers; older snapshots than the oldest of these can't add to it.
const REMEMBERED: usize = 1024;
/// Places in which a key is noted when it is first read; only who comes a second time is let in.
const NOTED: usize = 512;

/// What is known of keys at the newest revision that was announced.
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Box<str>, Entry>,
    bytes: usize,
    /// When keys were last written, by their hashes.
    written: HashMap<u64, Revision>,
    /// Snapshots of before this revision can't add anything.
    floor: Revision,
    noted: Vec<u64>,
}

/// What a key holds, if anything, from a revision on.
struct Entry {
    since: Revision,
    value: Option<Value>,
    /// Held because it was written, not because it was read again and again.
    fresh: bool,
}

impl Entry {
    /// Bytes of its key and its value.
    fn bytes(&self, key: &str) -> usize {
        key.len() + self.value.as_ref().map_or(0, |value| value.bytes.len())
    }
}

struct Value {
    bytes: Vec<u8>,
    modified: Revision,
}

impl Cache {
    pub(super) fn new() -> Self {
        Cache { shards: Default::default(), hasher: RandomState::new() }
    }

    /// What a snapshot at this revision finds at a key; `None`: it must look itself.
    pub(super) fn get(&self, key: &str, revision: Revision) -> Option<Option<Stored>> {
        let shard = self.shard(self.hasher.hash_one(key));
        let entry = shard.entries.get(key).filter(|entry| entry.since <= revision)?;
        let stored =
            |value: &Value| Stored { key: key.to_owned(), value: value.bytes.clone(), modified: value.modified };
        Some(entry.value.as_ref().map(stored))
    }

    /// What a snapshot at this revision has found in the file.
    pub(super) fn offer(&self, key: &str, found: Option<&Stored>, revision: Revision) {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        if found.is_some_and(|stored| stored.value.len() > LARGEST)
            || !shard.is_news(hash, revision)
            || !shard.comes_again(hash)
        {
            return;
        }
        let value = found.map(|stored| Value { bytes: stored.value.clone(), modified: stored.modified });
        let since = value.as_ref().map_or(revision, |value| value.modified);
        shard.set(key, Entry { since, value, fresh: false });
    }

    /// What is about to be committed. If it comes to nothing, [`Cache::clear`] must be called before anything else is committed.
    pub(super) fn announce(&self, batches: &[std::sync::Arc<Batch>]) {
        for batch in batches {
            for event in &batch.events {
                let hash = self.hasher.hash_one(event.key.as_str());
                let mut shard = self.shard(hash);
                shard.remember(hash, batch.revision);
                let is_record = event.value.as_ref().is_some_and(|value| value.len() >= RECORD);
                if is_record || shard.entries.contains_key(event.key.as_str()) {
                    let value = event.value.as_ref().filter(|value| value.len() <= LARGEST);
                    match (value, &event.value) {
                        (None, Some(_)) => shard.forget(&event.key),
                        (value, _) => {
                            let value = value.map(|bytes| Value { bytes: bytes.clone(), modified: batch.revision });
                            let fresh = shard.entries.get(event.key.as_str()).is_none_or(|entry| entry.fresh);
                            shard.set(&event.key, Entry { since: batch.revision, value, fresh });
                        }
                    }
                }
            }
        }
    }

    /// Forgets all values.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.entries.clear();
            shard.bytes = 0;
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The upper bits: the lower ones choose a place within the shard.
        lock(&self.shards[(hash >> 60) as usize % SHARDS])
    }
}

impl Shard {
    /// Whether nothing was written to the key after this revision.
    fn is_news(&self, hash: u64, revision: Revision) -> bool {
        revision >= self.floor && self.written.get(&hash).is_none_or(|written| *written <= revision)
    }

    /// Whether the key was noted, which it is from now on.
    fn comes_again(&mut self, hash: u64) -> bool {
        self.noted.resize(NOTED, 0);
        std::mem::replace(&mut self.noted[hash as usize % NOTED], hash) == hash
    }

    fn remember(&mut self, hash: u64, revision: Revision) {
        if self.written.len() >= REMEMBERED {
            self.floor = self.written.drain().map(|(_, written)| written).max().unwrap_or(self.floor);
        }
        self.written.insert(hash, revision);
    }

    fn set(&mut self, key: &str, entry: Entry) {
        self.forget(key);
        let bytes = entry.bytes(key);
        if self.bytes + bytes > SHARD_BYTES {
            self.make_room();
        }
        self.bytes += bytes;
        self.entries.insert(key.into(), entry);
    }

    /// Drops what was only written; if that is little, everything: what is still read comes again soon.
    fn make_room(&mut self) {
        self.entries.retain(|_, entry| !entry.fresh);
        self.bytes = self.entries.iter().map(|(key, entry)| entry.bytes(key)).sum();
        if self.bytes > SHARD_BYTES / 2 {
            self.entries.clear();
            self.bytes = 0;
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes(key);
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Event;

    fn stored(text: &str, modified: Revision) -> Stored {
        Stored { key: "key".to_owned(), value: text.as_bytes().to_vec(), modified }
    }

    fn write(cache: &Cache, revision: Revision, value: Option<&str>) {
        let value = value.map(|text| text.as_bytes().to_vec());
        let events = vec![Event { key: "key".to_owned(), value }];
        cache.announce(&[Arc::new(Batch { revision, events })]);
    }

    /// Read twice at this revision, which is what lets it in.
    fn read(cache: &Cache, found: Option<&Stored>, revision: Revision) {
        (0..2).for_each(|_| cache.offer("key", found, revision));
    }

    #[test]
    fn what_was_read_twice_is_known_to_snapshots_from_its_write_on() {
        let cache = Cache::new();
        cache.offer("key", Some(&stored("one", 3)), 5);
        assert_eq!(cache.get("key", 5), None, "once is not enough");
        read(&cache, Some(&stored("one", 3)), 5);
        for revision in 3..9 {
            assert_eq!(cache.get("key", revision), Some(Some(stored("one", 3))));
        }
        assert_eq!(cache.get("key", 2), None);
    }

    #[test]
    fn what_was_not_there_is_known_from_that_look_on() {
        let cache = Cache::new();
        read(&cache, None, 5);
        assert_eq!((cache.get("key", 4), cache.get("key", 5), cache.get("key", 6)), (None, Some(None), Some(None)));
    }

    #[test]
    fn a_write_takes_the_place_of_what_is_held_and_older_snapshots_look_themselves() {
        let cache = Cache::new();
        read(&cache, Some(&stored("one", 3)), 5);
        write(&cache, 6, Some("two"));
        assert_eq!((cache.get("key", 5), cache.get("key", 6)), (None, Some(Some(stored("two", 6)))));
        write(&cache, 7, None);
        assert_eq!((cache.get("key", 6), cache.get("key", 7)), (None, Some(None)));
    }

    #[test]
    fn what_an_old_snapshot_has_read_is_not_taken_in_after_a_write() {
        let cache = Cache::new();
        write(&cache, 6, Some("two"));
        read(&cache, Some(&stored("one", 3)), 5);
        assert_eq!(cache.get("key", 9), None);
        read(&cache, Some(&stored("two", 6)), 6);
        assert_eq!(cache.get("key", 9), Some(Some(stored("two", 6))));
    }

    #[test]
    fn writes_that_are_no_longer_remembered_still_keep_old_snapshots_out() {
        let cache = Cache::new();
        write(&cache, 6, Some("two"));
        for revision in 7..100_000 {
            let events = vec![Event { key: format!("other-{revision}"), value: None }];
            cache.announce(&[Arc::new(Batch { revision, events })]);
        }
        read(&cache, Some(&stored("one", 3)), 5);
        assert_eq!(cache.get("key", 100_000), None);
        let remembered: usize = cache.shards.iter().map(|shard| lock(shard).written.len()).sum();
        assert!(remembered <= SHARDS * REMEMBERED, "{remembered}");
    }

    #[test]
    fn records_are_held_from_their_write_on_and_go_before_what_is_read_again_and_again() {
        let cache = Cache::new();
        read(&cache, Some(&stored("one", 3)), 5);
        let record = |number: u64| Event { key: format!("record-{number}"), value: Some(vec![0; RECORD]) };
        for revision in 6..100_000 {
            cache.announce(&[Arc::new(Batch { revision, events: vec![record(revision)] })]);
            assert!(cache.get(&record(revision).key, revision).is_some());
        }
        assert_eq!(cache.get("key", 100_000), Some(Some(stored("one", 3))));
        assert_eq!(cache.get(&record(6).key, 100_000), None);
        let held: usize = cache.shards.iter().map(|shard| lock(shard).bytes).sum();
        let counted = |shard: &Shard| shard.entries.iter().map(|(key, entry)| entry.bytes(key)).sum::<usize>();
        assert_eq!(held, cache.shards.iter().map(|shard| counted(&lock(shard))).sum::<usize>());
    }

    #[test]
    fn memory_is_bounded_and_large_values_stay_out() {
        let cache = Cache::new();
        for number in 0..20_000 {
            let key = format!("key-{number}");
            let found = Stored { key: key.clone(), value: vec![0; 1000], modified: 1 };
            (0..2).for_each(|_| cache.offer(&key, Some(&found), 1));
        }
        let held: usize = cache.shards.iter().map(|shard| lock(shard).bytes).sum();
        assert!((1..=SHARDS * SHARD_BYTES).contains(&held), "{held}");
        let large = Stored { value: vec![0; LARGEST + 1], ..stored("", 1) };
        read(&cache, Some(&large), 1);
        assert_eq!(cache.get("key", 1), None);
        read(&cache, Some(&stored("one", 1)), 1);
        let events = vec![Event { key: "key".to_owned(), value: Some(large.value) }];
        cache.announce(&[Arc::new(Batch { revision: 2, events })]);
        assert_eq!(cache.get("key", 2), None);
        cache.clear();
        assert!(cache.shards.iter().all(|shard| lock(shard).entries.is_empty()));
    }
}
