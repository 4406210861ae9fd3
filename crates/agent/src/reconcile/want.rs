//! From desired entries to what the kernel should hold for them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use pintle_core::host_spec::{EndpointSpec, LocationSpec, PortMode, PortSpec, VniEndpoint};
use pintle_core::id::AttachmentId;
use pintle_core::net::GATEWAY_MAC;
use pintle_datapath::{Endpoint, EndpointFlags, Location, Port, PortFlags};

use super::observed::{GuestDevice, Place};
use crate::kernel::addr::Address;
use crate::kernel::route::{PROTOCOL, Route, TABLE_MAIN};

/// A port's entry in the data plane.
pub(crate) fn port(spec: &PortSpec, slot: u32) -> Port {
    let flag = |on: bool, flag: PortFlags| if on { flag } else { PortFlags::NONE };
    Port {
        segment: spec.segment,
        slot,
        primary_ip: spec.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED),
        gateway_ip: spec.gateway,
        prefix_len: spec.prefix_len,
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        mtu: spec.mtu,
        flags: flag(spec.mode == PortMode::Active, PortFlags::ACTIVE)
            .with(flag(spec.allow_ip_spoofing, PortFlags::ALLOW_IP_SPOOFING)),
        generation: spec.generation,
        vni: spec.vni.to_string(),
    }
}

/// An endpoint's entry. `None` while the port that should receive is not there: the entry waits for it.
pub(crate) fn endpoint(spec: &EndpointSpec, place: impl Fn(AttachmentId) -> Option<Place>) -> Option<Endpoint> {
    let EndpointSpec::Vni(spec) = spec else {
        let flags = EndpointFlags::GATEWAY;
        return Some(Endpoint { flags, gateway_mac: GATEWAY_MAC.0, mac: GATEWAY_MAC.0, ..Endpoint::default() });
    };
    let receiver = match spec.port {
        Some(port) => Some(place(port)?),
        None => None,
    };
    Some(vni_endpoint(spec, receiver, spec.alt_port.and_then(place)))
}

fn vni_endpoint(spec: &VniEndpoint, receiver: Option<Place>, alternative: Option<Place>) -> Endpoint {
    let flag = |on: bool, flag: EndpointFlags| if on { flag } else { EndpointFlags::NONE };
    Endpoint {
        ifindex: receiver.map(|place| place.index),
        alt_ifindex: alternative.map(|place| place.index),
        vtep: spec.vtep,
        alt_vtep: spec.incoming_from,
        slot: receiver.map_or(0, |place| place.slot),
        alt_slot: alternative.map_or(0, |place| place.slot),
        flags: flag(spec.moved, EndpointFlags::MOVED).with(flag(spec.incoming_from.is_some(), EndpointFlags::INCOMING)),
        generation: spec.generation,
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        mtu: spec.mtu,
    }
}

/// A location's entry.
pub(crate) fn location(spec: &LocationSpec) -> Location {
    match (spec.vtep, spec.alt_vtep) {
        // It lives here and is moving away: the other host is the only one that may speak for it through a tunnel.
        (None, Some(other)) => Location { vtep: Some(other), alt_vtep: None },
        (vtep, alt_vtep) => Location { vtep, alt_vtep },
    }
}

/// The addresses of the guest's device: the primary one with the subnet's prefix, so that the guest sees its neighbours
/// as such; the others alone, so that none depends on another.
pub(crate) fn addresses(spec: &PortSpec, device: u32) -> Vec<Address> {
    let prefix = |place: usize| if place == 0 { spec.prefix_len } else { 32 };
    let net = |(place, ip): (usize, &Ipv4Addr)| {
        let net = Ipv4Net::new(*ip, prefix(place).min(32)).expect("a prefix of at most 32 bits is valid");
        // A lone address needs no route to its network; saying so marks it as ours.
        Address { device, net, prefix_route: place == 0 }
    };
    spec.addresses.iter().enumerate().map(net).collect()
}

/// Whether the guest may keep an address that the port does not have: one that its user gave it to send from.
pub(crate) fn may_keep(spec: &PortSpec, address: &Address) -> bool {
    let ours = !address.prefix_route && address.net.prefix_len() == 32;
    spec.allow_ip_spoofing && !ours
}

/// The guest's default route, if it goes through this port.
pub(crate) fn default_route(spec: &PortSpec, device: u32) -> Option<Route> {
    spec.default_route.then(|| Route::new(Ipv4Net::default(), Some(spec.gateway), device))
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
