//! Prefix lists.

mod show;

pub(super) mod associations;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod entries;
pub(super) mod modify;
pub(super) mod restore;
pub(super) mod services;
