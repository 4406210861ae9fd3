//! What a guest's device should have: addresses and default routes, of both IP versions.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::host_spec::PortSpec;
use pintle_core::net::{GATEWAY_LINK_LOCAL, Mac};

use crate::kernel::addr::Address;
use crate::kernel::link::Ipv6Settings;
use crate::kernel::route::{PROTOCOL, Route, TABLE_MAIN};
use crate::reconcile::observed::GuestDevice;

/// The addresses of the guest's device: the primary one of each IP version with the subnet's prefix, so that the guest
/// sees its neighbours as such; the others alone, so that none depends on another. With IPv6 comes the link-local one,
/// which the guest speaks to routers and neighbours from.
pub(crate) fn addresses(spec: &PortSpec, device: u32) -> Vec<Address> {
    let mut wanted = Vec::with_capacity(spec.addresses.len() + 1);
    let (mut subnet4, mut subnet6) = (Some(spec.subnet.prefix_len()), spec.subnet6.map(|net| net.prefix_len()));
    for ip in &spec.addresses {
        let (subnet, alone) = match ip {
            IpAddr::V4(_) => (subnet4.take(), 32),
            IpAddr::V6(_) => (subnet6.take(), 128),
        };
        let net = IpNet::new(*ip, subnet.unwrap_or(alone)).expect("a network's own prefix length is valid");
        // A lone address needs no route to its network; saying so marks it as ours.
        wanted.push(Address { device, net, prefix_route: subnet.is_some() });
    }
    if has_ipv6(spec) {
        let net = Ipv6Net::new(link_local(spec.mac), 64).expect("64 is a valid prefix length");
        wanted.push(Address { device, net: net.into(), prefix_route: true });
    }
    wanted
}

/// Whether the port has an IPv6 address.
pub(crate) fn has_ipv6(spec: &PortSpec) -> bool {
    spec.addresses.iter().any(IpAddr::is_ipv6)
}

/// The link-local address that belongs to a MAC address (RFC 4291, appendix A).
pub(crate) fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The settings of IPv6 that the guest's device should have; `None`: whatever it has. Its addresses and routes come from
/// here, so router advertisements are not listened to.
pub(crate) fn ipv6_settings(spec: &PortSpec) -> Option<Ipv6Settings> {
    has_ipv6(spec).then_some(Ipv6Settings { disabled: false, accept_ra: false })
}

/// Whether the guest may keep an address that the port does not have: one of a network that is delegated to it, one that
/// its user gave it to send from, or a link-local one, which leads nowhere.
pub(crate) fn may_keep(spec: &PortSpec, address: &Address) -> bool {
    let alone = address.net.prefix_len() == address.net.max_prefix_len();
    let ours = !address.prefix_route && alone;
    let link_local = matches!(address.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local());
    let delegated = spec.prefixes.iter().any(|net| net.contains(&address.ip()));
    delegated || link_local || spec.policy.allow_ip_spoofing && !ours
}

/// The guest's default routes, one for each IP version that it has an address of, if they go through this port.
pub(crate) fn default_routes(spec: &PortSpec, device: u32) -> Vec<Route> {
    let mut routes = Vec::new();
    if spec.default_route && spec.addresses.iter().any(IpAddr::is_ipv4) {
        routes.push(Route::new(Ipv4Net::default().into(), Some(spec.gateway.into()), device));
    }
    if spec.default_route && has_ipv6(spec) {
        routes.push(Route::new(Ipv6Net::default().into(), Some(GATEWAY_LINK_LOCAL.into()), device));
    }
    routes
}

/// Whether a route does what `wanted` does, whoever made it.
pub(crate) fn same_way(route: &Route, wanted: &Route) -> bool {
    Route { protocol: PROTOCOL, ..*route } == *wanted
}

/// Whether a route is one that a port's guest has from us.
pub(crate) fn is_ours(route: &Route) -> bool {
    route.protocol == PROTOCOL && route.table == TABLE_MAIN && route.destination.prefix_len() == 0
}

/// Which of the wanted addresses the guest does not have.
pub(crate) fn missing_addresses(spec: &PortSpec, guest: &GuestDevice) -> Vec<Address> {
    let has = |wanted: &Address| guest.addresses.iter().any(|there| there.net == wanted.net);
    addresses(spec, guest.index).into_iter().filter(|wanted| !has(wanted)).collect()
}

/// Which of the guest's addresses must go.
pub(crate) fn surplus_addresses(spec: &PortSpec, guest: &GuestDevice) -> Vec<Address> {
    let wanted = addresses(spec, guest.index);
    let surplus = |there: &&Address| !wanted.iter().any(|w| w.net == there.net) && !may_keep(spec, there);
    guest.addresses.iter().filter(surplus).copied().collect()
}

/// Whether others of the guest's addresses may go with this one, and the routes: the kernel does so with the first IPv4
/// address of a network.
pub(crate) fn takes_others_along(guest: &GuestDevice, address: &Address) -> bool {
    let of_network = |other: &&Address| other.net.trunc() == address.net.trunc();
    let shared = address.net.addr().is_ipv4() && address.net.prefix_len() < 32;
    shared && guest.addresses.iter().find(of_network) == Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_local_address_is_that_of_the_mac() {
        // The example of RFC 2464, 4.
        let mac = "34:56:78:9a:bc:de".parse().unwrap();
        assert_eq!(link_local(mac).to_string(), "fe80::3656:78ff:fe9a:bcde");
    }
}
