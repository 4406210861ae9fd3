//! From what is stored to what hosts should have.

mod effects;
mod moves;
mod nic;
mod policy;
mod presence;
mod public;
mod routes;
pub(crate) mod sound;
pub(crate) mod told;
mod zone_routes;
