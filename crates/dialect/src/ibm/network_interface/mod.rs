//! `/instances/{id}/network_interfaces`, and those of bare metal servers: network interfaces as old clients know them, which
//! are part of their server.
//!
//! Where a server has network attachments, each is one of these together with its virtual network interface, to be read only.

mod create;
mod show;
mod status;
mod update;

pub use create::Create;
pub(in crate::ibm) use show::{BareMetalShape, ReferenceShape, Shape};
pub use show::{encode, encode_all, encode_floating_ips, encode_ip_page, encode_page, encode_reference};
pub use status::Status;
pub use update::Update;

use pintle_core::model::{Attachment, Role};

use super::Site;

/// What replies call it.
pub const RESOURCE_TYPE: &str = "network_interface";

/// The URL of a network interface: its attachment's, in another collection.
pub fn href(site: &Site, role: Role, attachment: &Attachment) -> String {
    site.href(path(role, attachment))
}

fn path(role: Role, attachment: &Attachment) -> String {
    let servers = match role {
        Role::BareMetal => "bare_metal_servers",
        Role::Server | Role::ShareMount(_) => "instances",
    };
    format!("{servers}/{}/network_interfaces/{}", attachment.instance, attachment.id)
}
