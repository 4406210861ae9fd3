//! `/shares`, their mount targets, and `/share/profiles`.

mod create;
pub mod mount_target;
pub mod profile;
mod show;
mod update;
mod words;

pub use create::Create;
pub(in crate::ibm) use show::Shape;
pub use show::{encode, encode_page};
pub use update::Update;

use pintle_core::id::ShareId;
use pintle_core::model::Share;

use super::Site;

/// What references call it.
pub const RESOURCE_TYPE: &str = "share";

/// The URL of a share.
pub fn href(site: &Site, id: ShareId) -> String {
    site.href(format_args!("shares/{id}"))
}

/// The CRN of a share: a zonal resource.
pub fn crn(site: &Site, share: &Share) -> String {
    site.crn(&share.owner, &share.zone, RESOURCE_TYPE, share.id)
}
