//! ARP is answered on the guest's host and never forwarded (RFC 826): the gateway and everything in the guest's subnet.

use std::net::{IpAddr, Ipv4Addr};

use super::packet::{ETHERNET, be16, be32};
use super::route::interface_for;
use super::sender::may_use;
use super::world::World;
use crate::drop_reason::DropReason;
use crate::host_spec::{OWN_TABLE, PortSpec};
use crate::net::{GATEWAY_MAC, Mac};

/// Bytes of an Ethernet frame with an ARP packet.
const LENGTH: usize = ETHERNET + 28;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// The answer to an ARP request of a port, or why there is none.
///
/// # Errors
/// `truncated`, `bad_arp`, `spoofed_arp`, `arp_not_forwarded`, `arp_unknown_target`.
pub(super) fn answer(world: World<'_>, port: &PortSpec, frame: &[u8]) -> Result<Vec<u8>, DropReason> {
    if frame.len() < LENGTH {
        return Err(DropReason::Truncated);
    }
    let arp = &frame[ETHERNET..LENGTH];
    let operation = be16(arp, 6);
    if arp[..6] != [0, 1, 8, 0, 6, 4] || !matches!(operation, REQUEST | REPLY) {
        return Err(DropReason::BadArp);
    }
    let (sender, target) = (Ipv4Addr::from(be32(arp, 14)), Ipv4Addr::from(be32(arp, 24)));
    // 0.0.0.0 asks whether an address is free (RFC 5227).
    if arp[8..14] != port.mac.0 || !sender.is_unspecified() && !may_use(port, IpAddr::V4(sender)) {
        return Err(DropReason::SpoofedArp);
    }
    if operation == REPLY || sender == target {
        return Err(DropReason::ArpNotForwarded);
    }
    let mac = resolve(world, port, target)?;
    let mut answer = frame.to_vec();
    answer[..6].copy_from_slice(&port.mac.0);
    answer[6..12].copy_from_slice(&mac.0);
    let reply = &mut answer[ETHERNET..LENGTH];
    reply[7] = REPLY as u8;
    reply[8..14].copy_from_slice(&mac.0);
    reply[14..18].copy_from_slice(&target.octets());
    reply[18..24].copy_from_slice(&port.mac.0);
    reply[24..28].copy_from_slice(&sender.octets());
    Ok(answer)
}

/// The MAC of an address of the port's subnet.
fn resolve(world: World<'_>, port: &PortSpec, target: Ipv4Addr) -> Result<Mac, DropReason> {
    if !port.subnet.contains(&target) {
        return Err(DropReason::ArpUnknownTarget);
    }
    if target == port.gateway {
        return Ok(GATEWAY_MAC);
    }
    // Also what is delegated to somebody: frames for it go to its owner.
    let found = interface_for(world, (port.segment, OWN_TABLE), IpAddr::V4(target));
    let endpoint = found.ok().flatten().ok_or(DropReason::ArpUnknownTarget)?;
    // A guest that asks for its own address must hear nothing, or it would believe that somebody else has it.
    if endpoint.mac == port.mac { Err(DropReason::ArpNotForwarded) } else { Ok(endpoint.mac) }
}
