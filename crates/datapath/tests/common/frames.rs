//! Exact frames, made and read with etherparse.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpHeader, TransportSlice};

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

/// What goes around a transport header: MAC and IP addresses of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub src_mac: [u8; 6],
    pub dst_mac: [u8; 6],
    pub src: IpAddr,
    pub dst: IpAddr,
}

impl Route {
    /// Within a subnet.
    pub fn switched(from: &Guest, to: &Guest) -> Route {
        Route { src_mac: from.mac, dst_mac: to.mac, src: from.ip.into(), dst: to.ip.into() }
    }

    /// By the gateway.
    pub fn routed(from: &Guest, to: Ipv4Addr) -> Route {
        Route { src_mac: from.mac, dst_mac: from.gateway_mac, src: from.ip.into(), dst: to.into() }
    }

    /// The same with IPv6 addresses.
    pub fn v6(self, src: Ipv6Addr, dst: Ipv6Addr) -> Route {
        Route { src: src.into(), dst: dst.into(), ..self }
    }

    /// An IP packet of this protocol around `payload`.
    pub fn packet(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = [self.dst_mac, self.src_mac].concat();
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                frame.extend([0x08, 0, 0x45, 0]);
                frame.extend((payload.len() as u16 + 20).to_be_bytes());
                frame.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
                frame.extend(src.octets().into_iter().chain(dst.octets()));
                frame.extend(payload);
                with_ip_bytes(frame, 0, &[0x45])
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend((payload.len() as u16).to_be_bytes());
                frame.extend([protocol, 64]);
                frame.extend(src.octets().into_iter().chain(dst.octets()));
                frame.extend(payload);
                frame
            }
            _ => panic!("two versions of IP"),
        }
    }

    /// A UDP datagram.
    pub fn udp(&self, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(self.src_mac, self.dst_mac);
        let builder = match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => builder.ipv4(src.octets(), dst.octets(), 64),
            (IpAddr::V6(src), IpAddr::V6(dst)) => builder.ipv6(src.octets(), dst.octets(), 64),
            _ => panic!("two versions of IP"),
        };
        let mut frame = Vec::new();
        builder.udp(ports.0, ports.1).write(&mut frame, payload).expect("a vector takes it");
        frame
    }

    /// A TCP segment.
    pub fn tcp(&self, segment: &Segment) -> Vec<u8> {
        let mut header = TcpHeader::new(segment.ports.0, segment.ports.1, segment.seq, segment.window);
        header.acknowledgment_number = segment.ack;
        [header.fin, header.syn, header.rst, header.psh, header.ack, header.urg] =
            [1, 2, 4, 8, 16, 32].map(|flag| segment.flags & flag != 0);
        header.set_options_raw(&segment.options).expect("at most 40 bytes");
        let builder = PacketBuilder::ethernet2(self.src_mac, self.dst_mac);
        let builder = match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => builder.ipv4(src.octets(), dst.octets(), 64),
            (IpAddr::V6(src), IpAddr::V6(dst)) => builder.ipv6(src.octets(), dst.octets(), 64),
            _ => panic!("two versions of IP"),
        };
        let mut frame = Vec::new();
        let payload = vec![7; segment.len];
        builder.tcp_header(header).write(&mut frame, &payload).expect("a vector takes it");
        frame
    }
}

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;
pub const URG: u8 = 32;

/// A TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub ports: (u16, u16),
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub options: Vec<u8>,
    pub len: usize,
}

impl Segment {
    pub fn new(ports: (u16, u16), flags: u8, seq: u32, ack: u32) -> Segment {
        Segment { ports, flags, seq, ack, window: 1000, options: Vec::new(), len: 0 }
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
