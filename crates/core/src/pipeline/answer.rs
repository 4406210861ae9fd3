//! What a gateway sends itself: echo replies and ICMP errors (RFC 792, RFC 1812, RFC 4443).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::craft::{self, Craft};
use super::flow::{IcmpKind, icmp_kind};
use super::packet::{ETHERNET, ICMP, ICMPV6, Packet, Segment, TCP, Transport};
use super::route::Tell;
use super::sender::is_unicast;
use super::tcp::ACK;
use crate::host_spec::PortSpec;
use crate::net::{GATEWAY_LINK_LOCAL, GATEWAY_MAC, Mac};

/// How much of a packet an error about it quotes: more than RFC 792 asks for, so that options and tunnels can be seen.
const QUOTE: usize = 128;
/// TTL of what a gateway sends.
const TTL: u8 = 64;

/// The reply to an echo request for a gateway; `None`: it serves nothing else.
pub(super) fn echo_reply(port: &PortSpec, packet: &Packet, frame: &[u8]) -> Option<Vec<u8>> {
    let (request, reply) = if packet.is_ipv6() { (128, 129) } else { (8, 0) };
    let Transport::Icmp { kind, code: 0, .. } = packet.transport else { return None };
    if kind != request || packet.fragment.is_some() {
        return None;
    }
    let mut answer = frame.to_vec();
    answer[..6].copy_from_slice(&port.mac.0);
    answer[6..12].copy_from_slice(&GATEWAY_MAC.0);
    let ip = &mut answer[ETHERNET..];
    if packet.is_ipv6() {
        let (source, destination) = (ip[8..24].to_vec(), ip[24..40].to_vec());
        ip[8..24].copy_from_slice(&destination);
        ip[24..40].copy_from_slice(&source);
        ip[7] = TTL;
    } else {
        let (source, destination) = (ip[12..16].to_vec(), ip[16..20].to_vec());
        ip[12..16].copy_from_slice(&destination);
        ip[16..20].copy_from_slice(&source);
        replace(ip, 8, 10, [TTL, ip[9]]);
    }
    let icmp = &mut answer[packet.transport_at..];
    let code = icmp[1];
    replace(icmp, 0, 2, [reply, code]);
    Some(answer)
}

/// Writes a 16-bit word and corrects the checksum for it (RFC 1624, equation 3). A wrong checksum stays wrong.
pub(super) fn replace(bytes: &mut [u8], at: usize, checksum_at: usize, word: [u8; 2]) {
    let read = |at: usize| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let mut sum = (!read(checksum_at) & 0xffff) + (!read(at) & 0xffff) + u32::from(u16::from_be_bytes(word));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&word);
    bytes[checksum_at..checksum_at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// Whether an error about the packet may be sent: not about errors, later fragments, or for a source that is not one host
/// (RFC 1122, 3.2.2; RFC 4443, 2.4).
fn deserves_error(packet: &Packet) -> bool {
    let about_error = match packet.transport {
        Transport::Icmp { kind, .. } => {
            matches!(icmp_kind(packet.is_ipv6(), kind), IcmpKind::Error | IcmpKind::Redirect)
        }
        _ => false,
    };
    !packet.is_later_fragment() && !about_error && is_unicast(packet.source)
}

/// The ICMP error that tells the sender of a packet what became of it, if it may be told.
pub(super) fn error(port: &PortSpec, packet: &Packet, frame: &[u8], tell: Tell) -> Option<Vec<u8>> {
    if !deserves_error(packet) {
        return None;
    }
    let quoted = &frame[ETHERNET..ETHERNET + packet.length.min(QUOTE)];
    let mut answer = Vec::new();
    answer.extend(port.mac.0);
    answer.extend(GATEWAY_MAC.0);
    match packet.source {
        IpAddr::V4(source) => {
            let (kind, code, mtu) = match tell {
                Tell::Unreachable => (3, 1, 0),
                Tell::TimeExceeded => (11, 0, 0),
                Tell::TooBig(mtu) => (3, 4, mtu),
            };
            answer.extend([0x08, 0x00]);
            answer.extend(ipv4_header(port.gateway, source, 8 + quoted.len()));
            answer.extend(icmp_message(&[], kind, code, mtu.into(), quoted));
        }
        IpAddr::V6(source) => {
            let (kind, code, mtu) = match tell {
                Tell::Unreachable => (1, 3, 0),
                Tell::TimeExceeded => (3, 0, 0),
                Tell::TooBig(mtu) => (2, 0, mtu),
            };
            answer.extend([0x86, 0xdd]);
            let header = ipv6_header(GATEWAY_LINK_LOCAL, source, 8 + quoted.len());
            let pseudo = [&header[8..40], &(8 + quoted.len() as u32).to_be_bytes(), &[0, 0, 0, ICMPV6]].concat();
            answer.extend(header);
            answer.extend(icmp_message(&pseudo, kind, code, mtu.into(), quoted));
        }
    }
    Some(answer)
}

/// The challenge to a SYN inside a connection (RFC 5961, 4): the receiver's ACK, in its name.
pub(super) fn challenge(packet: &Packet, macs: (Mac, Mac), (seq, ack): (u32, u32)) -> Option<Vec<u8>> {
    let Transport::Tcp(syn) = packet.transport else { return None };
    let (source, destination) = (syn.destination, syn.source);
    let answer = Segment { source, destination, seq, ack, flags: ACK, window: 0, payload: 0, scale: None };
    let (from, to) = ((macs.0, packet.destination), (macs.1, packet.source));
    let craft = Craft::new(from, to, TCP, craft::tcp(&answer));
    Some(Craft { dont_fragment: true, ..craft }.bytes())
}

fn icmp_message(pseudo: &[u8], kind: u8, code: u8, low: u32, quoted: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(low.to_be_bytes());
    message.extend(quoted);
    let sum = checksum(&[pseudo, &message].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

fn ipv4_header(source: Ipv4Addr, destination: Ipv4Addr, payload: usize) -> Vec<u8> {
    // Internetwork control (RFC 1812, 4.3.2.5).
    let mut header = vec![0x45, 0xc0];
    header.extend((20 + payload as u16).to_be_bytes());
    header.extend([0, 0, 0, 0, TTL, ICMP, 0, 0]);
    header.extend(source.octets());
    header.extend(destination.octets());
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn ipv6_header(source: Ipv6Addr, destination: Ipv6Addr, payload: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((payload as u16).to_be_bytes());
    header.extend([ICMPV6, TTL]);
    header.extend(source.octets());
    header.extend(destination.octets());
    header
}

/// The Internet checksum (RFC 1071).
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
