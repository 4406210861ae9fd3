//! Network interfaces.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
mod filters;
mod show;
