//! Following the history without a gap.

use std::time::Duration;

use super::*;
use crate::StoreError;

/// A watch from a past revision gives every batch after it, and only those.
pub async fn a_watch_begins_in_the_past(make: Make<'_>) {
    let f = make();
    for n in 1..=5 {
        f.write(vec![put("k", n.to_string())]).await;
    }
    for after in 0..=4 {
        let mut watch = f.store.watch(after).expect("a watch");
        assert_eq!(watch.position(), after);
        for revision in after + 1..=5 {
            assert_eq!(watch.next().await, Ok(batch(revision, &[("k", Some(&revision.to_string()))])));
            assert_eq!(watch.position(), revision);
        }
    }
}

/// A watch that has seen everything waits, and wakes for the next commit.
pub async fn a_watch_goes_on_live(make: Make<'_>) {
    let f = make();
    f.write(vec![put("k", "1")]).await;
    let mut watch = f.store.watch(0).expect("a watch");
    assert_eq!(watch.next().await, Ok(batch(1, &[("k", Some("1"))])));
    for revision in 2..=20 {
        let value = revision.to_string();
        let (seen, written) = tokio::join!(watch.next(), f.write(vec![put("k", &value)]));
        assert_eq!((seen, written), (Ok(batch(revision, &[("k", Some(&value))])), revision));
    }
}

/// A batch has all writes of one commit, in their order.
pub async fn a_batch_is_one_commit_in_order(make: Make<'_>) {
    let f = make();
    f.write(vec![put("z", "1"), put("a", "1"), put("m", "1")]).await;
    f.write(vec![delete("m"), put("b", "2"), delete("a")]).await;
    let mut watch = f.store.watch(0).expect("a watch");
    assert_eq!(watch.next().await, Ok(batch(1, &[("z", Some("1")), ("a", Some("1")), ("m", Some("1"))])));
    assert_eq!(watch.next().await, Ok(batch(2, &[("m", None), ("b", Some("2")), ("a", None)])));
}

/// What did not happen is not seen.
pub async fn a_conflict_is_not_an_event(make: Make<'_>) {
    let f = make();
    let mut watch = f.store.watch(0).expect("a watch");
    f.commit(vec![unchanged("k", 9)], vec![put("k", "lost")]).await;
    f.write(vec![]).await;
    f.write(vec![put("k", "won")]).await;
    assert_eq!(watch.next().await, Ok(batch(1, &[("k", Some("won"))])));
}

/// A revision that the store has not reached belongs to another history.
pub async fn a_watch_ahead_of_the_store_is_refused(make: Make<'_>) {
    let f = make();
    f.write(vec![put("k", "1")]).await;
    assert!(f.store.watch(1).is_ok());
    for after in [2, u64::MAX] {
        assert_eq!(f.store.watch(after).err(), Some(StoreError::Future { after, current: 1 }));
    }
}

/// After a compaction, watches from before it fail and name the oldest revision; so does one that had fallen behind.
pub async fn compaction_ends_a_watch_of_the_past(make: Make<'_>) {
    let f = make();
    let mut behind = f.store.watch(0).expect("a watch");
    for n in 1..=10 {
        f.write(vec![put("k", n.to_string())]).await;
    }
    f.store.compact(6).await.expect("compaction");
    for after in 0..6 {
        assert_eq!(f.store.watch(after).err(), Some(StoreError::Compacted { oldest: 7 }));
    }
    assert_eq!(behind.next().await, Err(StoreError::Compacted { oldest: 7 }));
    assert_eq!(behind.next().await, Err(StoreError::Compacted { oldest: 7 }), "the error does not go away");
}

/// Compaction takes only events up to its revision. Beyond the store it means all; below the last one, nothing.
pub async fn compaction_keeps_values_and_later_events(make: Make<'_>) {
    let f = make();
    for n in 1..=10 {
        f.write(vec![put(&format!("k{n:02}"), n.to_string())]).await;
    }
    f.store.compact(6).await.expect("compaction");
    f.store.compact(3).await.expect("compaction");
    assert_eq!(f.snapshot().count("k").expect("a count"), 10);
    assert_eq!(f.get("k01").map(|stored| stored.modified), Some(1));
    let mut watch = f.store.watch(6).expect("the compacted revision itself can be watched from");
    for n in 7..=10 {
        assert_eq!(watch.next().await, Ok(batch(n, &[(&format!("k{n:02}"), Some(&n.to_string()))])));
    }
    f.store.compact(u64::MAX).await.expect("compaction");
    assert_eq!(f.store.watch(9).err(), Some(StoreError::Compacted { oldest: 11 }));
    let mut watch = f.store.watch(10).expect("a watch");
    assert_eq!(f.write(vec![put("k", "11")]).await, 11);
    assert_eq!(watch.next().await, Ok(batch(11, &[("k", Some("11"))])));
}

/// A wait that is given up loses no event.
pub async fn a_dropped_wait_takes_nothing(make: Make<'_>) {
    let f = make();
    let mut watch = f.store.watch(0).expect("a watch");
    for revision in 1..=30 {
        let given_up = tokio::time::timeout(Duration::from_millis(1), watch.next()).await;
        assert!(given_up.is_err(), "nothing has been written yet: {given_up:?}");
        f.write(vec![put("k", "1"), put("l", "1")]).await;
        assert_eq!(watch.next().await.map(|batch| (batch.revision, batch.events.len())), Ok((revision, 2)));
    }
}

/// A history of many reads comes whole and in order, also when later events are written during it.
pub async fn a_long_history_comes_whole(make: Make<'_>) {
    let f = make();
    let value = vec![7; 3000];
    let writes = |n: u64| (0..5).map(|part| put(&format!("k{n}/{part}"), &value)).collect();
    for n in 1..=300 {
        f.write(writes(n)).await;
    }
    let mut watch = f.store.watch(0).expect("a watch");
    for n in 1..=600 {
        let batch = watch.next().await.expect("an event");
        assert_eq!((batch.revision, batch.events.len()), (n, 5));
        assert_eq!(batch.events[4].key, format!("k{n}/4"));
        if n <= 300 {
            f.write(writes(n + 300)).await;
        }
    }
}

/// A watch does not keep a store open, and says so when it is closed.
pub async fn a_watch_ends_with_its_store(make: Make<'_>) {
    let f = make();
    f.write(vec![put("k", "1")]).await;
    let mut watch = f.store.watch(1).expect("a watch");
    drop(f);
    assert_eq!(watch.next().await, Err(StoreError::Closed));
}
