//! Flow logs.

mod destination;
mod format;
mod show;

pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
