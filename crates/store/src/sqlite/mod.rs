//! The durable engine: one SQLite file, one writer, many readers.
//!
//! SQLite in WAL mode gives what the contract asks of a disk: readers that never wait for the writer, a commit that is
//! on the disk when it returns (`synchronous = FULL`), and a file that is whole after a crash at any point. All writes
//! go through one thread, which applies everything that is queued in one SQLite transaction, so that the price of
//! one disk flush is shared by all who wait.

mod apply;
mod cache;
mod history;
mod lock;
mod open;
mod pool;
mod schema;
mod snapshot;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pintle_core::txn::{Revision, Snapshot, Stored, Txn};
use tokio::sync::watch;

use crate::{BoxFuture, Outcome, Store, StoreError, Watch, limits};
use cache::Cache;
use history::SqliteHistory;
use lock::FileLock;
use pool::Pool;
use snapshot::SqliteSnapshot;
use writer::Writer;

/// How a [`SqliteStore`] behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSettings {
    /// At least this many of the latest revisions keep their events; a little more is kept so that trimming is done in
    /// groups. At least 1. The default is 10,000.
    pub history_revisions: u64,
    /// How many snapshots may be open at once, at least 1. Each needs a connection of up to 2 MiB. The default is 128.
    pub max_snapshots: usize,
    /// How many connections stay open for the next snapshot when they are not in use. The default is 4.
    pub idle_connections: usize,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        SqliteSettings { history_revisions: 10_000, max_snapshots: 128, idle_connections: 4 }
    }
}

/// A [`Store`] in one file.
///
/// Dropping it waits for the commit in hand, closes the file and lets go of its lock; watches then end with
/// [`StoreError::Closed`].
pub struct SqliteStore {
    path: PathBuf,
    pool: Pool,
    cache: Arc<Cache>,
    history: Arc<SqliteHistory>,
    newest: watch::Receiver<Revision>,
    writer: Writer,
    // Last, so that the file is closed before another process may open it.
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens the store at `path`, which is created (readable by the owner only) if it does not exist. The directory
    /// must exist. Beside the file are `<path>-wal` and `<path>-shm`, which belong to it, and `<path>.lock`.
    ///
    /// Blocks for disk reads and writes.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when it is open elsewhere, [`StoreError::NewerSchema`] and [`StoreError::Foreign`] when
    /// the file is not one this release can use, [`StoreError::Corrupt`] when its parts contradict each other,
    /// [`StoreError::Io`] for everything the disk or the operating system refuses.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Self, StoreError> {
        let path = open::create_file(path)?;
        let lock = FileLock::take(&path)?;
        let connection = open::writer(&path)?;
        let position = schema::prepare(&connection, &path)?;
        open::restrict(&path)?;
        let history = Arc::new(SqliteHistory::new(path.clone(), open::reader(&path)?));
        let cache = Arc::new(Cache::new());
        let (writer, newest) = Writer::start(writer::Start {
            connection,
            path: path.clone(),
            position,
            history: history.clone(),
            cache: cache.clone(),
            history_revisions: settings.history_revisions.max(1),
        })?;
        let pool = Pool::new(path.clone(), settings.max_snapshots.max(1), settings.idle_connections);
        Ok(SqliteStore { path, pool, cache, history, newest, writer, _lock: lock })
    }

    /// The file, as an absolute path without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file and verifies its structure. Takes time in proportion to its size and blocks the caller,
    /// but neither commits nor reads wait for it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what was found; [`StoreError::Io`] when the file cannot be read.
    pub fn check(&self) -> Result<(), StoreError> {
        open::check(&open::reader(&self.path)?, &self.path)
    }
}

impl Store for SqliteStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send + '_>, StoreError> {
        Ok(Box::new(SqliteSnapshot::begin(&self.pool, &self.cache)?))
    }

    fn known(&self, key: &str) -> Option<Option<Stored>> {
        self.cache.get(key, *self.newest.borrow())
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move {
            limits::check(&txn)?;
            self.writer.commit(txn).await
        })
    }

    fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        self.history.check_watch(after)?;
        Ok(Watch::new(self.history.clone(), self.newest.clone(), after))
    }

    fn compact(&self, keep_after: Revision) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.compact(keep_after))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer's connection is closed last: the last one to close moves the log into the file.
        self.history.close();
        self.pool.close();
        self.writer.stop();
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .field("newest", &*self.newest.borrow())
            .finish_non_exhaustive()
    }
}
