//! The one thread that writes.
//!
//! It takes everything that is queued, applies it in one SQLite transaction in the order of arrival, each transaction
//! with its own revision and its compares evaluated after the writes before it, and answers only when the commit has
//! returned. A failed commit fails all that were in it and leaves the store as it was before them.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use pintle_core::txn::{Revision, Txn, Write};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::apply::{Applied, apply, drop_history};
use super::cache::Cache;
use super::history::SqliteHistory;
use super::open::{BUSY_TIMEOUT, failed};
use super::schema::Position;
use crate::{Batch, Outcome, StoreError};

/// How many requests may wait; more wait in their own futures.
const QUEUE: usize = 256;
/// A group is closed when its writes reach this many bytes, so that one flush does not delay the answers for long.
const GROUP_BYTES: usize = 8 << 20;
/// History is trimmed when it is this many revisions over its setting, or an eighth of the setting if that is less.
const TRIM_REVISIONS: u64 = 128;
/// How often, in groups, the length of the log is looked at.
const LOG_CHECK_GROUPS: u32 = 256;
/// A log longer than this has been kept from beginning again by readers that overlap without end.
const LOG_BYTES: u64 = 64 << 20;
/// How long the writer then waits for those readers.
const LOG_WAIT: Duration = Duration::from_millis(250);

/// What is asked of the thread, and where the answer goes.
struct Request {
    work: Work,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// One thing to do within a group.
enum Work {
    Commit(Txn),
    Compact(Revision),
}

impl Work {
    /// Bytes that it writes.
    fn bytes(&self) -> usize {
        let size = |write: &Write| match write {
            Write::Put { key, value } => key.len() + value.len(),
            Write::Delete { key } => key.len(),
        };
        match self {
            Work::Commit(txn) => txn.writes.iter().map(size).sum(),
            Work::Compact(_) => 0,
        }
    }
}

/// The handle to the thread.
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread begins with.
pub(super) struct Start {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) position: Position,
    pub(super) history: Arc<SqliteHistory>,
    pub(super) cache: Arc<Cache>,
    /// At least 1.
    pub(super) history_revisions: u64,
}

impl Writer {
    /// Starts the thread; the receiver tells the newest durable revision and ends with the thread.
    ///
    /// # Errors
    /// [`StoreError::Io`] when no thread can be started.
    pub(super) fn start(start: Start) -> Result<(Self, watch::Receiver<Revision>), StoreError> {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (newest, told) = watch::channel(start.position.revision);
        let worker = Worker { start, newest, groups: 0 };
        let thread = std::thread::Builder::new()
            .name("pintle-store".to_owned())
            .spawn(move || {
                let _loud = EndsTheProcess;
                worker.run(queue);
            })
            .map_err(|error| StoreError::io("starting the store's writer thread", error))?;
        Ok((Writer { requests: Some(requests), thread: Some(thread) }, told))
    }

    /// Commits a transaction that has passed the limits.
    pub(super) async fn commit(&self, txn: Txn) -> Result<Outcome, StoreError> {
        self.ask(Work::Commit(txn)).await
    }

    /// Drops history.
    pub(super) async fn compact(&self, keep_after: Revision) -> Result<(), StoreError> {
        self.ask(Work::Compact(keep_after)).await.map(drop)
    }

    async fn ask(&self, work: Work) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        requests.send(Request { work, answer }).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets the thread finish what is queued and waits for its end.
    pub(super) fn stop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread had panicked");
        }
    }
}

/// Ends the process if the thread panics: a server that can change nothing any more would go on looking well, and whoever looks after
/// it would not start it again.
struct EndsTheProcess;

impl Drop for EndsTheProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The log may go elsewhere.
            eprintln!("the store's writer thread has panicked: the process can't go on and ends");
            std::process::abort();
        }
    }
}

/// The thread's own state.
struct Worker {
    start: Start,
    newest: watch::Sender<Revision>,
    groups: u32,
}

/// A group as it is applied: nothing in here is told to anyone before it is durable.
struct Group {
    before: Position,
    position: Position,
    batches: Vec<Arc<Batch>>,
    outcomes: Vec<Outcome>,
}

