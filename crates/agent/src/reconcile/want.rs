//! What should be there, row for row and address for address: the other half of what a plan is made from.

mod guest;
mod public;
mod rows;

pub(crate) use guest::{
    addresses, default_routes, has_ipv6, ipv6_settings, is_ours, missing_addresses, same_way, surplus_addresses,
    takes_others_along,
};
pub(crate) use public::{outward_key, public};
pub(crate) use rows::{closed, endpoint, guest_config, host_mtu, iface, location, port, route, vlan};
