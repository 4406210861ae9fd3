//! Connections, and how each is set up.
//!
//! The settings bound memory (a small page cache, no mapping of the file) and fix the durability: with
//! `synchronous = FULL` the log is flushed before a commit returns and before any reader sees it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::StoreError;

/// The store's own threads never wait for each other's locks; this is for an operator's `sqlite3` on the live file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Room for every statement of this engine.
const STATEMENTS: usize = 32;

/// Makes sure that the file exists, durably and readable by the owner only, and returns its real path.
///
/// # Errors
/// [`StoreError::Io`], for instance when the directory does not exist.
pub(super) fn create_file(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error: std::io::Error| StoreError::io(format!("opening the store {}", path.display()), error);
    let created = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(failed(error)),
    };
    let path = fs::canonicalize(path).map_err(failed)?;
    if created && let Some(directory) = path.parent() {
        // Without this the file's name could be lost by a power cut after the first commits were acknowledged.
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    Ok(path)
}

/// Takes away what others may do with an existing file. SQLite gives its side files the same mode.
///
/// # Errors
/// [`StoreError::Io`] when the file belongs to someone else.
pub(super) fn restrict(path: &Path) -> Result<(), StoreError> {
    let set = || {
        if fs::metadata(path)?.permissions().mode() & 0o777 != 0o600 {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
        }
        Ok(())
    };
    set().map_err(|error: std::io::Error| StoreError::io(format!("restricting the mode of {}", path.display()), error))
}

/// The one connection that writes. It changes nothing in the file before [`use_wal`].
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let set_up = || {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        common(&connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -8192)?;
        // 4000 pages are 16 MiB: about how far the log grows before it is moved into the file and begun again. Pages that are
        // written again and again are moved once; a longer log would have a second index, in which readers look too.
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        // After a time of growth the log is cut back to this many bytes when it is begun again.
        connection.pragma_update(None, "journal_size_limit", 20 << 20)?;
        Ok(connection)
    };
    set_up().map_err(|error| failed(path, "opening the store", error))
}

/// A connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let set_up = || {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        common(&connection)?;
        connection.pragma_update(None, "cache_size", -2048)?;
        Ok(connection)
    };
    set_up().map_err(|error| failed(path, "opening a reader of the store", error))
}

fn common(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise a statement that compares with a parameter is planned anew each time the parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Switches the file to write-ahead logging, which stays in the file.
///
/// # Errors
/// [`StoreError::Io`] when the file system cannot do it: it needs shared memory, which network file systems lack.
pub(super) fn use_wal(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|error| failed(path, "turning on write-ahead logging", error))?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(StoreError::io(
        format!("turning on write-ahead logging of {}", path.display()),
        format!("the journal mode stayed {mode:?}; put the store on a local file system"),
    ))
}

/// Verifies the structure of the whole file.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let read = || {
        let mut statement = connection.prepare("PRAGMA quick_check(10)")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()
    };
    let report = read().map_err(|error| failed(path, "checking the store", error))?;
    if report == ["ok"] {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.to_owned(), report: report.join("; ") })
}

/// What an error of SQLite means for the contract.
pub(super) fn failed(path: &Path, action: &str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt { path: path.to_owned(), report: format!("{action}: {error}") }
        }
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { path: path.to_owned(), reason: "it is not an SQLite database".to_owned() }
        }
        Some(ErrorCode::DiskFull) => {
            StoreError::io(format!("{action} ({})", path.display()), format!("{error}; free space on that disk"))
        }
        _ => StoreError::io(format!("{action} ({})", path.display()), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_flushed_to_the_disk() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = create_file(&directory.path().join("store.db")).expect("create");
        let connection = writer(&path).expect("open");
        use_wal(&connection, &path).expect("write-ahead logging");
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).expect("pragma");
        assert_eq!(synchronous, 2, "2 is FULL: the log is flushed at every commit");
    }

    #[test]
    fn a_reader_cannot_write() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = create_file(&directory.path().join("store.db")).expect("create");
        use_wal(&writer(&path).expect("open"), &path).expect("write-ahead logging");
        reader(&path).expect("open").execute_batch("CREATE TABLE t(x)").expect_err("read-only");
    }
}
