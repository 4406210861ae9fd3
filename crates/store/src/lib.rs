//! The revisioned store: one contract, several engines.
//!
//! Everything the control plane knows is keys and values under one history of revisions. A decision reads a
//! [`Snapshot`](pintle_core::txn::Snapshot), and what it wants is committed as one [`Txn`](pintle_core::txn::Txn) that
//! takes effect whole or not at all. Whoever has to act on changes watches from a revision and sees every later commit
//! once, in order. Two promises carry the rest of the system: an acknowledged commit survives a crash, and a watch
//! never skips.
//!
//! [`SqliteStore`] is the durable engine in one file. [`MemoryStore`] has the same behaviour without a disk, for
//! simulation. [`suite`] is what every engine must pass.

mod contract;
mod error;
mod limits;
mod memory;
mod range;
mod sqlite;
pub mod suite;
mod watch;

pub use contract::{Batch, BoxFuture, Event, Outcome, Store};
pub use error::StoreError;
pub use limits::{MAX_KEY_BYTES, MAX_TXN_BYTES, MAX_VALUE_BYTES, MAX_WRITES};
pub use memory::{MemorySettings, MemoryStore};
pub use sqlite::{SqliteSettings, SqliteStore};
pub use watch::Watch;
