//! Keys of what leads in from the public network.

use std::net::Ipv4Addr;

use super::digits;
use crate::id::{AssociationId, FloatingIpId, PublicPoolId, ReservedIpId};

/// The key that a public address occupies; sorts by address. Its value is the floating IP's id.
pub fn public_address_key(address: Ipv4Addr) -> String {
    format!("{PUBLIC_ADDRESSES}{}", digits(address.into()))
}

/// What the keys of public addresses begin with.
pub const PUBLIC_ADDRESSES: &str = "public_address/";
/// Where the search for a pool's next free address starts: a hint, never compared. Its value is an address.
pub fn public_hint_key(pool: PublicPoolId) -> String {
    format!("public_hint/{pool}")
}

/// Index: floating IPs that lead to a private address; one at most where they are translated to it. What was written before
/// there could be several is the prefix itself.
pub fn floating_ips_of_address(ip: ReservedIpId) -> String {
    format!("floating_ip_of/{ip}")
}

/// The key of a floating IP among those that lead to a private address. Its value is the floating IP's id.
pub fn floating_ip_of_key(ip: ReservedIpId, floating_ip: FloatingIpId) -> String {
    format!("{}/{floating_ip}", floating_ips_of_address(ip))
}

/// The key that an association occupies for as long as it lasts. Its value is the floating IP's id.
pub fn association_key(association: AssociationId) -> String {
    format!("association/{association}")
}
