//! Instances, as far as interfaces need them.

pub(super) mod around;
pub(super) mod attribute;
pub(super) mod change;
pub(super) mod describe;
mod filters;
pub(super) mod image;
mod interface;
mod launch;
pub(super) mod modify;
mod notes;
pub(super) mod run;
mod show;
mod state;
pub(super) mod types;