impl Worker {
    fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = first.work.bytes();
            let mut requests = vec![first];
            while bytes < GROUP_BYTES
                && requests.len() < QUEUE
                && let Ok(next) = queue.try_recv()
            {
                bytes += next.work.bytes();
                requests.push(next);
            }
            // Nobody waits for these any more, and they have not begun.
            requests.retain(|request| !request.answer.is_closed());
            if !requests.is_empty() {
                self.process(requests);
                self.bound_log();
            }
        }
    }

    /// Makes a group durable, then tells watches, then those who asked. An answer that nobody waits for is dropped.
    fn process(&mut self, requests: Vec<Request>) {
        let (work, answers): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| (request.work, request.answer)).unzip();
        match self.write(work) {
            Ok(group) => {
                self.start.position = group.position;
                self.start.history.extend(group.batches, group.position.compacted);
                let revision = group.position.revision;
                self.newest.send_if_modified(|newest| std::mem::replace(newest, revision) != revision);
                for (answer, outcome) in answers.into_iter().zip(group.outcomes) {
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                self.start.cache.clear();
                let error = failed(&self.start.path, "committing to the store", error);
                tracing::error!(%error, commits = answers.len(), "a group of commits failed and was undone");
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Applies a group in one SQLite transaction. On an error all of it is rolled back.
    fn write(&mut self, work: Vec<Work>) -> rusqlite::Result<Group> {
        let before = self.start.position;
        let transaction = self.start.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut group = Group { before, position: before, batches: Vec::new(), outcomes: Vec::new() };
        for work in work {
            match work {
                Work::Commit(txn) => group.commit(&transaction, txn)?,
                Work::Compact(keep_after) => group.compact(&transaction, keep_after)?,
            }
        }
        group.trim(&transaction, self.start.history_revisions)?;
        group.position.write(&transaction, before)?;
        self.start.cache.announce(&group.batches);
        transaction.commit()?;
        Ok(group)
    }

    /// Begins the log again when readers have kept it from that for long. Once all of the log is in the file, new
    /// readers no longer need it, so waiting for the old ones is enough.
    fn bound_log(&mut self) {
        self.groups = self.groups.wrapping_add(1);
        if !self.groups.is_multiple_of(LOG_CHECK_GROUPS) {
            return;
        }
        let mut log = self.start.path.as_os_str().to_owned();
        log.push("-wal");
        let bytes = std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
        if bytes <= LOG_BYTES {
            return;
        }
        let connection = &self.start.connection;
        let restart = || {
            connection.busy_timeout(LOG_WAIT)?;
            connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
        };
        match restart() {
            Ok(false) => {}
            Ok(true) => tracing::warn!(bytes, "the store's log cannot shrink: a snapshot has been open for long"),
            Err(error) => tracing::warn!(bytes, %error, "the store's log could not be moved into its file"),
        }
        if let Err(error) = connection.busy_timeout(BUSY_TIMEOUT) {
            tracing::warn!(%error, "the store's busy timeout could not be set back");
        }
    }
}

impl Group {
    fn commit(&mut self, connection: &Connection, txn: Txn) -> rusqlite::Result<()> {
        let outcome = match apply(connection, txn, self.position)? {
            Applied::Conflict(failed) => Outcome::Conflict { failed },
            Applied::Written(events) => {
                if !events.is_empty() {
                    self.position.revision += 1;
                    self.batches.push(Arc::new(Batch { revision: self.position.revision, events }));
                }
                Outcome::Committed { revision: self.position.revision }
            }
        };
        self.outcomes.push(outcome);
        Ok(())
    }

    fn compact(&mut self, connection: &Connection, keep_after: Revision) -> rusqlite::Result<()> {
        self.drop_history(connection, keep_after.min(self.position.revision))?;
        self.outcomes.push(Outcome::Committed { revision: self.position.revision });
        Ok(())
    }

    /// Keeps the history near its setting. What is over is dropped in groups, and after the setting was lowered
    /// a few groups at a time, so that no single commit pays for all of it.
    fn trim(&mut self, connection: &Connection, history_revisions: u64) -> rusqlite::Result<()> {
        if self.position.revision == self.before.revision {
            return Ok(());
        }
        let step = (history_revisions / 8).clamp(1, TRIM_REVISIONS);
        let written = self.position.revision - self.before.revision;
        let over = (self.position.revision - self.position.compacted).saturating_sub(history_revisions);
        if over < step {
            return Ok(());
        }
        self.drop_history(connection, self.position.compacted + over.min(4 * step + written))
    }

    fn drop_history(&mut self, connection: &Connection, upto: Revision) -> rusqlite::Result<()> {
        if upto > self.position.compacted {
            drop_history(connection, upto)?;
            self.position.compacted = upto;
        }
        Ok(())
    }
}
