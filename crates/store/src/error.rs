//! Why a store could not do what was asked.
//!
//! The variants are cloneable because one failed disk write answers every commit that was grouped into it.

use std::path::PathBuf;

use pintle_core::txn::{ReadError, Revision};

/// A store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The request itself breaks a rule of the contract; repeating it cannot help.
    #[error("invalid transaction: {0}")]
    Invalid(String),
    /// The events asked for have been dropped from the history.
    #[error(
        "the history before revision {oldest} has been compacted: read a snapshot and watch from the snapshot's revision"
    )]
    Compacted {
        /// The oldest revision whose events are still held; the lowest `after` that can be watched from is one less.
        oldest: Revision,
    },
    /// A watch was asked for from a revision that this store has not reached, so its history is not the one the
    /// caller knows (for instance after a restore from a backup).
    #[error(
        "revision {after} is ahead of the store, which is at {current}: read a snapshot and watch from its revision"
    )]
    Future {
        /// The revision asked for.
        after: Revision,
        /// The store's current revision.
        current: Revision,
    },
    /// The engine failed to read or write.
    #[error("{action} failed: {reason}")]
    Io {
        /// What was being done.
        action: String,
        /// What the engine or the operating system said.
        reason: String,
    },
    /// The stored data contradicts itself.
    #[error("the store {path} is damaged: {report}; stop the server and restore the file from a backup")]
    Corrupt {
        /// The store's file; `memory` for the engine without one.
        path: PathBuf,
        /// What was found.
        report: String,
    },
    /// Another process, or this one, already has the store open.
    #[error("the store {path} is in use by process {holder}: one server at a time may open it, so stop that one first")]
    Locked {
        /// The store's file.
        path: PathBuf,
        /// The holder's process id as text, or `unknown`.
        holder: String,
    },
    /// The file was written by a newer release.
    #[error(
        "the store {path} has schema {found}, and this release knows schemas up to {supported}: run the release that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The store's file.
        path: PathBuf,
        /// The schema version in the file.
        found: i64,
        /// The newest schema version that this release can read.
        supported: i64,
    },
    /// The file exists and holds something else.
    #[error("{path} is not a Pintle store ({reason}): choose another path, nothing was changed in it")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },
    /// Too many snapshots are open.
    #[error("{limit} snapshots are open, which is the most allowed at once: retry when some are dropped")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// The store has been closed, or its writer has stopped.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// An [`StoreError::Io`] from whatever the layer below said.
    pub(crate) fn io(action: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        StoreError::Io { action: action.into(), reason: reason.to_string() }
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        StoreError::io("reading a snapshot", error.0)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        ReadError(error.to_string())
    }
}
