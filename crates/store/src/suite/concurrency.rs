//! Many at once: nothing lost, nothing twice, nothing out of order.

use tokio::task::JoinSet;

use super::*;

const WRITERS: u64 = 8;
const WRITES: u64 = 60;

/// Under concurrent writers every watch, wherever it begins, sees each revision once, whole and in order.
pub async fn watches_never_skip_under_writers(make: Make<'_>) {
    let f = make();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        tasks.spawn(write_and_follow(f.store.clone(), writer));
    }
    for _ in 0..3 {
        tasks.spawn(follow(f.store.clone(), 0));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics");
    }
    assert_eq!(f.revision(), WRITERS * WRITES);
    assert_eq!(f.snapshot().count("w/").expect("a count"), WRITERS * WRITES + 1);
}

/// Commits one writer's part, and now and then begins a watch from where the store is at that moment.
async fn write_and_follow(store: Arc<dyn Store>, writer: u64) {
    let mut watches = JoinSet::new();
    for n in 0..WRITES {
        let own = format!("w/{writer}/{n}");
        let writes = vec![put(&own, n.to_string()), put("w/last", &own)];
        committed(store.commit(Txn { compares: vec![], writes }).await.expect("a commit"));
        if n.is_multiple_of(7) {
            let from = store.snapshot().expect("a snapshot").revision();
            watches.spawn(follow(store.clone(), from));
        }
    }
    watches.join_all().await;
}

/// Follows from `after` to the last revision of all writers and checks each batch.
async fn follow(store: Arc<dyn Store>, after: Revision) {
    let mut watch = store.watch(after).expect("a watch");
    for revision in after + 1..=WRITERS * WRITES {
        let batch = watch.next().await.expect("an event");
        assert_eq!(batch.revision, revision);
        assert_eq!(batch.events.len(), 2);
        assert_eq!(batch.events[1].value.as_deref(), Some(batch.events[0].key.as_bytes()), "one commit's writes");
    }
}

/// Read, add one, compare and swap, from many tasks: no increment is lost and none is applied twice.
pub async fn a_counter_counts_every_increment(make: Make<'_>) {
    const TASKS: u64 = 16;
    const INCREMENTS: u64 = 12;
    let f = make();
    f.write(vec![put("counter", "0")]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = f.store.clone();
        tasks.spawn(async move {
            for _ in 0..INCREMENTS {
                while !increment(&store).await {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics");
    }
    let counter = f.get("counter").expect("the counter");
    assert_eq!(counter.value, (TASKS * INCREMENTS).to_string().into_bytes());
    assert_eq!(counter.modified, 1 + TASKS * INCREMENTS, "one revision per increment");
}

async fn increment(store: &Arc<dyn Store>) -> bool {
    let read = store.snapshot().expect("a snapshot").get("counter").expect("a read").expect("the counter");
    let value: u64 = String::from_utf8(read.value).expect("text").parse().expect("a number");
    let compares = vec![unchanged("counter", read.modified)];
    let writes = vec![put("counter", (value + 1).to_string())];
    matches!(store.commit(Txn { compares, writes }).await.expect("a commit"), Outcome::Committed { .. })
}

/// Of many that claim a key which must be absent, exactly one gets it.
pub async fn a_unique_key_has_one_owner(make: Make<'_>) {
    let f = make();
    for round in 0..10 {
        let key = format!("unique/{round}");
        let winners = race(&f, |n| Txn { compares: vec![absent(&key)], writes: vec![put(&key, n.to_string())] }).await;
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(f.get(&key).map(|stored| stored.value), Some(winners[0].to_string().into_bytes()));
    }
}

/// Of many that add to a range on the condition that nobody has, exactly one does.
pub async fn a_range_check_admits_one(make: Make<'_>) {
    let f = make();
    for round in 0..10 {
        let prefix = format!("range/{round}/");
        let since = f.revision();
        let winners = race(&f, |n| Txn {
            compares: vec![range_unchanged(&prefix, since)],
            writes: vec![put(&format!("{prefix}{n}"), "1")],
        })
        .await;
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(f.snapshot().count(&prefix).expect("a count"), 1);
    }
}

/// Commits the transactions of 16 tasks at once and returns which were committed.
async fn race(f: &Fixture, txn: impl Fn(usize) -> Txn) -> Vec<usize> {
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let (store, txn) = (f.store.clone(), txn(n));
        tasks.spawn(async move { (n, store.commit(txn).await.expect("a commit")) });
    }
    let done = tasks.join_all().await;
    done.into_iter().filter(|(_, outcome)| matches!(outcome, Outcome::Committed { .. })).map(|(n, _)| n).collect()
}
