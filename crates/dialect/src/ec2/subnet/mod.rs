//! Subnets: their IPv6 ranges, attributes, and what is reserved of them.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod modify;
pub(super) mod range;
pub(super) mod reservation;
mod show;
