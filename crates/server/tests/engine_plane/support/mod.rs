//! A control plane in one process for tests: memory store, seeded ids, and hosts that are played by the test.

mod fake_host;
mod invariants;
mod random;
mod setup;

pub use fake_host::{FakeHost, State};
pub use invariants::{check_addresses, expected_entries};
pub use random::random_command;
pub use setup::{Plane, Seeded, settle};
