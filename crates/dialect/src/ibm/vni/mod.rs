//! `/virtual_network_interfaces`.

mod create;
mod ips;
mod show;
mod update;

pub use create::Create;
pub use ips::{add_ip, encode_ip, encode_ip_page};
pub(in crate::ibm) use show::Shape;
pub use show::{encode, encode_deleted, encode_page};
pub use update::Update;

use pintle_core::id::VniId;
use pintle_core::model::Vni;

use super::Site;

/// What references call it.
pub const RESOURCE_TYPE: &str = "virtual_network_interface";

/// The URL of an interface.
pub fn href(site: &Site, id: VniId) -> String {
    site.href(format_args!("virtual_network_interfaces/{id}"))
}

/// The CRN of an interface: a zonal resource.
pub fn crn(site: &Site, vni: &Vni) -> String {
    site.crn(&vni.owner, &vni.zone, "virtual-network-interface", vni.id)
}
