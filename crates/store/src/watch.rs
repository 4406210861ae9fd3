//! Following the store: past revisions first, then live ones, without a gap between the two.
//!
//! A watch keeps only its position and one bounded read of the history. Nothing is queued for it while it is not asked,
//! so a watcher that is slow, or stopped, costs the server nothing: when it comes back it reads on from the history.
//! The engine tells of a commit only by the newest revision, which cannot be missed because it is a state, not a message.

use std::collections::VecDeque;
use std::sync::Arc;

use pintle_core::txn::Revision;
use tokio::sync::watch;

use crate::{Batch, StoreError};

/// Roughly how many bytes of events one read of the history brings into memory; a single larger revision comes whole.
pub(crate) const READ_BYTES: usize = 256 << 10;

/// Where a watch reads from.
pub(crate) trait History: Send + Sync {
    /// The batches that follow the revision `after`, without a gap, about [`READ_BYTES`] of them, and at least one if
    /// the store is past `after`.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] when the next one is gone, or what the engine says.
    fn read_after(&self, after: Revision) -> Result<Vec<Arc<Batch>>, StoreError>;
}

/// The events of a store from one revision on. Made by [`Store::watch`](crate::Store::watch).
pub struct Watch {
    history: Arc<dyn History>,
    newest: watch::Receiver<Revision>,
    after: Revision,
    ready: VecDeque<Arc<Batch>>,
}

impl Watch {
    /// A watch of everything after `after`, woken by changes of `newest`.
    pub(crate) fn new(history: Arc<dyn History>, newest: watch::Receiver<Revision>, after: Revision) -> Self {
        Watch { history, newest, after, ready: VecDeque::new() }
    }

    /// The next commit's events; waits for one if there is none yet.
    ///
    /// Cancel-safe: a future dropped before it resolves has taken nothing.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] when the watch fell so far behind that its history is gone; [`StoreError::Closed`]
    /// once the store is closed; [`StoreError::Io`] when the engine fails, after which `next` can be tried again.
    pub async fn next(&mut self) -> Result<Batch, StoreError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                self.after = batch.revision;
                return Ok(Arc::unwrap_or_clone(batch));
            }
            // Marking the value as seen before reading means that a commit during the read wakes the wait below.
            if *self.newest.borrow_and_update() > self.after {
                self.ready = self.history.read_after(self.after)?.into();
            }
            if self.ready.is_empty() {
                self.newest.changed().await.map_err(|_| StoreError::Closed)?;
            }
        }
    }

    /// The revision of the last batch handed out, or the one that the watch began after.
    pub fn position(&self) -> Revision {
        self.after
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("after", &self.after).field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
