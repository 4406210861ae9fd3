//! From what hosts have done to what is stored: the reconciler.
//!
//! It is woken, never told: a wake-up says which record or which host to look at, and what to do follows from the
//! records, desired state and the hosts' reports as they are then. A wake-up too many changes nothing, and each command
//! holds only if the record it is about is still the one that was looked at.

mod carry;
mod change;
mod item;
mod moves;
mod records;
mod run;
mod work;

pub(crate) use change::{Change, Tracked, TrackedMove};
pub(crate) use run::Reconciler;
