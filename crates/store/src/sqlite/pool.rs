//! Connections for snapshots, kept for the next one.
//!
//! Opening a connection reads the schema and allocates a cache; taking one from the pool is a lock and a pop. The
//! number at once is limited because each costs file descriptors and memory, and the limit is an error and not a wait:
//! a wait on an executor's thread could keep those from running who hold the snapshots.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open;
use crate::StoreError;

/// Read-only connections to one store.
pub(super) struct Pool {
    path: PathBuf,
    max_open: usize,
    max_idle: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    leased: usize,
    closed: bool,
}

impl Pool {
    /// An empty pool; connections are opened when they are first needed.
    pub(super) fn new(path: PathBuf, max_open: usize, max_idle: usize) -> Self {
        Pool { path, max_open, max_idle, state: Mutex::default() }
    }

    /// A connection outside any transaction. It must come back through [`Pool::give_back`].
    ///
    /// # Errors
    /// [`StoreError::Busy`] at the limit, [`StoreError::Io`] when none can be opened, [`StoreError::Closed`].
    pub(super) fn lease(&self) -> Result<Connection, StoreError> {
        {
            let mut state = self.lock();
            if state.closed {
                return Err(StoreError::Closed);
            }
            if state.leased >= self.max_open {
                return Err(StoreError::Busy { limit: self.max_open });
            }
            state.leased += 1;
            if let Some(connection) = state.idle.pop() {
                return Ok(connection);
            }
        }
        open::reader(&self.path).inspect_err(|_| self.lock().leased -= 1)
    }

    /// Takes a lease back; `None` when the connection is not fit to be used again.
    pub(super) fn give_back(&self, connection: Option<Connection>) {
        let mut state = self.lock();
        state.leased -= 1;
        if !state.closed && state.idle.len() < self.max_idle {
            state.idle.extend(connection);
        }
    }

    /// Closes what is idle and lets nothing be leased again.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.clear();
    }

    /// The store's file, for error messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
