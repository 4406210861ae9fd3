//! A read transaction as a [`Snapshot`].
//!
//! SQLite fixes what a deferred transaction sees at its first read, which is that of the revision; every later read is
//! of the same state, whatever is committed meanwhile.

use std::path::Path;

use pintle_core::txn::{ReadError, Revision, Snapshot, Stored};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};

use super::cache::Cache;
use super::open::failed;
use super::pool::Pool;
use super::schema::Position;
use crate::StoreError;
use crate::range::prefix_end;

/// A leased connection inside a read transaction.
pub(super) struct SqliteSnapshot<'a> {
    pool: &'a Pool,
    cache: &'a Cache,
    /// Taken only by `drop`.
    connection: Option<Connection>,
    revision: Revision,
}

impl<'a> SqliteSnapshot<'a> {
    /// Begins at the newest committed revision.
    ///
    /// # Errors
    /// Those of [`Pool::lease`], and [`StoreError::Io`] when the first read fails.
    pub(super) fn begin(pool: &'a Pool, cache: &'a Cache) -> Result<Self, StoreError> {
        let connection = pool.lease()?;
        match begin(&connection) {
            Ok(position) => {
                Ok(SqliteSnapshot { pool, cache, connection: Some(connection), revision: position.revision })
            }
            Err(error) => {
                pool.give_back(None);
                Err(failed(pool.path(), "beginning a snapshot", error))
            }
        }
    }

    fn read<T>(&self, action: &str, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let connection = self.connection.as_ref().ok_or(StoreError::Closed)?;
        Ok(query(connection).map_err(|error| failed(self.pool.path(), action, error))?)
    }
}

/// Begins a read transaction and fixes its state.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<Position> {
    connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
    Position::read(connection)
}

/// Ends a read transaction; false when the connection should not be used again.
pub(super) fn end(connection: &Connection, path: &Path) -> bool {
    let ended = connection.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute([]));
    if let Err(error) = &ended {
        tracing::warn!(path = %path.display(), %error, "a read transaction could not be ended; its connection is closed");
    }
    ended.is_ok()
}

/// The upper bound of a prefix's keys. Where there is none it is an empty blob: SQLite orders every text before every
/// blob, so that one statement serves both.
pub(super) fn upper_bound(prefix: &str) -> Value {
    prefix_end(prefix).map_or(Value::Blob(Vec::new()), Value::Text)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored { key: row.get(0)?, value: row.get(1)?, modified: row.get(2)? })
}

impl Snapshot for SqliteSnapshot<'_> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        if let Some(known) = self.cache.get(key, self.revision) {
            return Ok(known);
        }
        let found = self.read("reading a key", |connection| {
            connection
                .prepare_cached("SELECT key, value, modified FROM kv WHERE key = ?1")?
                .query_one([key], stored)
                .optional()
        })?;
        self.cache.offer(key, found.as_ref(), self.revision);
        Ok(found)
    }

    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read("listing keys", |connection| {
            connection
                .prepare_cached(
                    "SELECT key, value, modified FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
                )?
                .query_map((prefix.max(start), upper_bound(prefix), limit), stored)?
                .collect()
        })
    }

    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        self.read("counting keys", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM kv WHERE key >= ?1 AND key < ?2")?
                .query_one((prefix, upper_bound(prefix)), |row| row.get(0))
        })
    }
}

impl Drop for SqliteSnapshot<'_> {
    fn drop(&mut self) {
        let path = self.pool.path();
        self.pool.give_back(self.connection.take().filter(|connection| end(connection, path)));
    }
}
