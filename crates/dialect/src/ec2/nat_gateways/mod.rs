//! NAT gateways: public gateways that lie in a subnet.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
mod show;
