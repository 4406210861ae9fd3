//! The two engines give the same answers to the same random transactions.

use pintle_core::txn::{Compare, Snapshot, Stored, Txn, Write};
use pintle_store::{Batch, MemoryStore, Outcome, SqliteSettings, SqliteStore, Store, StoreError};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// One thing done to both engines.
#[derive(Debug, Clone)]
enum Step {
    Commit(Txn),
    /// Opens a snapshot that is read only at the end.
    Snapshot,
    /// Compacts this many revisions behind the newest.
    Compact(u64),
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a/", "a/x", "a/y", "a/\u{10FFFF}", "a0", "b", "b/1", "\u{10FFFF}"])
        .prop_map(str::to_owned)
}

fn prefix() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "a/", "a/\u{10FFFF}", "b", "c", "\u{10FFFF}"]).prop_map(str::to_owned)
}

fn compare() -> impl Strategy<Value = Compare> {
    prop_oneof![
        key().prop_map(|key| Compare::Absent { key }),
        (key(), 0..40_u64).prop_map(|(key, modified)| Compare::Unchanged { key, modified }),
        (prefix(), 0..40_u64).prop_map(|(prefix, since)| Compare::RangeUnchanged { prefix, since }),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (key(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(key, value)| Write::Put { key, value }),
        2 => key().prop_map(|key| Write::Delete { key }),
    ]
}

fn txn() -> impl Strategy<Value = Txn> {
    let compares = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(compare(), 1..3)];
    (compares, prop::collection::vec(write(), 0..5)).prop_map(|(compares, writes)| Txn { compares, writes })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => txn().prop_map(Step::Commit),
        2 => Just(Step::Snapshot),
        1 => (0..10_u64).prop_map(Step::Compact),
    ]
}

/// Everything a snapshot can say about the few keys there are.
fn reading(snapshot: &dyn Snapshot) -> (u64, Vec<Vec<Stored>>, Vec<u64>) {
    let prefixes = ["", "a", "a/", "a/\u{10FFFF}", "b", "c", "\u{10FFFF}"];
    let starts = ["", "a/x", "a0", "\u{10FFFF}"];
    let lists = prefixes
        .iter()
        .flat_map(|prefix| starts.iter().flat_map(move |start| [1, 3, 100].map(|limit| (prefix, start, limit))))
        .map(|(prefix, start, limit)| snapshot.list(prefix, start, limit).expect("a list"))
        .collect();
    let counts = prefixes.iter().map(|prefix| snapshot.count(prefix).expect("a count")).collect();
    (snapshot.revision(), lists, counts)
}

async fn history(store: &dyn Store, after: u64) -> Result<Vec<Batch>, StoreError> {
    let newest = store.snapshot()?.revision();
    let mut watch = store.watch(after)?;
    let mut batches = Vec::new();
    while watch.position() < newest {
        batches.push(watch.next().await?);
    }
    Ok(batches)
}

async fn run(sqlite: &SqliteStore, memory: &MemoryStore, steps: Vec<Step>) {
    let mut open = Vec::new();
    for step in steps {
        match step {
            Step::Commit(txn) => {
                let ours: Result<Outcome, StoreError> = sqlite.commit(txn.clone()).await;
                assert_eq!(ours, memory.commit(txn.clone()).await, "{txn:?}");
            }
            Step::Snapshot => open.push((sqlite.snapshot().expect("open"), memory.snapshot().expect("open"))),
            Step::Compact(behind) => {
                let newest = memory.snapshot().expect("open").revision();
                sqlite.compact(newest.saturating_sub(behind)).await.expect("compaction");
                memory.compact(newest.saturating_sub(behind)).await.expect("compaction");
            }
        }
    }
    open.push((sqlite.snapshot().expect("open"), memory.snapshot().expect("open")));
    for (ours, theirs) in &open {
        assert_eq!(reading(ours.as_ref()), reading(theirs.as_ref()));
    }
    for after in 0..=45 {
        assert_eq!(history(sqlite, after).await, history(memory, after).await, "history after {after}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5706_E000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn sqlite_and_memory_agree(steps in prop::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let sqlite = SqliteStore::open(&directory.path().join("store.db"), SqliteSettings::default()).expect("open");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(&sqlite, &MemoryStore::default(), steps));
    }
}
