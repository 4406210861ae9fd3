//! The audit log: who asked for what, and what came of it, in a file that shows when somebody has changed it.
//!
//! One line of JSON a record, in the order in which they were written: a look at something is left to a thread, and may stand
//! some milliseconds behind a change that came after it. Each has a number, the SHA-256 of the record
//! before and its own, so that a changed, removed or reordered record is found and named by [`verify()`]. Records that are
//! cut off at the end leave a whole chain: only who knows its last number and hash can tell (a running server does).
//!
//! A record is written before its request is answered, so a client that has an answer finds it here, and a server that is
//! killed loses none of those. It is not flushed to the disk before the answer: a thread does that once a second, and a power
//! loss can cost the records of about the last second, while the changes that they tell of are in the store.

mod action;
mod chain;
mod event;
mod flusher;
mod read;
mod writer;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

pub use action::{About, about, add_reply};
pub use chain::{Fault, Report, verify};
pub use event::{Alert, Marks, event, target_kind};
pub use read::{Filter, Found};

use crate::clock::Clock;
use flusher::Flusher;
use writer::Writer;

/// The file's name in the data directory.
pub const FILE: &str = "audit.log";
/// How many records may be left to be written; more wait in their own requests.
const QUEUE: usize = 1024;
/// The most of those in one write.
const GROUP: usize = 256;

/// The audit log can't be opened or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit log {path} can't be {what}: {reason}")]
pub struct AuditError {
    /// The file.
    pub path: PathBuf,
    /// What failed: opened, read, written.
    pub what: &'static str,
    /// What the system said.
    pub reason: String,
}

/// What is to be recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Who asked.
    pub who: String,
    /// From which address and port, if that is known.
    pub source: Option<String>,
    /// The request's id, as in the log.
    pub request: String,
    /// What was asked, such as `vni.flush`.
    pub action: String,
    /// What IBM's activity tracking calls it, if it has a name for it.
    pub event: Option<String>,
    /// What is worth knowing of it beside its outcome.
    pub marks: Marks,
    /// Of what, first of all.
    pub target: Option<String>,
    /// What else it is about.
    pub related: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and holds at this revision of the store.
    Success(u64),
    /// It was not done.
    Failure {
        /// The native API's code for why.
        code: String,
        /// Why.
        reason: String,
    },
}

impl Default for Outcome {
    fn default() -> Self {
        Outcome::Success(0)
    }
}

/// The newest record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0: there is none.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// What is left to the thread: an entry, or somebody who waits until all before are written.
enum Left {
    Entry(Box<Entry>),
    Settled(oneshot::Sender<Result<(), AuditError>>),
}

/// The open log. Dropping it flushes it to the disk.
pub struct Audit {
    path: PathBuf,
    shared: Arc<Shared>,
    left: Option<mpsc::Sender<Left>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What requests and the thread share.
struct Shared {
    /// Who has a record to write writes it: handing it to a thread costs more, and the file takes it in some microseconds.
    writer: Mutex<Writer>,
    flusher: Flusher,
    /// The newest record, and how long the file is with it.
    tip: Mutex<(Head, u64)>,
    /// Why the last write failed, until one succeeds.
    broken: Mutex<Option<AuditError>>,
}

impl Shared {
    /// Writes what was missed and these.
    fn take(&self, entries: Vec<Entry>) -> Result<(), AuditError> {
        let mut writer = locked(&self.writer);
        let result = writer.take(entries);
        if let Err(error) = &result {
            let records = writer.missed();
            tracing::error!(%error, records, "records wait; nothing is changed until they are written");
        }
        *locked(&self.tip) = writer.tip();
        *locked(&self.broken) = result.clone().err();
        self.flusher.wake();
        result
    }

