//! From what is stored to what hosts should have.

mod effects;
mod moves;
mod presence;
pub(crate) mod sound;
pub(crate) mod told;
