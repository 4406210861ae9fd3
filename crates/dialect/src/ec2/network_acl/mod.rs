//! Network ACLs.
//!
//! EC2 knows a rule by its direction and number; the core numbers those that have been made without ([`NetworkAcl::numbers`]).
//! A rule of EC2's says one network, the far one; the near one is any.
//!
//! [`NetworkAcl::numbers`]: pintle_core::model::NetworkAcl::numbers

mod protocol;
mod show;

pub(super) mod association;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod entry;
