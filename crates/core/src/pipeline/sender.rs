//! A guest speaks only as itself: its MAC always, its IP addresses unless its interface may do otherwise.

use std::net::{IpAddr, Ipv4Addr};

use super::packet::{Ethernet, Packet};
use super::world::owns;
use crate::drop_reason::DropReason;
use crate::host_spec::{PortMode, PortSpec};
use crate::net::GATEWAY_LINK_LOCAL;

/// Whether the port may speak at all, and with this source MAC.
///
/// # Errors
/// `fenced`, `spoofed_src_mac`.
pub(super) fn check_port(port: &PortSpec, ethernet: Ethernet) -> Result<(), DropReason> {
    if port.mode != PortMode::Active {
        return Err(DropReason::Fenced);
    }
    if ethernet.source != port.mac {
        return Err(DropReason::SpoofedSrcMac);
    }
    Ok(())
}

/// Whether an address can be one host's, so that somebody may send from it.
pub(super) fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_unspecified() && !address.is_loopback() && address < Ipv4Addr::new(224, 0, 0, 0)
        }
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_loopback() && !address.is_multicast(),
    }
}

/// Whether the port may send from this address.
pub(super) fn may_use(port: &PortSpec, address: IpAddr) -> bool {
    let foreign = port.policy.allow_ip_spoofing || !port.policy.source_dest_check;
    // Link-local addresses are every guest's own, but only for ND, which has been answered by now.
    let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    owns(port, address) || foreign && is_unicast(address) && !link_local
}

/// Whether a guest speaks to the gateway on its link: then its link-local source, which it makes up itself (RFC 8064), is
/// good enough, as the answer goes no further than back.
pub(super) fn asks_gateway(packet: &Packet) -> bool {
    let link_local = matches!(packet.source, IpAddr::V6(source) if source.is_unicast_link_local());
    packet.destination == GATEWAY_LINK_LOCAL && link_local && packet.source != GATEWAY_LINK_LOCAL
}

/// Whether the source IP address is the sender's.
///
/// # Errors
/// `spoofed_src_ip`.
pub(super) fn check_source(port: &PortSpec, address: IpAddr) -> Result<(), DropReason> {
    if may_use(port, address) { Ok(()) } else { Err(DropReason::SpoofedSrcIp) }
}
