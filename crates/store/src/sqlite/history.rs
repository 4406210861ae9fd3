//! Where watches read: the latest batches in memory, everything older from the file.
//!
//! The batches in memory are shared by all watches that keep up, so a commit is not read back once per watcher. Their
//! number and size are bounded; a watch that falls behind reads the file again through a connection of its own, which
//! is not taken from those of the snapshots.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::txn::Revision;
use rusqlite::Connection;

use super::open::failed;
use super::schema::{Position, first_place, revision_of};
use super::snapshot::{begin, end};
use crate::watch::{History, READ_BYTES};
use crate::{Batch, Event, StoreError};

/// The most batches kept in memory.
const RECENT_BATCHES: usize = 1024;
/// The most bytes of events kept in memory.
const RECENT_BYTES: usize = 4 << 20;

/// The history of one store.
pub(super) struct SqliteHistory {
    path: PathBuf,
    recent: Mutex<Recent>,
    /// `None` once the store is closed.
    connection: Mutex<Option<Connection>>,
}

/// The newest batches, without a gap.
#[derive(Default)]
struct Recent {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
}

impl SqliteHistory {
    pub(super) fn new(path: PathBuf, connection: Connection) -> Self {
        SqliteHistory { path, recent: Mutex::default(), connection: Mutex::new(Some(connection)) }
    }

    /// Takes in batches that have just become durable, and drops those up to `compacted`.
    pub(super) fn extend(&self, batches: Vec<Arc<Batch>>, compacted: Revision) {
        let mut recent = lock(&self.recent);
        for batch in batches {
            recent.bytes += batch.bytes();
            recent.batches.push_back(batch);
        }
        while recent.batches.front().is_some_and(|first| {
            first.revision <= compacted || recent.bytes > RECENT_BYTES || recent.batches.len() > RECENT_BATCHES
        }) {
            let dropped = recent.batches.pop_front().map_or(0, |batch| batch.bytes());
            recent.bytes -= dropped;
        }
    }

    /// Whether the history can be followed from `after`.
    ///
    /// # Errors
    /// [`StoreError::Compacted`], [`StoreError::Future`], or what reading the file says.
    pub(super) fn check_watch(&self, after: Revision) -> Result<(), StoreError> {
        self.read(|_, position| Ok(position.check_watch(after)))?
    }

    /// Ends all reading of the file.
    pub(super) fn close(&self) {
        lock(&self.connection).take();
    }

    /// Runs a query in a read transaction.
    fn read<T>(&self, query: impl FnOnce(&Connection, Position) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let slot = lock(&self.connection);
        let connection = slot.as_ref().ok_or(StoreError::Closed)?;
        let result = begin(connection).and_then(|position| query(connection, position));
        if !connection.is_autocommit() {
            end(connection, &self.path);
        }
        result.map_err(|error| failed(&self.path, "reading the history", error))
    }
}

impl History for SqliteHistory {
    fn read_after(&self, after: Revision) -> Result<Vec<Arc<Batch>>, StoreError> {
        if let Some(batches) = lock(&self.recent).after(after) {
            return Ok(batches);
        }
        self.read(|connection, position| match position.check_watch(after) {
            Ok(()) => events(connection, after).map(Ok),
            Err(error) => Ok(Err(error)),
        })?
    }
}

impl Recent {
    /// The batches after `after`, about [`READ_BYTES`] of them, if the next one is here.
    fn after(&self, after: Revision) -> Option<Vec<Arc<Batch>>> {
        let first = self.batches.front()?.revision;
        let skip = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let mut bytes = 0;
        let mut found = Vec::new();
        for batch in self.batches.iter().skip(skip) {
            found.push(batch.clone());
            bytes += batch.bytes();
            if bytes >= READ_BYTES {
                break;
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// Whole revisions after `after` from the file, until they are [`READ_BYTES`] or there are no more.
fn events(connection: &Connection, after: Revision) -> rusqlite::Result<Vec<Arc<Batch>>> {
    let mut statement =
        connection.prepare_cached("SELECT position, key, value FROM events WHERE position >= ?1 ORDER BY position")?;
    let mut rows = statement.query([first_place(after + 1)])?;
    let mut batches = Vec::new();
    let mut open = Batch { revision: 0, events: Vec::new() };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let revision = revision_of(row.get(0)?);
        if revision != open.revision && !open.events.is_empty() {
            batches.push(Arc::new(std::mem::replace(&mut open, Batch { revision, events: Vec::new() })));
            if bytes >= READ_BYTES {
                return Ok(batches);
            }
        }
        let event = Event { key: row.get(1)?, value: row.get(2)? };
        bytes += event.bytes();
        open.revision = revision;
        open.events.push(event);
    }
    if !open.events.is_empty() {
        batches.push(Arc::new(open));
    }
    Ok(batches)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(revision: Revision, bytes: usize) -> Arc<Batch> {
        Arc::new(Batch { revision, events: vec![Event { key: "k".to_owned(), value: Some(vec![0; bytes]) }] })
    }

    fn history() -> SqliteHistory {
        SqliteHistory::new(PathBuf::new(), Connection::open_in_memory().expect("in memory"))
    }

    #[test]
    fn recent_batches_are_bounded_in_number_and_bytes() {
        let history = history();
        history.extend((1..=2000).map(|revision| batch(revision, 10)).collect(), 0);
        assert_eq!(lock(&history.recent).batches.len(), RECENT_BATCHES);
        history.extend(vec![batch(2001, RECENT_BYTES / 2), batch(2002, RECENT_BYTES / 2)], 0);
        let recent = lock(&history.recent);
        assert_eq!((recent.batches.len(), recent.batches[0].revision), (1, 2002));
        assert!(recent.bytes <= RECENT_BYTES);
    }

    #[test]
    fn recent_batches_answer_only_what_they_hold_without_a_gap() {
        let history = history();
        history.extend((5..=8).map(|revision| batch(revision, 1)).collect(), 5);
        let recent = lock(&history.recent);
        let revisions = |after| recent.after(after).map(|found| found.iter().map(|b| b.revision).collect::<Vec<_>>());
        assert_eq!(revisions(4), None);
        assert_eq!(revisions(5), Some(vec![6, 7, 8]));
        assert_eq!(revisions(7), Some(vec![8]));
        assert_eq!(revisions(8), None);
    }
}
