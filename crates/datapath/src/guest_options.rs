//! What a guest is told beside its addresses, encoded as it goes into the answers: options of DHCPv4 (RFC 2132), of DHCPv6
//! (RFC 8415) and a whole router advertisement (RFC 4861). The programs only put it in place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;
use pintle_core::host_spec::{Ipv6Assignment, PortSpec};

/// A guest's own network is reachable for as long as it lives; nobody repeats the advertisement (RFC 4861, 4.6.2).
const FOREVER: u32 = u32::MAX;
/// The longest time that a router may be a default router for, in seconds (RFC 8319): nobody repeats the advertisement.
const ROUTER_LIFETIME: u16 = u16::MAX;
const HOP_LIMIT: u8 = 64;

/// Options in the making. One that does not fit is left out, so the most needed come first.
struct Options {
    bytes: Vec<u8>,
    room: usize,
}

impl Options {
    fn new(room: usize) -> Options {
        Options { bytes: Vec::new(), room }
    }

    fn add(&mut self, option: &[u8]) {
        if self.bytes.len() + option.len() <= self.room {
            self.bytes.extend_from_slice(option);
        }
    }

    /// A DHCPv4 option, if it says anything.
    fn add4(&mut self, code: u8, value: &[u8]) {
        if let (false, Ok(len)) = (value.is_empty(), u8::try_from(value.len())) {
            self.add(&[&[code, len], value].concat());
        }
    }

    /// A DHCPv6 option, if it says anything.
    fn add6(&mut self, code: u16, value: &[u8]) {
        if let (false, Ok(len)) = (value.is_empty(), u16::try_from(value.len())) {
            self.add(&[&code.to_be_bytes(), &len.to_be_bytes(), value].concat());
        }
    }

    /// An option of neighbour discovery, padded to a multiple of 8 bytes with its two bytes of header.
    fn add_nd(&mut self, kind: u8, value: &[u8]) {
        let len = (2 + value.len()).div_ceil(8);
        if let Ok(units) = u8::try_from(len) {
            let mut option = [&[kind, units], value].concat();
            option.resize(len * 8, 0);
            self.add(&option);
        }
    }
}

/// The options of every DHCPv4 answer that gives something; at most `room` bytes.
pub(crate) fn dhcp4(spec: &PortSpec, room: usize) -> Vec<u8> {
    let (mut options, config) = (Options::new(room), &spec.guest_config);
    options.add4(1, &spec.subnet.netmask().octets());
    if spec.default_route {
        options.add4(3, &spec.gateway.octets());
    }
    options.add4(26, &spec.mtu.to_be_bytes());
    options.add4(6, &octets4(&config.dns));
    if spec.default_route {
        // A client that knows classless routes ignores the router (RFC 3442), so the default route stands here too.
        options.add4(121, &[&[0], spec.gateway.octets().as_slice()].concat());
    }
    options.add4(12, config.hostname.as_deref().unwrap_or_default().as_bytes());
    options.add4(42, &octets4(&config.ntp));
    options.add4(15, config.domain.as_deref().unwrap_or_default().as_bytes());
    let netbios: Vec<IpAddr> = config.netbios.iter().map(|server| IpAddr::V4(*server)).collect();
    options.add4(44, &octets4(&netbios));
    options.add4(46, config.netbios_node.as_slice());
    options.bytes
}

/// The options of every DHCPv6 answer; at most `room` bytes.
pub(crate) fn dhcp6(spec: &PortSpec, room: usize) -> Vec<u8> {
    let (mut options, config) = (Options::new(room), &spec.guest_config);
    options.add6(23, &octets6(&config.dns));
    // Each server is a suboption of type 1 and 16 bytes (RFC 5908).
    let ntp: Vec<u8> =
        servers6(&config.ntp).flat_map(|server| [&[0, 1, 0, 16], &server.octets()[..]].concat()).collect();
    options.add6(56, &ntp);
    options.add6(24, &config.domain.as_deref().and_then(labels).unwrap_or_default());
    options.bytes
}

