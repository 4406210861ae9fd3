//! The SQLite engine's file: who may open it, what it keeps, how large it gets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pintle_core::txn::{Compare, Txn, Write};
use pintle_store::{Outcome, SqliteSettings, SqliteStore, Store, StoreError};

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { directory: tempfile::tempdir().expect("temporary directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    fn open(&self) -> SqliteStore {
        self.open_with(SqliteSettings::default())
    }

    fn open_with(&self, settings: SqliteSettings) -> SqliteStore {
        SqliteStore::open(&self.path(), settings).expect("open")
    }

    fn refusal(&self) -> StoreError {
        SqliteStore::open(&self.path(), SqliteSettings::default()).expect_err("it should be refused")
    }
}

async fn put(store: &SqliteStore, key: &str, value: &[u8]) {
    let writes = vec![Write::Put { key: key.to_owned(), value: value.to_vec() }];
    let outcome = store.commit(Txn { compares: vec![], writes }).await.expect("a commit");
    assert!(matches!(outcome, Outcome::Committed { .. }));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_store_opens_again_where_it_was() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", b"1").await;
    put(&store, "b", b"2").await;
    store.compact(1).await.expect("compaction");
    drop(store);
    let store = place.open();
    let snapshot = store.snapshot().expect("a snapshot");
    assert_eq!(snapshot.revision(), 2);
    assert_eq!(snapshot.get("a").expect("a read").map(|stored| (stored.value, stored.modified)), Some((vec![b'1'], 1)));
    drop(snapshot);
    assert_eq!(store.watch(0).err(), Some(StoreError::Compacted { oldest: 2 }));
    let mut watch = store.watch(1).expect("a watch");
    assert_eq!(watch.next().await.map(|batch| batch.events[0].key.clone()), Ok("b".to_owned()));
    put(&store, "c", b"3").await;
    assert_eq!(watch.next().await.map(|batch| batch.revision), Ok(3));
}

#[tokio::test]
async fn a_store_is_open_once() {
    let place = Place::new();
    let store = place.open();
    let StoreError::Locked { holder, .. } = place.refusal() else { panic!("it should be locked") };
    assert_eq!(holder, std::process::id().to_string());
    put(&store, "still", b"working").await;
    let link = place.directory.path().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).expect("a link");
    let through_link = SqliteStore::open(&link, SqliteSettings::default());
    assert!(matches!(through_link, Err(StoreError::Locked { .. })), "{through_link:?}");
    drop(store);
    place.open();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let place = Place::new();
    drop(place.open());
    let connection = rusqlite::Connection::open(place.path()).expect("open");
    connection.execute("UPDATE meta SET value = 99 WHERE name = 'schema'", []).expect("update");
    drop(connection);
    let before = fs::read(place.path()).expect("read");
    let error = place.refusal();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error:?}");
    assert_eq!(fs::read(place.path()).expect("read"), before);
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.path(), "addresses: [192.0.2.1]\n".repeat(400)).expect("write");
    let before = fs::read(place.path()).expect("read");
    assert!(matches!(place.refusal(), StoreError::Foreign { .. }));
    assert_eq!(fs::read(place.path()).expect("read"), before);

    let place = Place::new();
    let connection = rusqlite::Connection::open(place.path()).expect("open");
    connection.execute_batch("CREATE TABLE other (x)").expect("create");
    drop(connection);
    let before = fs::read(place.path()).expect("read");
    assert!(matches!(place.refusal(), StoreError::Foreign { .. }));
    assert_eq!(fs::read(place.path()).expect("read"), before);
}

