//! The tables, their version, and the position that the store is at.
//!
//! `kv` has the current values: an ordinary table with an index on the key, which took a third of the time to fill and
//! to count compared with one clustered on the key, for the same reads. `events` is the history, appended in the order
//! of its integer key `position`: the revision in the upper bits and the write's place in its transaction in the lower
//! 20, so that a revision is one range and needs no index. `meta` has the numbers that belong to the whole.

use std::path::Path;

use pintle_core::txn::Revision;
use rusqlite::Connection;

use super::open::{failed, use_wal};
use crate::{MAX_WRITES, StoreError};

/// Marks the file as ours; "Pntl" in ASCII.
const APPLICATION_ID: i64 = 0x506E_746C;
/// The version of the tables below.
const SCHEMA: i64 = 1;
/// Bits of `position` for the place within a revision.
const PLACE_BITS: u32 = 20;
/// The last revision that `position` has room for.
const MAX_REVISION: Revision = (1 << (63 - PLACE_BITS)) - 1;

const _: () = assert!(MAX_WRITES < 1 << PLACE_BITS, "each write of a transaction needs a place of its own");

const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE kv (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, modified INTEGER NOT NULL) STRICT;
    CREATE TABLE events (position INTEGER PRIMARY KEY NOT NULL, key TEXT NOT NULL, value BLOB) STRICT;
    INSERT INTO meta (name, value) VALUES ('revision', 0), ('compacted', 0);
";

/// Where the history stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// The revision of the last commit.
    pub(super) revision: Revision,
    /// Events up to here have been dropped.
    pub(super) compacted: Revision,
}

impl Position {
    /// Whether the history can be followed from `after`.
    pub(super) fn check_watch(self, after: Revision) -> Result<(), StoreError> {
        if after < self.compacted {
            return Err(StoreError::Compacted { oldest: self.compacted + 1 });
        }
        if after > self.revision {
            return Err(StoreError::Future { after, current: self.revision });
        }
        Ok(())
    }

    /// The position as the connection sees it.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT (SELECT value FROM meta WHERE name = 'revision'), (SELECT value FROM meta WHERE name = 'compacted')",
        )?;
        statement.query_one([], |row| Ok(Position { revision: row.get(0)?, compacted: row.get(1)? }))
    }

    /// Writes what differs from `before`.
    pub(super) fn write(self, connection: &Connection, before: Position) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?;
        if self.revision != before.revision {
            statement.execute(("revision", to_sql(self.revision)))?;
        }
        if self.compacted != before.compacted {
            statement.execute(("compacted", to_sql(self.compacted)))?;
        }
        Ok(())
    }
}

/// A revision as SQLite's signed integer. None is ever stored that does not fit; one that a caller asks about may.
pub(super) fn to_sql(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// The place of the first event of a revision, and above that of every earlier one.
pub(super) fn first_place(revision: Revision) -> i64 {
    to_sql(revision.min(MAX_REVISION) << PLACE_BITS)
}

/// The revision that an event's place belongs to.
pub(super) fn revision_of(place: i64) -> Revision {
    place.unsigned_abs() >> PLACE_BITS
}

/// Creates the tables in an empty file, or checks those of an existing one; turns on write-ahead logging.
///
/// # Errors
/// [`StoreError::Foreign`], [`StoreError::NewerSchema`], [`StoreError::Corrupt`], [`StoreError::Io`]; a file that is not
/// ours to use has not been changed.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<Position, StoreError> {
    let broken = |error| failed(path, "reading the schema", error);
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(broken)?;
    let tables: i64 =
        connection.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(broken)?;
    if tables == 0 && application == 0 {
        use_wal(connection, path)?;
        create(connection).map_err(|error| failed(path, "creating the tables", error))?;
    } else if application != APPLICATION_ID {
        let reason = format!("it is an SQLite database with application id {application}");
        return Err(StoreError::Foreign { path: path.to_owned(), reason });
    } else {
        check_version(connection, path)?;
        use_wal(connection, path)?;
    }
    let position = Position::read(connection).map_err(broken)?;
    check_history(connection, path, position)?;
    Ok(position)
}

/// One transaction, so that a crash leaves an empty file or a complete one.
fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} INSERT INTO meta (name, value) VALUES ('schema', {SCHEMA});
         PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
    ))
}

fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: i64 = connection
        .query_one("SELECT value FROM meta WHERE name = 'schema'", [], |row| row.get(0))
        .map_err(|error| failed(path, "reading the schema version", error))?;
    if found > SCHEMA {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, supported: SCHEMA });
    }
    if found < SCHEMA {
        let report = format!("schema version {found}, and the first one ever written was {SCHEMA}");
        return Err(StoreError::Corrupt { path: path.to_owned(), report });
    }
    Ok(())
}

/// The last event must be of the current revision: they are written together.
fn check_history(connection: &Connection, path: &Path, position: Position) -> Result<(), StoreError> {
    let last: Option<i64> = connection
        .query_one("SELECT max(position) FROM events", [], |row| row.get(0))
        .map_err(|error| failed(path, "reading the history", error))?;
    let last = last.map_or(position.compacted, revision_of);
    if last == position.revision && position.compacted <= position.revision {
        return Ok(());
    }
    let report = format!("the last event is of revision {last}, but the store is at revision {}", position.revision);
    Err(StoreError::Corrupt { path: path.to_owned(), report })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_revisions() {
        assert_eq!(revision_of(first_place(7)), 7);
        assert_eq!(revision_of(first_place(8) - 1), 7);
        assert_eq!(revision_of(first_place(MAX_REVISION)), MAX_REVISION);
        assert_eq!(first_place(u64::MAX), first_place(MAX_REVISION));
        assert!(first_place(MAX_REVISION) > 0);
    }
}
