//! What the data plane's maps should hold.

use std::net::{IpAddr, Ipv4Addr};

use pintle_core::host_spec::{EndpointSpec, LocationSpec, PortMode, PortNic, PortSpec, RouteSpec, VniEndpoint};
use pintle_core::id::AttachmentId;
use pintle_core::net::GATEWAY_MAC;
use pintle_datapath::{
    CLOSED_POLICY, Endpoint, EndpointFlags, EndpointKey, GuestConfig, Iface, IfaceFlags, Location, LocationKey, Port,
    PortFlags, Route, RouteKey, RouteTo, Vlan, cell_of_endpoint, cell_of_mac, ticks,
};

use crate::desired::in_force;
use crate::kernel::link::HOST_MTU;
use crate::reconcile::numbers::Numbers;
use crate::reconcile::observed::{Lead, Place};
use crate::shaper;

/// The MTU of a port's device on the host. A tap's is for the monitor of its machine to read.
pub(crate) fn host_mtu(spec: &PortSpec, tap: bool) -> u32 {
    if tap { spec.mtu.into() } else { HOST_MTU }
}

/// A port's entry in the data plane.
pub(crate) fn port(spec: &PortSpec, slot: u32, lead: Lead) -> Port {
    let flag = |on: bool, flag: PortFlags| if on { flag } else { PortFlags::NONE };
    Port {
        segment: spec.segment,
        slot,
        primary_ip: spec.addresses.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        gateway_ip: spec.gateway,
        prefix_len: spec.subnet.prefix_len(),
        subnet6: spec.subnet6,
        table: spec.route_table,
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        mtu: spec.mtu,
        card: lead.card,
        flags: flag(spec.mode == PortMode::Active, PortFlags::ACTIVE)
            .with(flag(spec.policy.allow_ip_spoofing, PortFlags::ALLOW_IP_SPOOFING))
            .with(flag(spec.nic == PortNic::Card { trunk: true }, PortFlags::TRUNK))
            .with(flag(lead.tap, PortFlags::TAP)),
        generation: spec.generation,
        vni: spec.vni.to_string(),
    }
}

/// A VLAN's entry in the data plane.
pub(crate) fn vlan(id: AttachmentId, spec: &PortSpec, port: u32) -> Vlan {
    Vlan { port, generation: spec.generation, attachment: id.to_string() }
}

/// What may pass the port in a slot, and how fast. Without groups nothing passes, whatever else could be written.
///
/// # Errors
/// When the data plane has no number for what it names, because it could not be written.
pub(crate) fn iface(spec: &PortSpec, slot: u32, numbers: &Numbers, quota: u32) -> Result<Iface, String> {
    let flag = |on: bool, flag: IfaceFlags| if on { flag } else { IfaceFlags::NONE };
    let policy = &spec.policy;
    let acl = policy.acl.map(|id| numbers.acl(id)).transpose()?;
    // A shadow of no groups denies everything, which is not the same as no shadow.
    let shadow = match &policy.shadow {
        None => 0,
        Some(groups) if groups.is_empty() => CLOSED_POLICY,
        Some(groups) => numbers.policy(groups)?,
    };
    Ok(Iface {
        policy: numbers.policy(in_force(policy))?,
        shadow,
        acl: acl.unwrap_or(0),
        flags: flag(policy.state_filtering, IfaceFlags::STATE_FILTERING)
            .with(flag(policy.source_dest_check, IfaceFlags::SOURCE_DEST_CHECK))
            .with(flag(policy.untracked_open, IfaceFlags::UNTRACKED_OPEN))
            .with(flag(policy.adopting, IfaceFlags::ADOPTING))
            .with(flag(policy.public_gateway, IfaceFlags::PUBLIC_GATEWAY)),
        judged: policy.judged,
        quota,
        tcp_established: ticks(policy.timeouts.tcp_established),
        udp_stream: ticks(policy.timeouts.udp_stream),
        udp: ticks(policy.timeouts.udp),
        version: policy.version,
        ..closed(spec, slot)
    })
}

/// The port in a slot, with nothing that may pass it.
pub(crate) fn closed(spec: &PortSpec, slot: u32) -> Iface {
    Iface {
        egress_class: shaper::class(slot, &spec.limits, shaper::Direction::Egress),
        ingress_class: shaper::class(slot, &spec.limits, shaper::Direction::Ingress),
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        ..Iface::default()
    }
}

/// What the guest at a port is told that asks by DHCP or for routers.
pub(crate) fn guest_config(spec: &PortSpec) -> GuestConfig {
    GuestConfig::new(spec, GATEWAY_MAC.0)
}

/// An endpoint's entry. `None` while the port that should receive is not there: the entry waits for it.
pub(crate) fn endpoint(
    key: &EndpointKey,
    spec: &EndpointSpec,
    numbers: &Numbers,
    place: impl Fn(AttachmentId) -> Option<Place>,
) -> Option<Endpoint> {
    let cell = cell_of_endpoint(key.segment, key.addr);
    let EndpointSpec::Vni(spec) = spec else {
        let flags = EndpointFlags::GATEWAY;
        return Some(Endpoint { flags, gateway_mac: GATEWAY_MAC.0, mac: GATEWAY_MAC.0, cell, ..Endpoint::default() });
    };
    let receiver = match spec.port {
        Some(port) => Some(place(port)?),
        None => None,
    };
    let row = vni_endpoint(spec, receiver, spec.alt_port.and_then(place));
    // A set of groups without a number is one that no rule asks for: nothing matches it.
    Some(Endpoint { identity: numbers.identity(&spec.groups), cell, ..row })
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
        flags: flag(spec.moved, EndpointFlags::MOVED)
            .with(flag(spec.incoming_from.is_some(), EndpointFlags::INCOMING))
            .with(flag(receiver.is_some_and(|place| place.tap), EndpointFlags::LOCAL_TAP))
            .with(flag(alternative.is_some_and(|place| place.tap), EndpointFlags::ALT_TAP)),
        generation: spec.generation,
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        mtu: spec.mtu,
        ..Endpoint::default()
    }
}

/// A location's entry; `addr` is an address of the interface, if this host knows one.
pub(crate) fn location(key: &LocationKey, spec: &LocationSpec, addr: Option<IpAddr>) -> Location {
    let (vtep, alt_vtep) = match (spec.vtep, spec.alt_vtep) {
        // It lives here and is moving away: the other host is the only one that may speak for it through a tunnel.
        (None, Some(other)) => (Some(other), None),
        both => both,
    };
    Location { vtep, alt_vtep, addr, table: spec.route_table, cell: cell_of_mac(key.segment, key.mac) }
}

/// A route's entry.
pub(crate) fn route(key: &RouteKey, spec: &RouteSpec) -> Route {
    let to = match *spec {
        RouteSpec::Via(addr) => RouteTo::Via(addr),
        RouteSpec::Public { gateway_vtep, gateway } => {
            RouteTo::Public { gateway_vtep, gateway: gateway.map(IpAddr::V4) }
        }
        RouteSpec::Local => RouteTo::Local,
        RouteSpec::Nat { vtep, address } => RouteTo::Nat { vtep, address },
        RouteSpec::Blackhole => RouteTo::Blackhole,
    };
    Route::new(key, to)
}
