//! `/bare_metal_servers`, their network attachments, and `/bare_metal_server/profiles`.
//!
//! A bare metal server here is a place on a host whose network cards are handed over by it: nothing boots in it, and what only a
//! machine has (disks, firmware, a trusted platform module …) is shown as absent or off.

pub mod attachment;
mod create;
pub mod initialization;
pub mod profile;
mod show;
mod stop;
mod update;

pub use create::Create;
pub(in crate::ibm) use show::Shape;
pub use show::{encode, encode_page};
pub use stop::Stop;
pub use update::Update;

use pintle_core::id::InstanceId;

use super::Site;

/// What replies call it.
pub const RESOURCE_TYPE: &str = "bare_metal_server";
/// The collection's path below `/v1/`.
pub const COLLECTION: &str = "bare_metal_servers";

/// The URL of a bare metal server.
pub fn href(site: &Site, id: InstanceId) -> String {
    site.href(format_args!("{COLLECTION}/{id}"))
}
