//! What a store promises, whichever engine is below it.
//!
//! The engines are exchangeable because callers depend on this trait only, and because [`crate::suite`] holds every
//! engine to the same answers.

use std::future::Future;
use std::pin::Pin;

use pintle_core::txn::{Compare, Revision, Snapshot, Stored, Txn};

use crate::{StoreError, Watch};

/// A boxed future, so that [`Store`] can be used as `dyn Store`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A revisioned key-value store.
///
/// Keys are UTF-8 and are ordered by their bytes. The sizes allowed are [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES),
/// [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES), [`MAX_WRITES`](crate::MAX_WRITES) and
/// [`MAX_TXN_BYTES`](crate::MAX_TXN_BYTES).
pub trait Store: Send + Sync + 'static {
    /// A consistent snapshot for reading. It costs no copy of the data.
    ///
    /// Only committed state is ever visible. Reads block the calling thread for as long as the engine needs
    /// (microseconds from cache). Drop the snapshot soon: while it lives, the engine keeps what it shows.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many snapshots are open; [`StoreError::Io`] when the engine fails.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send + '_>, StoreError>;

    /// What a snapshot that is taken now has at a key, if the engine knows that without taking one.
    fn known(&self, _key: &str) -> Option<Option<Stored>> {
        None
    }

    /// Applies a transaction whole or not at all; durable when the future resolves to [`Outcome::Committed`].
    ///
    /// A transaction that changes nothing (no writes, or only deletions of absent keys) takes no revision and resolves
    /// to the current one. [`Compare::RangeUnchanged`] looks at the keys that exist at the time of the commit.
    ///
    /// Dropping the future before it resolves leaves it open whether the transaction was applied.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the transaction breaks a rule of the contract. [`StoreError::Io`] when the engine
    /// could not make it durable: then nothing of it is visible, and later commits work again once the cause is gone.
    /// After an `Io` error followed at once by a crash the transaction may be found applied, whole, so a caller that
    /// repeats it relies on its compares. [`StoreError::Closed`] leaves the outcome unknown in the same way.
    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, StoreError>>;

    /// All events after the revision `after`: first those of the past, then live ones, in order, whole revisions; none
    /// is skipped and none comes twice.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] when the history after `after` is gone, [`StoreError::Future`] when the store has not
    /// reached `after`, [`StoreError::Io`] when the engine fails.
    fn watch(&self, after: Revision) -> Result<Watch, StoreError>;

    /// Drops the events of all revisions up to and including `keep_after`. Current values stay, and a watch from
    /// `keep_after` still works. Beyond the current revision it means the current one; below what is already dropped
    /// it does nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine fails, with nothing dropped.
    fn compact(&self, keep_after: Revision) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All compares held and all writes are in.
    Committed {
        /// The revision of the writes; the current one if nothing changed.
        revision: Revision,
    },
    /// A compare did not hold; nothing was written.
    Conflict {
        /// The first compare, in the order of the transaction, that did not hold.
        failed: Compare,
    },
}

/// Everything that one commit wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The revision of the commit.
    pub revision: Revision,
    /// The changes in the order of the transaction's writes; never empty.
    pub events: Vec<Event>,
}

/// One key changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The whole key.
    pub key: String,
    /// Its new value; `None` when it was deleted.
    pub value: Option<Vec<u8>>,
}

impl Batch {
    /// Bytes of all keys and values: what holding the batch costs, without the allocator's overhead.
    pub(crate) fn bytes(&self) -> usize {
        self.events.iter().map(Event::bytes).sum()
    }
}

impl Event {
    /// Bytes of the key and the value.
    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}
