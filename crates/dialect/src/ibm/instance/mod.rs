//! `/instances`.
//!
//! An instance here is a network namespace on a host. Its image and its keys are kept and shown; what else only a virtual
//! machine has (volumes, user data …) is refused by name in requests, and shown as what is not there.

mod action;
mod create;
mod interfaces;
mod show;
mod update;

pub(in crate::ibm) use action::Shape as ActionShape;
pub use action::{Action, encode_action};
pub use create::Create;
pub(in crate::ibm) use show::{Shape, status};
pub use show::{encode, encode_page};
pub use update::Update;

use pintle_core::id::InstanceId;

use super::Site;

/// Under which name an instance's image is kept with it.
pub(super) const IMAGE_NOTE: &str = "ibm-image";
/// Under which name the ids of an instance's keys are kept with it.
pub(super) const KEYS_NOTE: &str = "ibm-keys";

/// What replies call it.
pub const RESOURCE_TYPE: &str = "instance";

/// The URL of an instance.
pub fn href(site: &Site, id: InstanceId) -> String {
    site.href(format_args!("instances/{id}"))
}
