//! Exact frames, made and read with etherparse.

use std::net::Ipv4Addr;

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};

use super::Guest;

/// An IPv4/UDP frame.
#[derive(Debug, Clone, Copy)]
pub struct Udp {
    pub src_mac: [u8; 6],
    pub dst_mac: [u8; 6],
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub ttl: u8,
    pub payload: usize,
}

impl Udp {
    /// From one guest to another of the same subnet.
    pub fn switched(from: &Guest, to: &Guest) -> Udp {
        Udp { src_mac: from.mac, dst_mac: to.mac, src: from.ip, dst: to.ip, ttl: 64, payload: 22 }
    }

    /// From a guest, by its gateway.
    pub fn routed(from: &Guest, to: Ipv4Addr) -> Udp {
        Udp { src_mac: from.mac, dst_mac: from.gateway_mac, src: from.ip, dst: to, ttl: 64, payload: 22 }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(self.src_mac, self.dst_mac)
            .ipv4(self.src.octets(), self.dst.octets(), self.ttl)
            .udp(40_000, 40_001);
        let payload: Vec<u8> = (0..self.payload).map(|n| n as u8).collect();
        let mut frame = Vec::new();
        builder.write(&mut frame, &payload).expect("a vector takes it");
        // The builder sets "don't fragment" of its own accord.
        with_ip_bytes(frame, 6, &[0, 0])
    }
}

/// A TCP segment of `payload` bytes, "don't fragment" set.
pub fn tcp(from: &Guest, dst_mac: [u8; 6], dst: Ipv4Addr, payload: usize) -> Vec<u8> {
    let builder =
        PacketBuilder::ethernet2(from.mac, dst_mac).ipv4(from.ip.octets(), dst.octets(), 64).tcp(40_000, 80, 1, 1000);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![7; payload]).expect("a vector takes it");
    with_df(frame)
}

/// An ICMP echo request.
pub fn echo(from: &Guest, dst_mac: [u8; 6], dst: Ipv4Addr) -> Vec<u8> {
    let builder =
        PacketBuilder::ethernet2(from.mac, dst_mac).ipv4(from.ip.octets(), dst.octets(), 64).icmpv4_echo_request(7, 9);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"are you there?").expect("a vector takes it");
    frame
}

/// An ARP packet, 42 bytes.
pub fn arp(src_mac: [u8; 6], op: u16, sender: ([u8; 6], Ipv4Addr), target: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(src_mac);
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4]);
    frame.extend(op.to_be_bytes());
    frame.extend(sender.0);
    frame.extend(sender.1.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

pub fn arp_request(from: &Guest, target: Ipv4Addr) -> Vec<u8> {
    arp(from.mac, 1, (from.mac, from.ip), target)
}

/// Sets or replaces bytes of the IP header and writes a fitting header checksum.
pub fn with_ip_bytes(mut frame: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    frame[14 + offset..14 + offset + bytes.len()].copy_from_slice(bytes);
    frame[24..26].fill(0);
    let len = usize::from(frame[14] & 15) * 4;
    let sum = checksum(&frame[14..14 + len.clamp(20, frame.len() - 14)]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame
}

pub fn with_df(frame: Vec<u8>) -> Vec<u8> {
    with_ip_bytes(frame, 6, &[0x40, 0])
}

/// The Internet checksum (RFC 1071) of some bytes; 0 over a correct header or message.
pub fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What an ICMP message says, after every length and checksum in it was checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Icmp {
    pub src_mac: [u8; 6],
    pub dst_mac: [u8; 6],
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub ttl: u8,
    pub type_code: (u8, u8),
    /// The second half of the second word: MTU of "fragmentation needed", sequence number of echo.
    pub low: u16,
    pub payload: Vec<u8>,
}

pub fn read_icmp(frame: &[u8]) -> Icmp {
    let packet = SlicedPacket::from_ethernet(frame).expect("a well-formed frame");
    let Some(NetSlice::Ipv4(ip)) = &packet.net else { panic!("not IPv4: {packet:?}") };
    let header = ip.header().to_header();
    assert_eq!(header.header_checksum, header.calc_header_checksum(), "IP header checksum");
    assert_eq!(usize::from(header.total_len), frame.len() - 14, "total length");
    let Some(TransportSlice::Icmpv4(icmp)) = &packet.transport else { panic!("not ICMP: {packet:?}") };
    assert_eq!(checksum(icmp.slice()), 0, "ICMP checksum");
    let bytes = icmp.slice();
    Icmp {
        src_mac: frame[6..12].try_into().expect("six bytes"),
        dst_mac: frame[..6].try_into().expect("six bytes"),
        src: ip.header().source_addr(),
        dst: ip.header().destination_addr(),
        ttl: header.time_to_live,
        type_code: (bytes[0], bytes[1]),
        low: u16::from_be_bytes([bytes[6], bytes[7]]),
        payload: bytes[8..].to_vec(),
    }
}
