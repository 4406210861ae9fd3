//! Internet gateways.

pub(super) mod attach;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod detach;
mod show;
