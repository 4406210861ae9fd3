//! Security groups and their rules.
//!
//! The core has a group with rules; EC2 shows rules gathered into *permissions* (one protocol and range of ports with all that
//! it is open to) or one by one. [`permission`] is the one place that translates between the two.

mod filters;
mod listing;
mod permission;
mod protocol;
mod show;
mod target;
mod text;

pub(super) mod associations;
pub(super) mod authorize;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod descriptions;
pub(super) mod for_vpc;
pub(super) mod modify_rules;
pub(super) mod references;
pub(super) mod revoke;
pub(super) mod rules;
