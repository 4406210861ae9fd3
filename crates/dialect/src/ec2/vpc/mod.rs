//! VPCs and their ranges.

pub(super) mod attribute;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod range;
mod show;
