//! Route tables, their routes, and which subnets use them.

pub(super) mod associate;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod disassociate;
mod filters;
pub(super) mod replace_association;
pub(super) mod routes;
mod show;
