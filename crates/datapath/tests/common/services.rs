//! Frames of guests that ask: neighbour discovery, DHCPv4 and DHCPv6; and what the hosts' agents would have them told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket};
use ipnet::{IpNet, Ipv4Net};
use pintle_core::host_spec::{
    GuestConfig as GuestText, Ipv6Assignment, PortLimits, PortMode, PortNic, PortPolicy, PortSpec,
};
use pintle_core::net::{GATEWAY_LINK_LOCAL, Mac};

use super::frames::checksum;
use super::{Guest, MTU};

/// What the host should have of a guest of the bench, with IPv6 and something of everything that a guest can be told.
pub fn port_spec(guest: &Guest, address6: Ipv6Addr, ipv6: Ipv6Assignment) -> PortSpec {
    PortSpec {
        vni: "eni-00000000000000001".parse().expect("an id"),
        instance: "i-00000000000000001".parse().expect("an id"),
        segment: guest.segment,
        mac: Mac(guest.mac),
        addresses: vec![IpAddr::V4(guest.ip), IpAddr::V6(address6)],
        prefixes: vec![net("2001:db8:1:0:7::/80")],
        subnet: Ipv4Net::new_assert(guest.gateway, 24).trunc(),
        subnet6: Some("2001:db8:1::/64".parse().expect("a network")),
        gateway: guest.gateway,
        mtu: MTU,
        device: String::from("eth0"),
        default_route: true,
        mode: PortMode::Active,
        generation: 1,
        policy: PortPolicy::default(),
        limits: PortLimits::default(),
        guest_config: GuestText {
            dns: vec![[10, 0, 0, 2].into(), ip6("2001:db8::53")],
            domain: Some(String::from("example.internal")),
            hostname: Some(String::from("web-1")),
            ntp: vec![[169, 254, 169, 123].into(), ip6("2001:db8::123")],
            netbios: Vec::new(),
            netbios_node: None,
            ipv6,
        },
        route_table: 0,
        nic: PortNic::default(),
    }
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn ip6(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// An IPv6/UDP frame.
pub fn udp6(mac: [u8; 6], src: Ipv6Addr, dst: Ipv6Addr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac, multicast_mac(dst)).ipv6(src.octets(), dst.octets(), 1);
    let mut frame = Vec::new();
    builder.udp(ports.0, ports.1).write(&mut frame, payload).expect("a vector takes it");
    frame
}

/// An IPv4/UDP frame to everybody.
pub fn udp4(mac: [u8; 6], src: Ipv4Addr, dst: Ipv4Addr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac, [0xff; 6]).ipv4(src.octets(), dst.octets(), 64);
    let mut frame = Vec::new();
    builder.udp(ports.0, ports.1).write(&mut frame, payload).expect("a vector takes it");
    frame
}

/// An ICMPv6 message with hop limit 255 and a right checksum.
pub fn icmp6(mac: [u8; 6], src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(mac, multicast_mac(dst)).ipv6(src.octets(), dst.octets(), 255);
    let (kind, code) = (message[0], message[1]);
    let builder = builder.icmpv6_raw(kind, code, message[4..8].try_into().expect("four bytes"));
    let mut frame = Vec::new();
    builder.write(&mut frame, &message[8..]).expect("a vector takes it");
    frame
}

fn multicast_mac(dst: Ipv6Addr) -> [u8; 6] {
    let last = dst.octets();
    [0x33, 0x33, last[12], last[13], last[14], last[15]]
}

/// A message of neighbour discovery: type, target (none for router messages) and options.
pub fn nd(kind: u8, target: Option<Ipv6Addr>, options: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.iter().flat_map(Ipv6Addr::octets));
    message.extend(options);
    message
}

/// The option with a link-layer address: 1 for the source's, 2 for the target's.
pub fn mac_option(kind: u8, mac: [u8; 6]) -> Vec<u8> {
    [&[kind, 1], &mac[..]].concat()
}

