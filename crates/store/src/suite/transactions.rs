//! All or nothing, on conditions.

use super::*;
use crate::{MAX_KEY_BYTES, MAX_VALUE_BYTES, StoreError};

/// A failing compare keeps every write out and takes no revision; otherwise all writes share one.
pub async fn a_transaction_is_whole_or_not_at_all(make: Make<'_>) {
    let f = make();
    assert_eq!(f.revision(), 0, "a fresh store is at revision 0");
    assert_eq!(f.write(vec![put("a", "1"), put("b", "1")]).await, 1);
    let lost = f.commit(vec![absent("c"), absent("a")], vec![put("a", "2"), put("c", "2"), delete("b")]).await;
    assert_eq!(lost, Outcome::Conflict { failed: absent("a") });
    assert_eq!(f.revision(), 1);
    assert_eq!(f.get("a").map(|stored| stored.value), Some(b"1".to_vec()));
    assert_eq!(f.get("b").map(|stored| stored.modified), Some(1));
    assert_eq!(f.get("c"), None);
    let won = f.commit(vec![absent("c"), unchanged("a", 1)], vec![put("a", "2"), put("c", "2"), delete("b")]).await;
    assert_eq!(won, Outcome::Committed { revision: 2 });
    assert_eq!(f.get("a").map(|stored| (stored.value, stored.modified)), Some((b"2".to_vec(), 2)));
    assert_eq!(f.get("c").map(|stored| stored.modified), Some(2));
    assert_eq!(f.get("b"), None);
}

/// `Absent` fails on a key that exists and holds before it is written and after it is deleted.
pub async fn absent_holds_only_without_the_key(make: Make<'_>) {
    let f = make();
    committed(f.commit(vec![absent("k")], vec![put("k", "1")]).await);
    assert_eq!(f.commit(vec![absent("k")], vec![put("k", "2")]).await, Outcome::Conflict { failed: absent("k") });
    f.write(vec![delete("k")]).await;
    committed(f.commit(vec![absent("k")], vec![put("k", "3")]).await);
}

/// `Unchanged` asks for exactly the revision of the last write, and for the key to exist.
pub async fn unchanged_holds_only_at_its_revision(make: Make<'_>) {
    let f = make();
    assert_eq!(f.commit(vec![unchanged("k", 0)], vec![]).await, Outcome::Conflict { failed: unchanged("k", 0) });
    let first = f.write(vec![put("k", "1")]).await;
    f.write(vec![put("other", "1")]).await;
    let second = committed(f.commit(vec![unchanged("k", first)], vec![put("k", "2")]).await);
    for wrong in [0, first, second + 1, u64::MAX] {
        let outcome = f.commit(vec![unchanged("k", wrong)], vec![put("k", "3")]).await;
        assert_eq!(outcome, Outcome::Conflict { failed: unchanged("k", wrong) });
    }
    f.write(vec![delete("k")]).await;
    let outcome = f.commit(vec![unchanged("k", second)], vec![]).await;
    assert_eq!(outcome, Outcome::Conflict { failed: unchanged("k", second) });
}

/// `RangeUnchanged` fails when a key in the range was added or changed after the revision.
pub async fn range_unchanged_fails_on_a_later_write(make: Make<'_>) {
    let f = make();
    let since = f.write(vec![put("r/a", "1")]).await;
    committed(f.commit(vec![range_unchanged("r/", since)], vec![]).await);
    committed(f.commit(vec![range_unchanged("r/", u64::MAX)], vec![]).await);
    let added = f.write(vec![put("r/b", "1")]).await;
    let failed = range_unchanged("r/", since);
    assert_eq!(f.commit(vec![failed.clone()], vec![put("x", "")]).await, Outcome::Conflict { failed: failed.clone() });
    committed(f.commit(vec![range_unchanged("r/", added)], vec![]).await);
    f.write(vec![put("r/a", "2")]).await;
    let failed = range_unchanged("r/", added);
    assert_eq!(f.commit(vec![failed.clone()], vec![]).await, Outcome::Conflict { failed });
    let failed = range_unchanged("", added);
    assert_eq!(f.commit(vec![failed.clone()], vec![]).await, Outcome::Conflict { failed });
}

/// `RangeUnchanged` is not broken by deletions, by keys that came and went, or by keys beside the range.
pub async fn range_unchanged_ignores_deletions_and_neighbours(make: Make<'_>) {
    let f = make();
    let since = f.write(vec![put("r/a", "1"), put("r/b", "1")]).await;
    f.write(vec![delete("r/a")]).await;
    f.write(vec![put("r", "1"), put("r0", "1"), put("r.", "1"), put("q/\u{10FFFF}", "1")]).await;
    f.write(vec![put("r/c", "1")]).await;
    f.write(vec![delete("r/c")]).await;
    committed(f.commit(vec![range_unchanged("r/", since)], vec![]).await);
    f.write(vec![put("r/\u{10FFFF}", "1")]).await;
    let failed = range_unchanged("r/", since);
    assert_eq!(f.commit(vec![failed.clone()], vec![]).await, Outcome::Conflict { failed });
}

