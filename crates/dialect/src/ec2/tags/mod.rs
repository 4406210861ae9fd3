//! Tags on whatever has an id.

mod kinds;

pub(super) mod change;
pub(super) mod describe;
