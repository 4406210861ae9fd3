//! What a snapshot shows.

use super::*;

/// A list is ordered by bytes, begins at the first key that is not below `start`, and ends at the limit.
pub async fn a_list_is_in_byte_order_from_start_to_limit(make: Make<'_>) {
    let f = make();
    f.write(["l/b", "l/a", "l/é", "l/Z", "l/a/x", "l/~", "m"].iter().map(|key| put(key, key)).collect()).await;
    let snapshot = f.snapshot();
    let list = |start: &str, limit| {
        let list = snapshot.list("l/", start, limit).expect("a list");
        keys(&list).join(" ")
    };
    assert_eq!(list("", 100), "l/Z l/a l/a/x l/b l/~ l/é");
    assert_eq!(list("", usize::MAX), "l/Z l/a l/a/x l/b l/~ l/é");
    assert_eq!(list("", 2), "l/Z l/a");
    assert_eq!(list("", 0), "");
    assert_eq!(list("l/a", 2), "l/a l/a/x");
    assert_eq!(list("l/a\0", 2), "l/a/x l/b");
    assert_eq!(list("a", 1), "l/Z", "a start before the prefix is the beginning of the prefix");
    assert_eq!(list("l/\u{10FFFF}", 9), "");
    assert_eq!(list("m", 9), "", "a start beyond the prefix finds nothing");
    assert_eq!(list("z", 9), "");
    let first = snapshot.list("l/", "", 1).expect("a list").remove(0);
    assert_eq!(first, Stored { key: "l/Z".to_owned(), value: b"l/Z".to_vec(), modified: 1 });
}

/// A prefix takes in all keys that begin with it, up to the highest character, and none beside it.
pub async fn a_prefix_ends_where_its_keys_end(make: Make<'_>) {
    let f = make();
    let all = ["a", "a.", "a/", "a/\0", "a/x", "a/\u{D7FF}", "a/\u{E000}", "a/\u{10FFFF}", "a/\u{10FFFF}z", "a0", "b"];
    let highest = ["\u{10FFFF}", "\u{10FFFF}\u{10FFFF}"];
    f.write(all.iter().chain(&highest).map(|key| put(key, "1")).collect()).await;
    let snapshot = f.snapshot();
    for prefix in ["", "a", "a/", "a0", "a/\u{10FFFF}", "a/\u{D7FF}", "\u{10FFFF}", "b", "c"] {
        let expected: Vec<&str> = all.iter().chain(&highest).copied().filter(|key| key.starts_with(prefix)).collect();
        let list = snapshot.list(prefix, "", 100).expect("a list");
        assert_eq!(keys(&list), expected, "prefix {prefix:?}");
        assert_eq!(snapshot.count(prefix).expect("a count"), expected.len() as u64, "prefix {prefix:?}");
    }
}

/// A count follows puts, overwrites and deletions.
pub async fn a_count_is_of_the_prefix(make: Make<'_>) {
    let f = make();
    assert_eq!(f.snapshot().count("").expect("a count"), 0);
    f.write((0..100).map(|n| put(&format!("c/{n:03}"), "1")).collect()).await;
    f.write((0..10).map(|n| put(&format!("c/{n:03}"), "2")).chain([delete("c/099")]).collect()).await;
    assert_eq!(f.snapshot().count("c/").expect("a count"), 99);
    assert_eq!(f.snapshot().count("c/00").expect("a count"), 10);
    assert_eq!(f.snapshot().count("d/").expect("a count"), 0);
}

/// Nothing that is committed after a snapshot was taken shows in it, by any way of reading.
pub async fn a_snapshot_does_not_move(make: Make<'_>) {
    let f = make();
    f.write(vec![put("s/a", "1"), put("s/b", "1")]).await;
    let snapshot = f.snapshot();
    for n in 0..20 {
        f.write(vec![put("s/a", n.to_string()), put(&format!("s/new{n}"), "1")]).await;
    }
    assert_eq!(snapshot.revision(), 1);
    assert_eq!(snapshot.get("s/a").expect("a read").map(|s| (s.value, s.modified)), Some((b"1".to_vec(), 1)));
    assert_eq!(snapshot.get("s/new3").expect("a read"), None);
    assert_eq!(keys(&snapshot.list("s/", "", 100).expect("a list")), ["s/a", "s/b"]);
    assert_eq!(snapshot.count("s/").expect("a count"), 2);
    assert_eq!((f.revision(), f.snapshot().count("s/").expect("a count")), (21, 22));
}

/// A snapshot keeps a key that is deleted, written again and deleted again after it.
pub async fn a_snapshot_keeps_what_was_deleted(make: Make<'_>) {
    let f = make();
    f.write(vec![put("d", "old")]).await;
    let snapshot = f.snapshot();
    f.write(vec![delete("d")]).await;
    f.write(vec![put("d", "new")]).await;
    f.write(vec![delete("d")]).await;
    f.store.compact(4).await.expect("compaction");
    assert_eq!(snapshot.get("d").expect("a read").map(|stored| stored.value), Some(b"old".to_vec()));
    assert_eq!(f.get("d"), None);
}

/// Several snapshots are open at once, each at its revision, and may be dropped in any order.
pub async fn snapshots_are_independent(make: Make<'_>) {
    let f = make();
    let mut open = Vec::new();
    for n in 1..=12 {
        f.write(vec![put("k", n.to_string())]).await;
        open.push((n, f.snapshot()));
    }
    while !open.is_empty() {
        let (n, snapshot) = open.remove(open.len() / 2);
        assert_eq!(snapshot.revision(), n);
        let value = snapshot.get("k").expect("a read").map(|stored| stored.value);
        assert_eq!(value, Some(n.to_string().into_bytes()));
    }
}
