//! What the last step writes into a frame: MAC addresses and TTL, nothing else.

use super::answer::replace;
use super::packet::{ETHERNET, Packet};
use crate::net::Mac;

/// How a packet goes between hosts, said by its destination MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Within a subnet: the MAC is the receiver's own.
    Switched,
    /// By the gateway: the receiver's host writes both MACs.
    Routed,
    /// Sent on by the old host of an interface that has moved.
    ForwardedSwitched,
    /// The same, by the gateway.
    ForwardedRouted,
}

impl Hop {
    const ALL: [Hop; 4] = [Hop::Switched, Hop::Routed, Hop::ForwardedSwitched, Hop::ForwardedRouted];

    /// 02:50:4e:54:4c:NN.
    pub fn mac(self) -> Mac {
        Mac([0x02, 0x50, 0x4e, 0x54, 0x4c, self as u8])
    }

    /// What a destination MAC says.
    pub fn of(mac: Mac) -> Hop {
        Hop::ALL.into_iter().find(|hop| hop.mac() == mac).unwrap_or(Hop::Switched)
    }

    /// Whether the frame was sent on by an old host.
    pub fn is_forwarded(self) -> bool {
        matches!(self, Hop::ForwardedSwitched | Hop::ForwardedRouted)
    }

    /// Whether the receiver's host plays the gateway.
    pub fn is_routed(self) -> bool {
        matches!(self, Hop::Routed | Hop::ForwardedRouted)
    }
}

/// The frame with another destination MAC, and another source MAC if one is given.
pub(super) fn with_macs(frame: &[u8], destination: Mac, source: Option<Mac>) -> Vec<u8> {
    let mut out = frame.to_vec();
    out[..6].copy_from_slice(&destination.0);
    if let Some(source) = source {
        out[6..12].copy_from_slice(&source.0);
    }
    out
}

/// The frame with one hop less to live.
pub(super) fn with_ttl_less(mut frame: Vec<u8>, packet: &Packet) -> Vec<u8> {
    let ip = &mut frame[ETHERNET..];
    if packet.is_ipv6() {
        ip[7] -= 1;
    } else {
        replace(ip, 8, 10, [ip[8] - 1, ip[9]]);
    }
    frame
}
