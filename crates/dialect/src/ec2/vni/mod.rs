//! Network interfaces.

pub(super) mod assign;
pub(super) mod attach;
pub(super) mod attribute;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod detach;
mod ena;
mod filters;
mod given;
pub(super) mod modify;
pub(super) mod permission;
pub(super) mod reset;
pub(super) mod show;
mod tracking;
pub(super) mod unassign;
