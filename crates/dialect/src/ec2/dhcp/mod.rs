//! Sets of DHCP options.

pub(super) mod change;
pub(super) mod create;
pub(super) mod describe;
mod show;
