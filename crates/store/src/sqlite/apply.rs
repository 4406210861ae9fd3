//! One transaction inside the writer's SQLite transaction.
//!
//! All compares are evaluated before the first write, so a conflict has nothing to undo and needs no savepoint.

use pintle_core::txn::{Compare, Revision, Txn, Write};
use rusqlite::{Connection, OptionalExtension};

use super::schema::{Position, first_place, to_sql};
use super::snapshot::upper_bound;
use crate::Event;

/// When a range was read at most this many revisions ago, what was written since is looked for in the history, whose
/// end is in the page cache. From further back, the keys of the range are looked at instead.
const LOOK_BACK_REVISIONS: u64 = 1024;

/// What a transaction did.
pub(super) enum Applied {
    /// The first compare that did not hold.
    Conflict(Compare),
    /// These events, at the next revision; none if nothing changed.
    Written(Vec<Event>),
}

/// Evaluates and writes `txn` on top of `position`.
///
/// # Errors
/// Those of SQLite; the enclosing transaction must then be rolled back.
pub(super) fn apply(connection: &Connection, txn: Txn, position: Position) -> rusqlite::Result<Applied> {
    for compare in &txn.compares {
        if !holds(connection, compare, position)? {
            return Ok(Applied::Conflict(compare.clone()));
        }
    }
    let revision = position.revision + 1;
    let mut events = Vec::with_capacity(txn.writes.len());
    for write in txn.writes {
        events.extend(apply_write(connection, write, revision)?);
    }
    record(connection, &events, revision)?;
    Ok(Applied::Written(events))
}

fn holds(connection: &Connection, compare: &Compare, position: Position) -> rusqlite::Result<bool> {
    match compare {
        Compare::Absent { key } => Ok(modified(connection, key)?.is_none()),
        Compare::Unchanged { key, modified: expected } => Ok(modified(connection, key)? == Some(*expected)),
        Compare::RangeUnchanged { prefix, since } => range_unchanged(connection, prefix, *since, position),
    }
}

fn modified(connection: &Connection, key: &str) -> rusqlite::Result<Option<Revision>> {
    connection.prepare_cached("SELECT modified FROM kv WHERE key = ?1")?.query_one([key], |row| row.get(0)).optional()
}

/// No key that exists in the range was written after `since`.
fn range_unchanged(
    connection: &Connection,
    prefix: &str,
    since: Revision,
    position: Position,
) -> rusqlite::Result<bool> {
    if since >= position.revision {
        return Ok(true);
    }
    let look_back = position.revision - since <= LOOK_BACK_REVISIONS && since >= position.compacted;
    let written: bool = if look_back {
        connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM events WHERE position >= ?3 AND key >= ?1 AND key < ?2
                 AND value IS NOT NULL AND EXISTS (SELECT 1 FROM kv WHERE kv.key = events.key))",
            )?
            .query_one((prefix, upper_bound(prefix), first_place(since + 1)), |row| row.get(0))?
    } else {
        connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM kv WHERE key >= ?1 AND key < ?2 AND modified > ?3)")?
            .query_one((prefix, upper_bound(prefix), to_sql(since)), |row| row.get(0))?
    };
    Ok(!written)
}

/// Writes one key and says what happened, if anything did.
fn apply_write(connection: &Connection, write: Write, revision: Revision) -> rusqlite::Result<Option<Event>> {
    match write {
        Write::Put { key, value } => {
            connection
                .prepare_cached(
                    "INSERT INTO kv (key, value, modified) VALUES (?1, ?2, ?3)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value, modified = excluded.modified",
                )?
                .execute((&key, &value, to_sql(revision)))?;
            Ok(Some(Event { key, value: Some(value) }))
        }
        Write::Delete { key } => {
            let deleted = connection.prepare_cached("DELETE FROM kv WHERE key = ?1")?.execute([&key])?;
            Ok((deleted > 0).then_some(Event { key, value: None }))
        }
    }
}

/// Appends the events of one revision to the history.
fn record(connection: &Connection, events: &[Event], revision: Revision) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT INTO events (position, key, value) VALUES (?1, ?2, ?3)")?;
    for (place, event) in (first_place(revision)..).zip(events) {
        statement.execute((place, &event.key, &event.value))?;
    }
    Ok(())
}

/// Drops the history up to and including `upto`.
///
/// # Errors
/// Those of SQLite.
pub(super) fn drop_history(connection: &Connection, upto: Revision) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM events WHERE position < ?1")?.execute([first_place(upto + 1)])?;
    Ok(())
}
