//! The public network: an uplink of the bench, floating IPs, and frames whose checksums are all looked at.

use std::net::{IpAddr, Ipv4Addr};

use pintle_datapath::{
    EndpointKey, HostSettings, PrivateAddress, ProgramName, PublicAddress, Route as RouteEntry, RouteKey, RouteTo,
    RunInput, RunOutput, Uplink, cell_of_route,
};

use super::frames::{Route, checksum};
use super::{Bench, Guest, SEGMENT, netns};

pub const UPLINK_MAC: [u8; 6] = [0x02, 0, 0, 0xff, 0, 0x01];
/// The public network's router, and a host behind it.
pub const ROUTER_MAC: [u8; 6] = [0x02, 0, 0, 0xff, 0, 0x02];
pub const INTERNET: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
pub const FIP_A: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
pub const FIP_B: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);
pub const GATEWAY_IP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
pub const UPLINK: Uplink = Uplink { mac: UPLINK_MAC, mtu: 1500 };

/// A bench with an uplink and a route to the public network.
pub struct Public<'a> {
    pub bench: &'a Bench,
    pub uplink: u32,
}

/// Runs a test with it.
pub fn with_uplink(test: impl FnOnce(&Public) + Send + 'static) {
    Bench::run(|bench| {
        let uplink = netns::add_veth("uplink");
        let there = bench.datapath.host_settings().expect("get");
        let settings = HostSettings { uplink_ifindex: Some(uplink), ..there };
        bench.datapath.set_host_settings(&settings).expect("set");
        let public = Public { bench, uplink };
        public.route(None, None);
        test(&public);
    });
}

impl Public<'_> {
    /// Sets the route to the public network.
    pub fn route(&self, gateway_vtep: Option<Ipv4Addr>, gateway: Option<Ipv4Addr>) {
        let net = "0.0.0.0/0".parse().expect("a network");
        let to = RouteTo::Public { gateway_vtep, gateway: gateway.map(IpAddr::V4) };
        let key = RouteKey::own(SEGMENT, net);
        let route = RouteEntry::new(&key, to);
        self.bench.datapath.routes().put(&key, &route).expect("put");
        self.bench.datapath.epochs().raise(route.cell);
    }

    /// Makes this host the public gateway of the first VPC.
    pub fn gateway(&self) {
        let entry = PublicAddress::Gateway { uplink: UPLINK };
        self.bench.datapath.public_addresses().put(&GATEWAY_IP.into(), &entry).expect("put");
        self.route(None, Some(GATEWAY_IP));
    }

    /// Gives an address of the first VPC a floating IP.
    pub fn float(&self, private: Ipv4Addr, public: Ipv4Addr, translate: bool) {
        let private = IpAddr::V4(private);
        let entry = PublicAddress::Interface { segment: SEGMENT, private, translate, uplink: UPLINK };
        self.bench.datapath.public_addresses().put(&public.into(), &entry).expect("put");
        let own = PrivateAddress { public: public.into(), translate, mtu: UPLINK.mtu };
        let key = EndpointKey { segment: SEGMENT, addr: private };
        self.bench.datapath.private_addresses().put(&key, &own).expect("put");
        let net = "0.0.0.0/0".parse().expect("a network");
        self.bench.datapath.epochs().raise(cell_of_route(&RouteKey::own(SEGMENT, net)));
    }

    /// A packet from the public network.
    pub fn arrive(&self, frame: &[u8]) -> RunOutput {
        let input = RunInput { ifindex: self.uplink, ..RunInput::default() };
        self.bench.datapath.runner(ProgramName::FromUplink).run(frame, input).expect("the program runs")
    }
}

/// From the guest to a host of the public network.
pub fn outward(from: &Guest) -> Route {
    Route::routed(from, INTERNET)
}

/// From there to a public address.
pub fn inward(to: Ipv4Addr) -> Route {
    Route { src_mac: ROUTER_MAC, dst_mac: UPLINK_MAC, src: INTERNET.into(), dst: to.into() }
}

/// What a frame says after translation; every checksum in it is right.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    /// TCP and UDP: both ports. ICMP: type and code, and the identifier.
    pub ports: (u16, u16),
    pub ttl: u8,
}

pub fn see(frame: &[u8]) -> Seen {
    see_packet(&frame[14..])
}

/// The IP packet that an ICMP error quotes; as much of it as is there is right.
pub fn quoted(frame: &[u8]) -> Seen {
    see_packet(&frame[14 + 20 + 8..])
}

fn see_packet(packet: &[u8]) -> Seen {
    let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    assert_eq!(checksum(&packet[..20]), 0, "header checksum");
    let (protocol, total, later) = (packet[9], usize::from(word(2)), word(6) & 0x1fff != 0);
    let segment = &packet[20..];
    if total == packet.len() && word(6) & 0x3fff == 0 {
        let pseudo = [&packet[12..20], &[0, protocol], &(segment.len() as u16).to_be_bytes(), segment].concat();
        match protocol {
            1 => assert_eq!(checksum(segment), 0, "ICMP checksum"),
            17 if segment[6..8] == [0, 0] => {}
            6 | 17 => assert_eq!(checksum(&pseudo), 0, "transport checksum"),
            _ => {}
        }
    }
    let ports = match protocol {
        _ if later => (0, 0),
        1 => (word(20), word(24)),
        _ => (word(20), word(22)),
    };
    let address = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    Seen { src: address(12), dst: address(16), ports, ttl: packet[8] }
}

/// An ICMP error about an IP packet, of which `quote` bytes are quoted.
pub fn icmp_error(way: &Route, kind: u8, code: u8, mtu: u16, packet: &[u8], quote: usize) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(&packet[..quote.min(packet.len())]);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    way.packet(1, &message)
}

/// An ICMP echo request (8) or reply (0).
pub fn echo(way: &Route, kind: u8, id: u16) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(id.to_be_bytes());
    message.extend([0, 1]);
    message.extend(b"ping");
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    way.packet(1, &message)
}
