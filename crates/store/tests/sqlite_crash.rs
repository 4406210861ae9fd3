//! What is left when the process or the disk gives out in the middle of commits.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use pintle_core::txn::{Revision, Txn, Write};
use pintle_store::{Outcome, SqliteSettings, SqliteStore, Store, StoreError};

/// Names the store for the child; without it the child's test does nothing.
const CHILD_STORE: &str = "PLT_STORE_CRASH_CHILD";
const ROUNDS: u64 = 20;
const TASKS: u64 = 4;
const PARTS: u64 = 5;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteSettings::default()).expect("open")
}

fn put(key: String, value: Vec<u8>) -> Write {
    Write::Put { key, value }
}

async fn commit(store: &SqliteStore, writes: Vec<Write>) -> Result<Revision, StoreError> {
    match store.commit(Txn { compares: vec![], writes }).await? {
        Outcome::Committed { revision } => Ok(revision),
        Outcome::Conflict { failed } => panic!("nothing was compared, but {failed:?} failed"),
    }
}

/// The child: commits without end and tells each acknowledged commit on standard error, which is not buffered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_STORE) else { return };
    let store = Arc::new(open(Path::new(&path)));
    let life = std::process::id();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0.. {
                let name = format!("c/{life}-{task}-{n}");
                let writes = (0..PARTS).map(|part| put(format!("{name}/{part}"), vec![part as u8; 300])).collect();
                let revision = commit(&store, writes).await.expect("a commit");
                eprintln!("ack {name} {revision}");
            }
        });
    }
    tasks.join_all().await;
}

/// A running child; killed when dropped, so that a failing test leaves none behind.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill and only its end to collect.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn_child(path: &Path) -> Killed {
    let child = Command::new(std::env::current_exe().expect("this test's own file"))
        .args(["--exact", "child_commits_until_it_is_killed", "--nocapture"])
        .env(CHILD_STORE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the child");
    Killed(child)
}

/// Lets a child commit, kills it after `delay` from its first answer on, and returns all that it was told.
fn acknowledged_by_a_killed_child(path: &Path, delay: Duration) -> Vec<(String, Revision)> {
    let mut child = spawn_child(path);
    let mut output = BufReader::new(child.0.stderr.take().expect("piped"));
    let mut first = String::new();
    output.read_line(&mut first).expect("the first answer");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut output, &mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    std::thread::sleep(delay);
    drop(child);
    let rest = reader.join().expect("the reading thread").expect("the child's output");
    let all = first + &rest;
    let complete = all.rsplit_once('\n').map_or("", |(lines, _)| lines);
    complete.lines().map(|line| parse(line).unwrap_or_else(|| panic!("the child said {line:?}"))).collect()
}

fn parse(line: &str) -> Option<(String, Revision)> {
    let (name, revision) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((name.to_owned(), revision.parse().ok()?))
}

/// Every stored commit with its revision; panics when one is there in part.
fn stored(store: &SqliteStore) -> BTreeMap<String, Revision> {
    let mut parts: BTreeMap<String, Vec<Revision>> = BTreeMap::new();
    for found in store.snapshot().expect("a snapshot").list("c/", "", usize::MAX).expect("a list") {
        let (name, _) = found.key.rsplit_once('/').expect("a part");
        parts.entry(name.to_owned()).or_default().push(found.modified);
    }
    let whole = |(name, revisions): (String, Vec<Revision>)| {
        assert_eq!(revisions.len() as u64, PARTS, "{name} was written in part");
        assert!(revisions.iter().all(|revision| *revision == revisions[0]), "{name} has several revisions");
        (name, revisions[0])
    };
    parts.into_iter().map(whole).collect()
}

#[tokio::test]
async fn r09_acknowledged_writes_survive_kill() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("store.db");
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        // Spread over 3 to 60 ms, so that kills fall before, in and after the moving of the log into the file.
        let told = acknowledged_by_a_killed_child(&path, Duration::from_millis(3 + round * 37 % 58));
        assert!(!told.is_empty());
        acknowledged.extend(told);
        let store = open(&path);
        store.check().expect("an undamaged file");
        let stored = stored(&store);
        for (name, revision) in &acknowledged {
            assert_eq!(stored.get(name), Some(revision), "round {round}: {name} was acknowledged");
        }
        let revision = store.snapshot().expect("a snapshot").revision();
        assert_eq!(stored.len() as u64, revision, "each revision is one commit that is there");
        follow_all(&store, revision).await;
    }
}

/// The history of the last revisions is as dense after the crash as before.
async fn follow_all(store: &SqliteStore, newest: Revision) {
    let after = newest.saturating_sub(200);
    let mut watch = store.watch(after).expect("a watch");
    for revision in after + 1..=newest {
        let batch = watch.next().await.expect("an event");
        assert_eq!((batch.revision, batch.events.len() as u64), (revision, PARTS));
    }
}

/// Runs in a thread with a mount namespace of its own, on a file system that has room for 3 MiB.
#[test]
fn a_full_disk_fails_commits_whole_until_there_is_room() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().to_owned();
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("private");
        mount(Some("tmpfs"), &path, Some("tmpfs"), MsFlags::empty(), Some("size=3m")).expect("a small disk");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(fill_and_recover(&path));
    });
    thread.join().expect("the thread in its own mount namespace");
}

async fn fill_and_recover(directory: &Path) {
    let filler = directory.join("filler");
    std::fs::write(&filler, vec![1; 1 << 20]).expect("room for the filler");
    let store = open(&directory.join("store.db"));
    let last = |n: u64| put("last".to_owned(), n.to_be_bytes().to_vec());
    let writes = |n: u64| {
        let parts = (0..PARTS).map(|part| put(format!("c/{n}/{part}"), vec![7; 4000]));
        parts.chain([last(n)]).collect::<Vec<_>>()
    };
    let said = |store: &SqliteStore| store.snapshot().expect("snapshot").get("last").expect("get").map(|one| one.value);
    let mut done = 0u64;
    let error = loop {
        // Read often, so that it is remembered.
        assert_eq!(said(&store), (done > 0).then(|| done.to_be_bytes().to_vec()));
        match commit(&store, writes(done + 1)).await {
            Ok(revision) => done = revision,
            Err(error) => break error,
        }
        assert!(done < 1000, "the disk should have been full by now");
    };
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(done > 3, "only {done} commits fitted");
    assert_eq!(stored(&store).len() as u64, done, "the failed commit left something");
    assert!(commit(&store, writes(done + 1)).await.is_err(), "still full");
    let mut watch = store.watch(done).expect("a watch");
    std::fs::remove_file(&filler).expect("make room");
    let elsewhere = vec![put("else".to_owned(), Vec::new())];
    assert_eq!(commit(&store, elsewhere).await, Ok(done + 1), "there is room again");
    assert_eq!(said(&store), Some(done.to_be_bytes().to_vec()), "what failed is not remembered");
    done += 1;
    assert_eq!(commit(&store, writes(done + 1)).await, Ok(done + 1));
    for revision in [done, done + 1] {
        assert_eq!(watch.next().await.map(|batch| batch.revision), Ok(revision));
    }
    drop(store);
    let store = open(&directory.join("store.db"));
    store.check().expect("an undamaged file");
    assert_eq!(stored(&store).len() as u64, done);
}
