//! What a decision asks of the store: reads it relied on (compares) and what it wants written.
//!
//! The types live here, not in the store, because `decide` produces them and must not know an engine.
//! The store applies a [`Txn`] all or nothing: if one compare does not hold, nothing is written.

use crate::request::Actor;

/// A position in the store's history. Every commit that writes gets the next one; 0 is the empty store.
pub type Revision = u64;

/// One condition of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key must not exist.
    Absent {
        /// The whole key.
        key: String,
    },
    /// The key must exist and its last write must have been at exactly this revision.
    Unchanged {
        /// The whole key.
        key: String,
        /// The revision of its last write, as it was read.
        modified: Revision,
    },
    /// No key that begins with `prefix` may have been written after `since`.
    ///
    /// This is how a decision that relied on "there is no child" or on a whole list stays true until the commit.
    /// Deletions within the prefix do not break it: they only make the list shorter.
    RangeUnchanged {
        /// What the keys begin with.
        prefix: String,
        /// The revision at which the range was read.
        since: Revision,
    },
}

/// One effect of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a key, whether or not it existed.
    Put {
        /// The whole key.
        key: String,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes a key; removing one that does not exist is no error and no event.
    Delete {
        /// The whole key.
        key: String,
    },
}

impl Write {
    /// The key that this write touches.
    pub fn key(&self) -> &str {
        match self {
            Write::Put { key, .. } | Write::Delete { key } => key,
        }
    }
}

/// Compares and writes that take effect together or not at all.
///
/// A key may be written at most once in a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// All must hold at commit.
    pub compares: Vec<Compare>,
    /// Applied in order, at one revision.
    pub writes: Vec<Write>,
}

/// A stored value with the revision of its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The whole key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// Revision of the last write to this key.
    pub modified: Revision,
}

/// A read failed below the contract (disk, network): not an answer about the data.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store could not be read: {0}")]
pub struct ReadError(pub String);

/// A consistent snapshot of the store at one revision: everything a decision may read.
pub trait Snapshot {
    /// The revision this snapshot shows.
    fn revision(&self) -> Revision;

    /// The value at `key`, if it exists.
    ///
    /// # Errors
    /// [`ReadError`] when the engine fails.
    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError>;

    /// Keys that begin with `prefix`, in ascending byte order, from the first that is `>= start` (`start` may be
    /// empty: from the beginning of the prefix), at most `limit` of them.
    ///
    /// # Errors
    /// [`ReadError`] when the engine fails.
    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError>;

    /// Who looks. What does not exist for them is not found where the look is by an id ([`crate::query::find`]).
    fn seen_by(&self) -> &Actor {
        static SYSTEM: Actor = Actor::System;
        &SYSTEM
    }

    /// How many keys begin with `prefix`.
    ///
    /// # Errors
    /// [`ReadError`] when the engine fails.
    fn count(&self, prefix: &str) -> Result<u64, ReadError>;
}

/// A snapshot as somebody sees it.
pub struct Sight<'a> {
    snapshot: &'a dyn Snapshot,
    by: Actor,
}

impl<'a> Sight<'a> {
    /// This snapshot, seen by them.
    pub fn new(snapshot: &'a dyn Snapshot, by: Actor) -> Self {
        Sight { snapshot, by }
    }
}

impl Snapshot for Sight<'_> {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }
    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        self.snapshot.get(key)
    }
    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.snapshot.list(prefix, start, limit)
    }
    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        self.snapshot.count(prefix)
    }
    fn seen_by(&self) -> &Actor {
        &self.by
    }
}
