//! What a snapshot reads by key is what it lists, whatever is committed and read at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pintle_core::txn::{Snapshot, Txn, Write};
use pintle_store::{SqliteSettings, SqliteStore, Store};

const KEYS: usize = 24;

fn key(number: usize) -> String {
    format!("k/{number:02}")
}

/// Each key by itself, and all of them by a list, which knows no cache.
fn agrees(snapshot: &dyn Snapshot) -> bool {
    let listed = snapshot.list("k/", "", usize::MAX).expect("list");
    let read: Vec<_> = (0..KEYS).filter_map(|number| snapshot.get(&key(number)).expect("get")).collect();
    assert_eq!(read, listed, "at revision {}", snapshot.revision());
    !listed.is_empty()
}

/// Xorshift: any numbers will do.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// One to three keys, each put or deleted.
    fn writes(&mut self) -> Vec<Write> {
        let first = self.below(KEYS as u64) as usize;
        let several = 1 + self.below(3) as usize;
        let keys = (first..first + several).map(|number| key(number % KEYS));
        keys.map(|key| match self.below(3) {
            0 => Write::Delete { key },
            _ => Write::Put { key, value: self.below(u64::MAX).to_be_bytes().to_vec() },
        })
        .collect()
    }
}

#[test]
fn keys_read_one_by_one_are_those_of_the_same_snapshots_list() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = SqliteStore::open(&directory.path().join("store.db"), SqliteSettings::default()).expect("open");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|reader| {
                let (store, over) = (&store, &over);
                scope.spawn(move || {
                    let mut compared = 0u32;
                    while !over.load(Ordering::Relaxed) {
                        let snapshot = store.snapshot().expect("snapshot");
                        // Some look at once, others when several commits have gone by.
                        if reader % 2 == 1 {
                            std::thread::sleep(Duration::from_millis(3));
                        }
                        compared += u32::from(agrees(&*snapshot));
                    }
                    compared
                })
            })
            .collect();
        for writer in 0..4 {
            let (store, over) = (&store, &over);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
                let mut random = Random(writer + 1);
                while !over.load(Ordering::Relaxed) {
                    let txn = Txn { compares: Vec::new(), writes: random.writes() };
                    runtime.block_on(store.commit(txn)).expect("commit");
                }
            });
        }
        std::thread::sleep(Duration::from_secs(2));
        over.store(true, Ordering::Relaxed);
        let compared: u32 = readers.into_iter().map(|reader| reader.join().expect("a reader")).sum();
        assert!(compared > 20, "{compared} snapshots");
    });
}