    /// Writes what is left to be written, as it comes.
    fn run(&self, mut queue: mpsc::Receiver<Left>) {
        while let Some(first) = queue.blocking_recv() {
            let (mut entries, mut waiting) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(left) = next {
                match left {
                    Left::Entry(entry) => entries.push(*entry),
                    Left::Settled(answer) => waiting.push(answer),
                }
                next = (entries.len() < GROUP).then(|| queue.try_recv().ok()).flatten();
            }
            let result = self.take(entries);
            for answer in waiting {
                // Who has gone does not want to know.
                let _ = answer.send(result.clone());
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audit {
    /// Opens the log in a data directory, or begins one. What a crash has left of a record is removed, which is noted in the
    /// log itself.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Audit, AuditError> {
        let path = data_dir.join(FILE);
        let writer = Writer::open(&path, clock)?;
        let (tip, flusher) = (writer.tip(), Flusher::start(writer.file()));
        let shared = Shared { writer: Mutex::new(writer), flusher, tip: Mutex::new(tip), broken: Mutex::new(None) };
        let (shared, (left, queue)) = (Arc::new(shared), mpsc::channel(QUEUE));
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("pintle-audit".to_owned())
            .spawn(move || for_thread.run(queue))
            .map_err(|error| AuditError { path: path.clone(), what: "opened", reason: error.to_string() })?;
        Ok(Audit { path, shared, left: Some(left), thread: Some(thread) })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// When it could not be written. It is kept, and written before the next one.
    pub async fn record(&self, entry: Entry) -> Result<(), AuditError> {
        if self.is_broken() {
            // Each try takes as long as there are records: that is for the thread.
            self.note(entry).await;
            return self.settle().await;
        }
        self.shared.take(vec![entry])
    }

    /// Leaves a record to be written, without waiting for that.
    pub async fn note(&self, entry: Entry) {
        if let Some(left) = &self.left
            && left.send(Left::Entry(Box::new(entry))).await.is_err()
        {
            tracing::error!("a record is lost: the thread that writes the audit log has ended");
        }
    }

    /// Waits until all that was left to be written is.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn settle(&self) -> Result<(), AuditError> {
        let ended = || AuditError {
            path: self.path.clone(),
            what: "written",
            reason: "the thread that writes it has ended".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let left = self.left.as_ref().ok_or_else(ended)?;
        left.send(Left::Settled(answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Whether a record could be written now: nothing that must be recorded may be done otherwise.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), AuditError> {
        if self.is_broken() { self.settle().await } else { Ok(()) }
    }

    fn is_broken(&self) -> bool {
        locked(&self.shared.broken).is_some()
    }

    /// The newest record.
    pub fn head(&self) -> Head {
        locked(&self.shared.tip).0.clone()
    }

    /// Checks the whole log, and that it ends where it was written to. Takes as long as reading the file.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn check(&self) -> Result<Report, AuditError> {
        let (head, length) = locked(&self.shared.tip).clone();
        let read = || verify(BufReader::new(File::open(&self.path)?.take(length)));
        let failed =
            |error: std::io::Error| AuditError { path: self.path.clone(), what: "read", reason: error.to_string() };
        let mut report = read().map_err(failed)?;
        if report.is_whole() && report.last != (head.seq, head.hash) {
            let what = format!("record {} was the last one: records were removed from the end", head.seq);
            report.faults.push(Fault { line: report.records, seq: Some(report.last.0), what });
        }
        Ok(report)
    }

    /// Finds records. Takes as long as reading the file.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn find(&self, filter: &Filter) -> Result<Found, AuditError> {
        let failed =
            |error: std::io::Error| AuditError { path: self.path.clone(), what: "read", reason: error.to_string() };
        read::find(&self.path, filter).map_err(failed)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        drop(self.left.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the audit log's thread had panicked");
        }
        if let Err(error) = locked(&self.shared.writer).flush() {
            tracing::error!(%error, "the audit log could not be flushed to the disk");
        }
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("path", &self.path).field("head", &self.head()).finish_non_exhaustive()
    }
}