#[test]
fn a_missing_directory_is_named() {
    let path = Place::new().directory.path().join("missing/store.db");
    let error = SqliteStore::open(&path, SqliteSettings::default()).expect_err("no directory");
    assert!(error.to_string().contains("missing/store.db"), "{error}");
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let place = Place::new();
    let store = place.open();
    put(&store, "secret", b"token").await;
    let names = ["store.db", "store.db-wal", "store.db-shm", "store.db.lock"];
    for name in names {
        assert_eq!(mode(&place.directory.path().join(name)), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).expect("chmod");
    let _store = place.open();
    assert_eq!(mode(&place.path()), 0o600);
}

#[tokio::test]
async fn history_is_kept_to_its_setting() {
    let place = Place::new();
    let settings = SqliteSettings { history_revisions: 50, ..SqliteSettings::default() };
    let store = place.open_with(settings);
    let mut behind = store.watch(0).expect("a watch");
    for n in 0..400_u64 {
        put(&store, "k", &n.to_le_bytes()).await;
    }
    assert!(store.watch(350).is_ok(), "the last 50 revisions are kept");
    let Err(StoreError::Compacted { oldest }) = store.watch(0) else { panic!("the beginning should be gone") };
    assert!((400 - 50 - 6..=351).contains(&oldest), "trimmed in groups of an eighth, but the oldest is {oldest}");
    assert_eq!(behind.next().await, Err(StoreError::Compacted { oldest }));
    let connection = rusqlite::Connection::open(place.path()).expect("open");
    let rows: u64 = connection.query_one("SELECT count(*) FROM events", [], |row| row.get(0)).expect("count");
    assert_eq!(rows, 400 + 1 - oldest);
}

#[tokio::test]
async fn a_lowered_history_setting_is_reached_step_by_step() {
    let place = Place::new();
    let store = place.open();
    for n in 0..300_u64 {
        put(&store, "k", &n.to_le_bytes()).await;
    }
    drop(store);
    let store = place.open_with(SqliteSettings { history_revisions: 16, ..SqliteSettings::default() });
    assert!(store.watch(0).is_ok(), "opening drops nothing");
    for n in 0..100_u64 {
        put(&store, "k", &n.to_le_bytes()).await;
    }
    let Err(StoreError::Compacted { oldest }) = store.watch(0) else { panic!("the beginning should be gone") };
    assert!((400 - 16 - 2..=385).contains(&oldest), "{oldest}");
}

#[tokio::test]
async fn snapshots_are_limited_and_come_back() {
    let place = Place::new();
    let store = place.open_with(SqliteSettings { max_snapshots: 3, idle_connections: 1, ..SqliteSettings::default() });
    put(&store, "k", b"1").await;
    for _ in 0..3 {
        let mut open: Vec<_> = (0..3).map(|_| store.snapshot().expect("a snapshot")).collect();
        assert_eq!(store.snapshot().err(), Some(StoreError::Busy { limit: 3 }));
        put(&store, "k", b"2").await;
        open.pop();
        assert!(store.snapshot().is_ok());
        assert!(store.watch(0).is_ok(), "watches need no snapshot");
    }
}

#[tokio::test]
async fn damage_is_found_by_a_check() {
    let place = Place::new();
    let store = place.open();
    for n in 0..2000 {
        put(&store, &format!("key/{n:05}"), &[7; 200]).await;
    }
    store.check().expect("undamaged");
    drop(store);
    let mut bytes = fs::read(place.path()).expect("read");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(place.path(), bytes).expect("write");
    let error = place.open().check().expect_err("a damaged page");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_revision_without_its_events_is_damage() {
    let place = Place::new();
    drop(place.open());
    let connection = rusqlite::Connection::open(place.path()).expect("open");
    connection.execute("UPDATE meta SET value = 7 WHERE name = 'revision'", []).expect("update");
    drop(connection);
    assert!(matches!(place.refusal(), StoreError::Corrupt { .. }));
}

#[tokio::test]
async fn the_log_does_not_grow_with_the_commits() {
    let place = Place::new();
    let store = place.open();
    for n in 0..3000_u64 {
        put(&store, &format!("k{}", n % 50), &[7; 8000]).await;
    }
    let log = fs::metadata(place.directory.path().join("store.db-wal")).expect("metadata").len();
    assert!(log <= 16 << 20, "24 MB were written and the log has {log} bytes");
}

/// Readers that overlap without end keep SQLite from beginning its log again; the writer then waits for the old ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_readers_do_not_make_the_log_grow_without_end() {
    let place = Place::new();
    let store = Arc::new(place.open());
    put(&store, "k", &[7; 1000]).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4_u64)
        .map(|reader| {
            let (store, done) = (store.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let snapshot = store.snapshot().expect("a snapshot");
                    std::thread::sleep(std::time::Duration::from_millis(4 + reader));
                    snapshot.get("k").expect("a read");
                }
            })
        })
        .collect();
    for n in 0..1800_u64 {
        put(&store, &format!("k{}", n % 20), &[7; 80_000]).await;
    }
    done.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().expect("a reader"));
    let log = fs::metadata(place.directory.path().join("store.db-wal")).expect("metadata").len();

    assert!(log <= 128 << 20, "290 MB were written and the log has {log} bytes");
}

#[tokio::test]
async fn an_abandoned_commit_is_whole_or_absent() {
    let place = Place::new();
    let store = place.open();
    for n in 0..200 {
        let key = format!("k/{n}");
        let txn = Txn {
            compares: vec![Compare::Absent { key: key.clone() }],
            writes: ["", "/a", "/b"].map(|part| Write::Put { key: format!("{key}{part}"), value: vec![1] }).into(),
        };
        let mut commit = store.commit(txn);
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context).is_ready()));
        polled.await;
    }
    put(&store, "last", b"1").await;
    let snapshot = store.snapshot().expect("a snapshot");
    for n in 0..200 {
        let parts = snapshot.list(&format!("k/{n}"), "", 100).expect("a list");
        let own = parts.iter().filter(|s| s.key == format!("k/{n}") || s.key.starts_with(&format!("k/{n}/"))).count();
        assert!(own == 0 || own == 3, "k/{n} has {own} of 3 parts");
    }
    assert_eq!(snapshot.revision(), 1 + snapshot.count("k/").expect("a count") / 3);
}
