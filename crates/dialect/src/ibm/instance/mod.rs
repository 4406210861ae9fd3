//! `/instances`.
//!
//! An instance here is a network namespace on a host. What only a virtual machine has (image, keys, volumes …) is refused
//! by name in requests and left out of replies.

mod action;
mod create;
mod show;
mod update;

pub(in crate::ibm) use action::Shape as ActionShape;
pub use action::{Action, encode_action};
pub use create::Create;
pub(in crate::ibm) use show::Shape;
pub use show::{encode, encode_page};
pub use update::Update;

use pintle_core::id::InstanceId;

use super::Site;

/// What replies call it.
pub const RESOURCE_TYPE: &str = "instance";
/// The one profile: a network namespace that the server makes on a host of the zone.
pub const PROFILE: &str = "namespace";

/// The URL of an instance.
pub fn href(site: &Site, id: InstanceId) -> String {
    site.href(format_args!("instances/{id}"))
}
