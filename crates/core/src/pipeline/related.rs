//! ICMP errors: let pass only about packets that were sent (RFC 5927).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::flow::{End, FlowKey, IcmpKind, icmp_kind};
use super::packet::{ICMP, ICMPV6, Packet, TCP, UDP, be16, be32};

/// The packet that an error quotes, as far as it is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// The end that sent it.
    pub from: End,
    /// The end that it was for.
    pub to: End,
    /// Its protocol.
    pub protocol: u8,
    /// Its sequence number, if it is TCP.
    pub seq: Option<u32>,
}

impl Quote {
    /// The flow that it belonged to, and its sender's end.
    pub(super) fn flow(&self, segment: u32) -> (FlowKey, usize) {
        FlowKey::new(segment, self.protocol, self.from, self.to)
    }
}

/// Reads the quotation of an error: an IP header and at least 8 bytes (RFC 792, RFC 4443). `None` if it is not one of a
/// packet that can have a flow: errors are not answered by errors, and later fragments name no ports.
pub(super) fn quote(packet: &Packet, frame: &[u8]) -> Option<Quote> {
    let end = super::packet::ETHERNET + packet.length;
    let inner = frame.get(packet.transport_at + 8..end)?;
    let (source, destination, protocol, at) = if packet.is_ipv6() { quoted_ipv6(inner)? } else { quoted_ipv4(inner)? };
    let transport = inner.get(at..at + 8)?;
    let (sport, dport) = match (protocol, packet.is_ipv6()) {
        (TCP | UDP, _) => (be16(transport, 0), be16(transport, 2)),
        (ICMP, false) | (ICMPV6, true) => quoted_icmp(packet.is_ipv6(), transport)?,
        _ => (0, 0),
    };
    Some(Quote {
        from: End { address: source, port: sport },
        to: End { address: destination, port: dport },
        protocol,
        seq: (protocol == TCP).then(|| be32(transport, 4)),
    })
}

fn quoted_icmp(ipv6: bool, header: &[u8]) -> Option<(u16, u16)> {
    let (kind, code, id) = (header[0], header[1], be16(header, 4));
    match icmp_kind(ipv6, kind) {
        IcmpKind::Query => Some((id, u16::from_be_bytes([kind, code]))),
        IcmpKind::Answer(query) => Some((u16::from_be_bytes([query, code]), id)),
        IcmpKind::Error | IcmpKind::Redirect => None,
        IcmpKind::Other => Some((0, u16::from_be_bytes([kind, code]))),
    }
}

fn quoted_ipv4(inner: &[u8]) -> Option<(IpAddr, IpAddr, u8, usize)> {
    let header = usize::from(inner.first()? & 15) * 4;
    if inner.len() < 20 || inner[0] >> 4 != 4 || header < 20 || be16(inner, 6) & 0x1fff != 0 {
        return None;
    }
    let address = |at| IpAddr::V4(Ipv4Addr::from(be32(inner, at)));
    Some((address(12), address(16), inner[9], header))
}

fn quoted_ipv6(inner: &[u8]) -> Option<(IpAddr, IpAddr, u8, usize)> {
    if inner.len() < 40 || inner[0] >> 4 != 6 {
        return None;
    }
    let address =
        |at: usize| <[u8; 16]>::try_from(&inner[at..at + 16]).ok().map(|octets| Ipv6Addr::from(octets).into());
    Some((address(8)?, address(24)?, inner[6], 40))
}
