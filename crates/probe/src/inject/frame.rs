//! Valid frames, from the inside out: each function wraps a payload, lengths and checksums included.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A MAC address.
pub type Mac = [u8; 6];

/// The broadcast MAC address.
pub const BROADCAST: Mac = [0xff; 6];

/// EtherTypes.
pub(super) const TYPE_IPV4: u16 = 0x0800;
pub(super) const TYPE_ARP: u16 = 0x0806;
pub(super) const TYPE_VLAN: u16 = 0x8100;
pub(super) const TYPE_QINQ: u16 = 0x88a8;
pub(super) const TYPE_IPV6: u16 = 0x86dd;

/// IP protocol numbers.
pub(super) const PROTO_ICMP: u8 = 1;
pub(super) const PROTO_TCP: u8 = 6;
pub(super) const PROTO_UDP: u8 = 17;
pub(super) const PROTO_ICMPV6: u8 = 58;

/// UDP's port of VXLAN (RFC 7348).
const VXLAN_PORT: u16 = 4789;

/// The addresses of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its MAC address.
    pub mac: Mac,
    /// Its IPv4 address.
    pub ip: Ipv4Addr,
    /// Its IPv6 address.
    pub ip6: Ipv6Addr,
}

impl Endpoint {
    /// An interface with these addresses, and the link-local IPv6 address that follows from the MAC (RFC 4291, appendix A).
    pub fn new(mac: Mac, ip: Ipv4Addr) -> Self {
        let [a, b, c, d, e, f] = mac;
        let ip6 = Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        Endpoint { mac, ip, ip6 }
    }
}

/// An Ethernet II frame.
pub fn ethernet(src: Mac, dst: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&dst[..], &src[..], &ethertype.to_be_bytes(), payload].concat()
}

/// A tag put into a frame that has none yet: `tpid` is 0x8100 (802.1Q) or 0x88a8 (802.1ad), `id` has 12 bits.
pub fn vlan(frame: &[u8], tpid: u16, id: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(frame.len().min(12));
    [addresses, &tpid.to_be_bytes(), &(id & 0x0fff).to_be_bytes(), rest].concat()
}

/// An ARP message (RFC 826) for Ethernet and IPv4: `operation` 1 asks, 2 answers.
pub fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4];
    bytes.extend(operation.to_be_bytes());
    for (mac, ip) in [sender, target] {
        bytes.extend(mac);
        bytes.extend(ip.octets());
    }
    bytes
}

/// An IPv4 packet (RFC 791) with TTL 64. `fragment` is the field of flags and offset; `options` is padded to words, 40 bytes at
/// most.
pub fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut options = options[..options.len().min(40)].to_vec();
    options.resize(options.len().next_multiple_of(4), 0);
    let header = 20 + options.len();
    let total = (header + payload.len()) as u16;
    let mut bytes = vec![0x40 | (header / 4) as u8, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0x12, 0x34]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(src.octets());
    bytes.extend(dst.octets());
    bytes.extend(options);
    let sum = checksum(&bytes, 0);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// An IPv6 packet (RFC 8200) with hop limit 64. Extension headers are part of the payload; `next` is the first one's number.
pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    // Neighbour discovery is only taken with 255 (RFC 4861).
    bytes.extend([next, if next == PROTO_ICMPV6 { 255 } else { 64 }]);
    bytes.extend(src.octets());
    bytes.extend(dst.octets());
    bytes.extend(payload);
    bytes
}

/// A UDP datagram (RFC 768). `pseudo` is the sum of the IP pseudo-header's addresses, see [`pseudo4`] and [`pseudo6`].
pub(super) fn udp_with(pseudo: u32, src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [src.to_be_bytes(), dst.to_be_bytes(), ((8 + payload.len()) as u16).to_be_bytes(), [0, 0]].concat();
    bytes.extend(payload);
    let sum = match checksum(&bytes, pseudo + u32::from(PROTO_UDP) + bytes.len() as u32) {
        // Zero would mean "no checksum".
        0 => 0xffff,
        sum => sum,
    };
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// A TCP segment (RFC 9293) without options; `flags` are CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from the highest bit down.
pub(super) fn tcp_with(pseudo: u32, ports: (u16, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    let sum = checksum(&bytes, pseudo + u32::from(PROTO_TCP) + bytes.len() as u32);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// A UDP datagram (RFC 768) over IPv4.
pub fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let datagram = udp_with(pseudo4(src.0, dst.0), src.1, dst.1, payload);
    ipv4(src.0, dst.0, PROTO_UDP, 0, &[], &datagram)
}

/// A TCP segment (RFC 9293) without options over IPv4; `flags` are CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from the highest bit
/// down.
pub fn tcp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = tcp_with(pseudo4(src.0, dst.0), (src.1, dst.1), seq, ack, flags, payload);
    ipv4(src.0, dst.0, PROTO_TCP, 0, &[], &segment)
}

/// A TCP segment (RFC 9293) without options over IPv6; `flags` as in [`tcp`].
pub fn tcp6(src: (Ipv6Addr, u16), dst: (Ipv6Addr, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = tcp_with(pseudo6(src.0, dst.0), (src.1, dst.1), seq, ack, flags, payload);
    ipv6(src.0, dst.0, PROTO_TCP, &segment)
}

/// An ICMP message (RFC 792): `rest` is the header's second word.
pub fn icmp(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0], &rest[..], payload].concat();
    let sum = checksum(&bytes, 0);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMPv6 message (RFC 4443) over IPv6: `rest` is the header's second word.
pub fn icmpv6(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0], &rest[..], payload].concat();
    let sum = checksum(&bytes, pseudo6(src, dst) + u32::from(PROTO_ICMPV6) + bytes.len() as u32);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv6(src, dst, PROTO_ICMPV6, &bytes)
}

/// A frame inside VXLAN (RFC 7348) inside UDP inside IPv4, between two tunnel endpoints; `segment` has 24 bits.
pub fn vxlan(src: Ipv4Addr, dst: Ipv4Addr, segment: u32, frame: &[u8]) -> Vec<u8> {
    let [_, number @ ..] = segment.to_be_bytes();
    let bytes = [&[0x08, 0, 0, 0], &number[..], &[0], frame].concat();
    udp((src, 49152), (dst, VXLAN_PORT), &bytes)
}

/// The IPv4 addresses' part of a pseudo-header's sum.
pub(super) fn pseudo4(src: Ipv4Addr, dst: Ipv4Addr) -> u32 {
    words(&src.octets()) + words(&dst.octets())
}

/// The IPv6 addresses' part of a pseudo-header's sum.
pub(super) fn pseudo6(src: Ipv6Addr, dst: Ipv6Addr) -> u32 {
    words(&src.octets()) + words(&dst.octets())
}

/// The Internet checksum (RFC 1071) of the bytes and of what was summed before.
fn checksum(bytes: &[u8], before: u32) -> u16 {
    let mut sum = words(bytes) + before;
    sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// The sum of 16-bit words. A frame has far fewer than the 65536 that could overflow.
fn words(bytes: &[u8]) -> u32 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    sum + odd.first().map_or(0, |&byte| u32::from(byte) << 8)
}