/// The router advertisement of a subnet with IPv6, without its checksum; at most `room` bytes.
pub(crate) fn router_advertisement(spec: &PortSpec, subnet: Ipv6Net, gateway_mac: [u8; 6], room: usize) -> Vec<u8> {
    let (mut message, config) = (Options::new(room), &spec.guest_config);
    let managed = config.ipv6 == Ipv6Assignment::Dhcpv6;
    let others = !dhcp6(spec, usize::MAX).is_empty();
    // Managed says "other configuration" too (RFC 4861, 4.2).
    let flags = if managed { 0x80 } else { 0 } | if others { 0x40 } else { 0 };
    let lifetime = if spec.default_route { ROUTER_LIFETIME } else { 0 };
    let [high, low] = lifetime.to_be_bytes();
    // Type, code, checksum; then no opinion on reachable time and retransmission timer.
    message.add(&[134, 0, 0, 0, HOP_LIMIT, flags, high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
    message.add_nd(1, &gateway_mac);
    message.add_nd(5, &[&[0, 0], u32::from(spec.mtu).to_be_bytes().as_slice()].concat());
    let on_link = 0x80 | if managed { 0 } else { 0x40 };
    let lifetimes = [FOREVER.to_be_bytes(), FOREVER.to_be_bytes()].concat();
    let prefix = [&[subnet.prefix_len(), on_link], &lifetimes[..], &[0; 4], &subnet.network().octets()].concat();
    message.add_nd(3, &prefix);
    let dns = octets6(&config.dns);
    if !dns.is_empty() {
        message.add_nd(25, &[&[0, 0], &FOREVER.to_be_bytes()[..], &dns].concat());
    }
    if let Some(labels) = config.domain.as_deref().and_then(labels) {
        message.add_nd(31, &[&[0, 0], &FOREVER.to_be_bytes()[..], &labels].concat());
    }
    message.bytes
}

/// At most three: resolvers ask no more.
fn octets4(servers: &[IpAddr]) -> Vec<u8> {
    let four = servers.iter().filter_map(|server| match server {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    });
    four.take(3).flat_map(|address: Ipv4Addr| address.octets()).collect()
}

fn octets6(servers: &[IpAddr]) -> Vec<u8> {
    servers6(servers).flat_map(|address| address.octets()).collect()
}

fn servers6(servers: &[IpAddr]) -> impl Iterator<Item = Ipv6Addr> {
    let six = servers.iter().filter_map(|server| match server {
        IpAddr::V6(address) => Some(*address),
        IpAddr::V4(_) => None,
    });
    six.take(3)
}

/// A domain name in wire form (RFC 1035, 3.1); `None` when a label is empty or too long.
fn labels(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?;
        bytes.push(len);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels() {
        assert_eq!(labels("a.example.").unwrap(), b"\x01a\x07example\0");
        assert_eq!(labels(""), None);
        assert_eq!(labels("a..b"), None);
        assert_eq!(labels(&"x".repeat(64)), None);
        assert_eq!(labels(&"x".repeat(63)).map(|bytes| bytes.len()), Some(65));
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let mut options = Options::new(10);
        options.add4(1, &[1; 4]);
        options.add4(6, &[2; 8]);
        options.add4(26, &[3; 2]);
        options.add4(12, &[]);
        assert_eq!(options.bytes, [1, 4, 1, 1, 1, 1, 26, 2, 3, 3]);
    }

    #[test]
    fn options_of_neighbour_discovery_fill_eight_bytes() {
        let mut options = Options::new(100);
        options.add_nd(1, &[7; 6]);
        options.add_nd(31, &[8; 7]);
        assert_eq!(options.bytes.len(), 8 + 16);
        assert_eq!(options.bytes[8..10], [31, 2]);
        assert_eq!(options.bytes[17..], [0; 7]);
    }

    #[test]
    fn only_three_servers_of_each_version_are_told() {
        let servers: Vec<IpAddr> = (1..=5).map(|n| IpAddr::from([10, 0, 0, n])).collect();
        assert_eq!(octets4(&servers), [10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3]);
        assert!(octets6(&servers).is_empty());
    }
}