/// What an IPv6 answer says, after its lengths and its checksum were checked.
pub struct Answer6 {
    pub dst_mac: [u8; 6],
    pub src_mac: [u8; 6],
    pub src: Ipv6Addr,
    pub dst: Ipv6Addr,
    pub hop_limit: u8,
    /// From the ICMPv6 or UDP header on.
    pub bytes: Vec<u8>,
}

pub fn read6(frame: &[u8]) -> Answer6 {
    let packet = SlicedPacket::from_ethernet(frame).expect("a well-formed frame");
    let Some(NetSlice::Ipv6(ip)) = &packet.net else { panic!("not IPv6: {packet:?}") };
    let header = ip.header().to_header();
    let bytes = frame[54..].to_vec();
    assert_eq!(usize::from(header.payload_length), bytes.len(), "payload length");
    let pseudo = [&frame[22..54], &(bytes.len() as u32).to_be_bytes(), &[0, 0, 0, frame[20]], &bytes].concat();
    assert_eq!(checksum(&pseudo), 0, "checksum");
    Answer6 {
        dst_mac: frame[..6].try_into().expect("six bytes"),
        src_mac: frame[6..12].try_into().expect("six bytes"),
        src: header.source_addr(),
        dst: header.destination_addr(),
        hop_limit: header.hop_limit,
        bytes,
    }
}

/// What an IPv4/UDP answer says, after its lengths and its checksums were checked.
pub struct Answer4 {
    pub dst_mac: [u8; 6],
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub ports: (u16, u16),
    pub payload: Vec<u8>,
}

pub fn read4(frame: &[u8]) -> Answer4 {
    let packet = SlicedPacket::from_ethernet(frame).expect("a well-formed frame");
    let Some(NetSlice::Ipv4(ip)) = &packet.net else { panic!("not IPv4: {packet:?}") };
    assert_eq!(checksum(&frame[14..34]), 0, "header checksum");
    assert_eq!(usize::from(ip.header().total_len()), frame.len() - 14, "total length");
    let udp = &frame[34..];
    assert_eq!(usize::from(u16::from_be_bytes([udp[4], udp[5]])), udp.len(), "UDP length");
    let pseudo = [&frame[26..34], &[0, 17], &(udp.len() as u16).to_be_bytes(), udp].concat();
    assert_eq!(checksum(&pseudo), 0, "UDP checksum");
    Answer4 {
        dst_mac: frame[..6].try_into().expect("six bytes"),
        src: ip.header().source_addr(),
        dst: ip.header().destination_addr(),
        ports: (u16::from_be_bytes([udp[0], udp[1]]), u16::from_be_bytes([udp[2], udp[3]])),
        payload: udp[8..].to_vec(),
    }
}

/// Options of DHCPv4 up to the end mark, in order.
pub fn options4(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut options = Vec::new();
    loop {
        match bytes {
            [255, ..] => return options,
            [0, rest @ ..] => bytes = rest,
            [code, len, rest @ ..] => {
                let (value, rest) = rest.split_at(usize::from(*len));
                options.push((*code, value.to_vec()));
                bytes = rest;
            }
            _ => panic!("no end mark"),
        }
    }
}

/// Options of DHCPv6, in order.
pub fn options6(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    while let [a, b, c, d, rest @ ..] = bytes {
        let (value, rest) = rest.split_at(usize::from(u16::from_be_bytes([*c, *d])));
        options.push((u16::from_be_bytes([*a, *b]), value.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the last option is cut");
    options
}

/// An option of DHCPv6.
pub fn option6(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), &(value.len() as u16).to_be_bytes(), value].concat()
}

/// A guest's link-local address, with an interface identifier that it made up (RFC 7217).
pub const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x1234, 0x5678, 0x9abc, 0xdef0);
pub const ROUTER: Ipv6Addr = GATEWAY_LINK_LOCAL;
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
pub const ALL_DHCP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
