//! Services that a guest's own host answers and never forwards: neighbour discovery (RFC 4861) and DHCP.

use std::net::{IpAddr, Ipv6Addr};

use super::answer::checksum;
use super::packet::{ETHERNET, ICMPV6, Packet, Transport};
use super::world::{World, in_subnet, owns};
use crate::drop_reason::DropReason;
use crate::host_spec::{EndpointSpec, OWN_TABLE, PortSpec, RouteSpec};
use crate::net::{GATEWAY_LINK_LOCAL, GATEWAY_MAC, Mac};

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;
const IS_ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// Nobody sends more options; a message with more is refused.
const MAX_OPTIONS: usize = 16;
/// Where the first header after the IPv6 header begins.
const AFTER_IPV6: usize = ETHERNET + 40;

/// A service's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Service {
    /// This frame.
    Frame(Vec<u8>),
    /// Router advertisements and DHCP: what is in the answer is the interface's configuration, not this model's business.
    Configuration,
}

/// What a local service says to a packet of a guest; `None`: the packet is for none.
///
/// # Errors
/// Why it is refused.
pub(super) fn serve(
    world: World<'_>,
    port: &PortSpec,
    packet: &Packet,
    frame: &[u8],
) -> Option<Result<Service, DropReason>> {
    match packet.transport {
        Transport::Icmp { kind: ROUTER_SOLICITATION..=REDIRECT, .. } if packet.is_ipv6() => {
            Some(discover(world, port, packet, frame))
        }
        Transport::Udp { source, destination } => match (packet.is_ipv6(), source, destination) {
            (false, 68, 67) | (true, 546, 547) | (false, 67, 68) | (true, 547, 546) if packet.fragment.is_some() => {
                Some(Err(DropReason::BadDhcp))
            }
            (false, 68, 67) | (true, 546, 547) => Some(Ok(Service::Configuration)),
            (false, 67, 68) | (true, 547, 546) => Some(Err(DropReason::DhcpServerSpoofed)),
            _ => None,
        },
        _ => None,
    }
}

/// Neighbour discovery. `frame` was checked up to the ICMPv6 header's 8 bytes.
fn discover(world: World<'_>, port: &PortSpec, packet: &Packet, frame: &[u8]) -> Result<Service, DropReason> {
    let message = &frame[packet.transport_at..ETHERNET + packet.length];
    // Behind extension headers it could hide from others on its way, and fragments are forbidden (RFC 6980).
    if packet.transport_at != AFTER_IPV6 || packet.ttl != 255 || message[1] != 0 {
        return Err(DropReason::BadNd);
    }
    let options_at = if message[0] == ROUTER_SOLICITATION { 8 } else { 24 };
    if message.len() < options_at || options_at == 24 && message[8] == 0xff {
        return Err(DropReason::BadNd);
    }
    match message[0] {
        ROUTER_ADVERTISEMENT => return Err(DropReason::SpoofedRa),
        REDIRECT => return Err(DropReason::IcmpRedirect),
        _ => {}
    }
    let IpAddr::V6(source) = packet.source else { return Err(DropReason::BadNd) };
    if !source.is_unspecified() && !speaks_as(port, source) {
        return Err(DropReason::SpoofedNd);
    }
    let carried = if message[0] == NEIGHBOUR_ADVERTISEMENT { TARGET_MAC } else { SOURCE_MAC };
    check_options(port, &message[options_at..], carried)?;
    if message[0] == ROUTER_SOLICITATION {
        return Ok(Service::Configuration);
    }
    let target = <[u8; 16]>::try_from(&message[8..24]).map(Ipv6Addr::from).map_err(|_| DropReason::BadNd)?;
    if message[0] == NEIGHBOUR_SOLICITATION {
        let (mac, flags) = resolve(world, port, target)?;
        return Ok(Service::Frame(advertisement(port, source, target, mac, flags)));
    }
    Err(if speaks_as(port, target) { DropReason::NdNotForwarded } else { DropReason::SpoofedNd })
}

/// Whether the guest may use an address in ND: its own, and any link-local one but the gateway's (RFC 8064).
fn speaks_as(port: &PortSpec, address: Ipv6Addr) -> bool {
    if address.is_unicast_link_local() {
        return address != GATEWAY_LINK_LOCAL;
    }
    owns(port, IpAddr::V6(address))
}

/// Walks the options: each in full, and a MAC of the sender's must be the interface's.
fn check_options(port: &PortSpec, mut options: &[u8], carried: u8) -> Result<(), DropReason> {
    let mut mac = port.mac.0.to_vec();
    for walked in 0.. {
        let Some((kind, rest)) = options.split_first() else { break };
        let length = usize::from(*rest.first().ok_or(DropReason::BadNd)?) * 8;
        if length == 0 || length > options.len() || walked == MAX_OPTIONS {
            return Err(DropReason::BadNd);
        }
        if *kind == carried {
            mac = options[2..8].to_vec();
        }
        options = &options[length..];
    }
    if mac == port.mac.0 { Ok(()) } else { Err(DropReason::SpoofedNd) }
}

/// The MAC of an address, and the flags that it is advertised with.
fn resolve(world: World<'_>, port: &PortSpec, target: Ipv6Addr) -> Result<(Mac, u8), DropReason> {
    if target == GATEWAY_LINK_LOCAL {
        return Ok((GATEWAY_MAC, IS_ROUTER | OVERRIDE));
    }
    let address = IpAddr::V6(target);
    if !in_subnet(port, address) {
        return Err(DropReason::NdUnknownTarget);
    }
    match world.endpoint(port.segment, address) {
        Some(EndpointSpec::Gateway) => Ok((GATEWAY_MAC, IS_ROUTER | OVERRIDE)),
        // A guest that looks for its own address must hear nothing, or it would believe that somebody else has it.
        Some(EndpointSpec::Vni(endpoint)) if endpoint.mac == port.mac => Err(DropReason::NdNotForwarded),
        Some(EndpointSpec::Vni(endpoint)) => Ok((endpoint.mac, OVERRIDE)),
        // A delegated prefix of the subnet: its packets are routed.
        None => match world.route(port.segment, OWN_TABLE, address) {
            Some((_, RouteSpec::Via(_))) => Ok((GATEWAY_MAC, 0)),
            _ => Err(DropReason::NdUnknownTarget),
        },
    }
}

/// A neighbour advertisement for whoever asked; for all, if that one has no address yet.
fn advertisement(port: &PortSpec, asker: Ipv6Addr, target: Ipv6Addr, mac: Mac, flags: u8) -> Vec<u8> {
    let to_all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let (destination, destination_mac, flags) = if asker.is_unspecified() {
        (to_all, [0x33, 0x33, 0, 0, 0, 1], flags)
    } else {
        (asker, port.mac.0, flags | SOLICITED)
    };
    let mut message = vec![NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(target.octets());
    message.extend([TARGET_MAC, 1]);
    message.extend(mac.0);
    let addresses = [target.octets(), destination.octets()].concat();
    let length = (message.len() as u16).to_be_bytes();
    let sum = checksum(&[&addresses[..], &[0, 0], &length, &[0, 0, 0, ICMPV6], &message].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    [&destination_mac[..], &mac.0, &[0x86, 0xdd, 0x60, 0, 0, 0], &length, &[ICMPV6, 255], &addresses, &message].concat()
}