/// The answer of `RangeUnchanged` does not depend on how long ago the range was read, nor on compaction.
pub async fn range_unchanged_reaches_back_over_a_long_history(make: Make<'_>) {
    let f = make();
    let old = f.write(vec![put("quiet/a", "1"), put("busy/a", "1")]).await;
    for n in 0..1100 {
        f.write(vec![put("busy/b", n.to_string())]).await;
    }
    let verify = async || {
        committed(f.commit(vec![range_unchanged("quiet/", old)], vec![]).await);
        let failed = range_unchanged("busy/", old);
        assert_eq!(f.commit(vec![failed.clone()], vec![]).await, Outcome::Conflict { failed });
        let failed = range_unchanged("busy/", f.revision() - 1);
        assert_eq!(f.commit(vec![failed.clone()], vec![]).await, Outcome::Conflict { failed });
    };
    verify().await;
    f.store.compact(f.revision()).await.expect("compaction");
    verify().await;
}

/// Of several compares that do not hold, the first is reported.
pub async fn the_first_failing_compare_is_named(make: Make<'_>) {
    let f = make();
    f.write(vec![put("a", "1")]).await;
    let compares = vec![unchanged("a", 1), unchanged("b", 1), absent("a")];
    assert_eq!(f.commit(compares, vec![]).await, Outcome::Conflict { failed: unchanged("b", 1) });
}

/// Without writes a transaction is a check and answers with the current revision.
pub async fn a_check_takes_no_revision(make: Make<'_>) {
    let f = make();
    assert_eq!(f.write(vec![]).await, 0);
    f.write(vec![put("a", "1")]).await;
    assert_eq!(f.commit(vec![unchanged("a", 1)], vec![]).await, Outcome::Committed { revision: 1 });
    assert_eq!(f.revision(), 1);
}

/// Deleting what is not there is no error, no event and no revision.
pub async fn deleting_absent_keys_writes_nothing(make: Make<'_>) {
    let f = make();
    f.write(vec![put("a", "1")]).await;
    assert_eq!(f.write(vec![delete("x"), delete("y")]).await, 1);
    assert_eq!(f.write(vec![delete("x"), delete("a")]).await, 2);
    let mut watch = f.store.watch(1).expect("a watch");
    assert_eq!(watch.next().await, Ok(batch(2, &[("a", None)])));
}

/// Rules of the contract are checked before anything is written, and the message names the key.
pub async fn invalid_transactions_are_refused(make: Make<'_>) {
    let f = make();
    let long = "k".repeat(MAX_KEY_BYTES + 1);
    let invalid = [
        vec![put("twice", "1"), put("twice", "2")],
        vec![put("twice", "1"), delete("twice")],
        vec![put("", "1")],
        vec![put(&long, "1")],
        vec![put("big", vec![0; MAX_VALUE_BYTES + 1])],
    ];
    for writes in invalid {
        let error = f.store.commit(Txn { compares: vec![], writes }).await.expect_err("an invalid transaction");
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    }
    assert_eq!(f.revision(), 0);
    assert_eq!(f.write(vec![put("fine", "1")]).await, 1);
}

/// Every commit that writes gets the next revision, and a snapshot shows it at once.
pub async fn revisions_are_dense(make: Make<'_>) {
    let f = make();
    for expected in 1..=50 {
        assert_eq!(f.write(vec![put("k", expected.to_string())]).await, expected);
        assert_eq!(f.revision(), expected);
        assert_eq!(f.get("k").map(|stored| stored.modified), Some(expected));
    }
}

/// An empty value is different from no value, in reads and in events.
pub async fn an_empty_value_is_a_value(make: Make<'_>) {
    let f = make();
    f.write(vec![put("empty", "")]).await;
    assert_eq!(f.get("empty").map(|stored| stored.value), Some(vec![]));
    let conflict = f.commit(vec![absent("empty")], vec![]).await;
    assert_eq!(conflict, Outcome::Conflict { failed: absent("empty") });
    let mut watch = f.store.watch(0).expect("a watch");
    assert_eq!(watch.next().await, Ok(batch(1, &[("empty", Some(""))])));
}

/// Values of a mebibyte, with every byte in them, come back in reads and in events.
pub async fn large_values_come_back(make: Make<'_>) {
    let f = make();
    let value: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[(n % 3) as usize]).collect();
    for n in 0..8 {
        f.write(vec![put(&format!("large/{n}"), &value), put("small", "1")]).await;
    }
    assert_eq!(f.get("large/3").map(|stored| stored.value == value), Some(true));
    assert_eq!(f.snapshot().list("large/", "", 8).expect("a list").len(), 8);
    let mut watch = f.store.watch(0).expect("a watch");
    for revision in 1..=8 {
        let batch = watch.next().await.expect("an event");
        assert_eq!((batch.revision, batch.events.len()), (revision, 2));
        assert_eq!(batch.events[0].value.as_ref(), Some(&value));
    }
}
