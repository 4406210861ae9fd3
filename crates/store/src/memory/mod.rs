//! The engine without a disk, for simulation and tests.
//!
//! It gives the same answers as the durable engine ([`crate::suite`] and a property test hold it to that) and runs each
//! commit at the first poll of its future, so that a seeded simulation decides the order of everything.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::txn::{ReadError, Revision, Snapshot, Stored, Txn};
use tokio::sync::watch;

use crate::watch::History;
use crate::{Batch, BoxFuture, Outcome, Store, StoreError, Watch, limits};
use state::State;

/// How a [`MemoryStore`] behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySettings {
    /// How many of the latest revisions keep their events, at least 1. The default is 10,000.
    pub history_revisions: u64,
}

impl Default for MemorySettings {
    fn default() -> Self {
        MemorySettings { history_revisions: 10_000 }
    }
}

/// A [`Store`] in memory. Its data end with it.
pub struct MemoryStore {
    shared: Arc<Shared>,
    newest: watch::Sender<Revision>,
}

/// What watches keep alive; the sender is not in here, so that they notice when the store is dropped.
struct Shared {
    state: Mutex<State>,
}

impl Shared {
    /// The state. A panic elsewhere cannot leave it half-changed: every change checks first and then writes.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new(settings: MemorySettings) -> Self {
        let state = Mutex::new(State::new(settings.history_revisions.max(1)));
        MemoryStore { shared: Arc::new(Shared { state }), newest: watch::Sender::new(0) }
    }

    fn apply(&self, txn: Txn) -> Result<Outcome, StoreError> {
        limits::check(&txn)?;
        let mut state = self.shared.lock();
        let outcome = state.apply(txn);
        // Told under the lock, so that the revisions told never go back.
        self.newest.send_if_modified(|newest| {
            let moved = *newest != state.revision();
            *newest = state.revision();
            moved
        });
        Ok(outcome)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new(MemorySettings::default())
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("revision", &self.shared.lock().revision()).finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send + '_>, StoreError> {
        let revision = self.shared.lock().open_snapshot();
        Ok(Box::new(MemorySnapshot { shared: &self.shared, revision }))
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move { self.apply(txn) })
    }

    fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        self.shared.lock().check_watch(after)?;
        Ok(Watch::new(self.shared.clone(), self.newest.subscribe(), after))
    }

    fn compact(&self, keep_after: Revision) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.shared.lock().compact(keep_after);
            Ok(())
        })
    }
}

impl History for Shared {
    fn read_after(&self, after: Revision) -> Result<Vec<Arc<Batch>>, StoreError> {
        self.lock().events_after(after)
    }
}

/// A view at one revision; the state keeps the versions it needs until it is dropped.
struct MemorySnapshot<'a> {
    shared: &'a Shared,
    revision: Revision,
}

impl Snapshot for MemorySnapshot<'_> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        Ok(self.shared.lock().get(key, self.revision))
    }

    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        Ok(self.shared.lock().list(prefix, start, limit, self.revision))
    }

    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        Ok(self.shared.lock().count(prefix, self.revision))
    }
}

impl Drop for MemorySnapshot<'_> {
    fn drop(&mut self) {
        self.shared.lock().close_snapshot(self.revision);
    }
}
