//! Where a packet of a guest goes, and whether it gets that far: before any policy.

use std::net::IpAddr;

use super::packet::Packet;
use super::world::{World, in_subnet, owns};
use crate::drop_reason::DropReason;
use crate::host_spec::{EndpointSpec, OWN_TABLE, PortSpec, RouteSpec, VniEndpoint};
use crate::net::{GATEWAY_LINK_LOCAL, GATEWAY_MAC};

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// To a gateway's own address.
    Gateway,
    /// To an interface.
    Interface {
        /// Which.
        endpoint: &'a VniEndpoint,
        /// By the gateway, which writes MAC addresses and TTL anew; otherwise within the subnet, unchanged.
        routed: bool,
    },
    /// To the public network.
    Public,
}

/// Why a packet can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason, as counted.
    pub reason: DropReason,
    /// What its sender is told.
    pub tell: Option<Tell>,
}

/// What a gateway tells the sender of a packet that it can't forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// Nobody has the address.
    Unreachable,
    /// TTL or hop limit is used up.
    TimeExceeded,
    /// Larger than this many bytes.
    TooBig(u16),
}

impl From<DropReason> for Obstacle {
    fn from(reason: DropReason) -> Self {
        Obstacle { reason, tell: None }
    }
}

fn is_multicast(packet: &Packet) -> bool {
    let group = match packet.destination {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    };
    group || packet.ethernet.destination.0[0] & 1 == 1
}

/// Refuses what is for many.
///
/// # Errors
/// `multicast`.
pub fn check_destination(packet: &Packet) -> Result<(), DropReason> {
    if is_multicast(packet) { Err(DropReason::Multicast) } else { Ok(()) }
}

/// The interface that an address leads to: the one that the route table has it sent to, or else its own, or the one that its
/// network is delegated to.
///
/// # Errors
/// `no_route`; `Ok(None)` for the public network.
pub fn interface_for<'a>(
    world: World<'a>,
    (segment, table): (u32, u8),
    address: IpAddr,
) -> Result<Option<&'a VniEndpoint>, DropReason> {
    if table != OWN_TABLE {
        match world.route(segment, table, address) {
            Some((_, RouteSpec::Via(hop))) => {
                return world.vni_endpoint(segment, *hop).map(Some).ok_or(DropReason::NoRoute);
            }
            Some((_, RouteSpec::Public { .. } | RouteSpec::Nat { .. })) => return Ok(None),
            Some((_, RouteSpec::Blackhole)) | None => return Err(DropReason::NoRoute),
            Some((_, RouteSpec::Local)) => {}
        }
    }
    if let Some(endpoint) = world.vni_endpoint(segment, address) {
        return Ok(Some(endpoint));
    }
    match world.route(segment, OWN_TABLE, address) {
        Some((_, RouteSpec::Via(hop))) => world.vni_endpoint(segment, *hop).map(Some).ok_or(DropReason::NoRoute),
        Some((_, RouteSpec::Public { .. } | RouteSpec::Nat { .. })) => Ok(None),
        Some((_, RouteSpec::Blackhole | RouteSpec::Local)) | None => Err(DropReason::NoRoute),
    }
}

/// Finds the way of a packet that `port` sends.
///
/// # Errors
/// Why it has none, and what the sender is told.
pub fn find<'a>(world: World<'a>, port: &PortSpec, packet: &Packet) -> Result<Way<'a>, Obstacle> {
    check_destination(packet)?;
    let routed = packet.ethernet.destination == GATEWAY_MAC;
    let gateway = matches!(world.endpoint(port.segment, packet.destination), Some(EndpointSpec::Gateway));
    if gateway || packet.destination == GATEWAY_LINK_LOCAL {
        return if routed { Ok(Way::Gateway) } else { Err(DropReason::WrongDstMac.into()) };
    }
    // What goes by the gateway goes by the subnet's route table.
    let table = if routed { port.route_table } else { OWN_TABLE };
    let found = interface_for(world, (port.segment, table), packet.destination);
    if !routed {
        return switch(world, port, packet, found);
    }
    let tell = Some(Tell::Unreachable);
    match found.map_err(|reason| Obstacle { reason, tell })? {
        _ if packet.ttl <= 1 => Err(Obstacle { reason: DropReason::TtlExceeded, tell: Some(Tell::TimeExceeded) }),
        Some(endpoint) => Ok(Way::Interface { endpoint, routed }),
        None => Ok(Way::Public),
    }
}

/// A frame that is not for the gateway stays within the subnet: for the interface of its destination, or for a router.
fn switch<'a>(
    world: World<'a>,
    port: &PortSpec,
    packet: &Packet,
    found: Result<Option<&'a VniEndpoint>, DropReason>,
) -> Result<Way<'a>, Obstacle> {
    let mac = packet.ethernet.destination;
    if let Ok(Some(endpoint)) = found
        && endpoint.mac == mac
        && in_subnet(port, packet.destination)
    {
        return Ok(Way::Interface { endpoint, routed: false });
    }
    match world.vni_with_mac(port.segment, mac) {
        Some((address, endpoint)) if in_subnet(port, address) => Ok(Way::Interface { endpoint, routed: false }),
        _ if matches!(found, Ok(Some(_))) => Err(DropReason::WrongDstMac.into()),
        _ => Err(DropReason::NoRoute.into()),
    }
}

/// Whether the packet fits the path, and what its sender is told if not: IPv4 without "don't fragment" hears nothing.
///
/// # Errors
/// `too_big`.
pub fn check_size(port: &PortSpec, endpoint: &VniEndpoint, packet: &Packet) -> Result<(), Obstacle> {
    let mtu = endpoint.mtu.min(port.mtu);
    if packet.length <= usize::from(mtu) {
        return Ok(());
    }
    Err(Obstacle { reason: DropReason::TooBig, tell: packet.dont_fragment.then_some(Tell::TooBig(mtu)) })
}

/// Whether a port gets a packet: only what is for its own addresses, unless it is a router's.
///
/// # Errors
/// `not_destination`.
pub fn check_receiver(port: &PortSpec, packet: &Packet) -> Result<(), DropReason> {
    if port.policy.source_dest_check && !owns(port, packet.destination) {
        return Err(DropReason::NotDestination);
    }
    Ok(())
}
