//! DHCP as a guest meets it: DHCPv4 (RFC 2131) and DHCPv6 (RFC 8415), answered by its host.

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::services::{
    ALL_DHCP, Answer4, LINK_LOCAL, ROUTER, option6, options4, options6, port_spec, read4, read6, udp4, udp6,
};
use common::{Bench, GATEWAY, GATEWAY_MAC, Guest};
use pintle_core::DropReason;
use pintle_core::host_spec::Ipv6Assignment;
use pintle_datapath::{GuestConfig, PortFlags, Verdict};

const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xa);
const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xb);
const OTHER_LINK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0xa);
const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;
const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const LEASE: [u8; 4] = 3600_u32.to_be_bytes();

/// A bench whose guest A is told what it asks for.
fn configured(test: impl FnOnce(&Bench) + Send + 'static) {
    Bench::run(|bench| {
        bench.edit_port(&bench.a, |port| port.subnet6 = "2001:db8:1::/64".parse().ok());
        configure(bench, Ipv6Assignment::Dhcpv6);
        test(bench);
    });
}

fn configure(bench: &Bench, ipv6: Ipv6Assignment) {
    let config = GuestConfig::new(&port_spec(&bench.a, A6, ipv6), GATEWAY_MAC);
    bench.datapath.guest_configs().put(&bench.a.slot, &config).expect("put");
}

/// A DHCPv4 message with its options, which begin with the type and are ended here.
#[derive(Clone)]
struct Bootp {
    ciaddr: Ipv4Addr,
    giaddr: Ipv4Addr,
    broadcast: bool,
    chaddr: [u8; 6],
    options: Vec<u8>,
}

impl Bootp {
    fn new(from: &Guest, kind: u8) -> Bootp {
        let options = vec![53, 1, kind];
        Bootp { ciaddr: NONE, giaddr: NONE, broadcast: false, chaddr: from.mac, options }
    }

    fn option(mut self, code: u8, value: &[u8]) -> Bootp {
        self.options.extend([code, value.len() as u8]);
        self.options.extend(value);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44, 0, 3, u8::from(self.broadcast) << 7, 0];
        bytes.extend(self.ciaddr.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.giaddr.octets());
        bytes.extend(self.chaddr);
        bytes.extend([0; 10 + 192]);
        bytes.extend([0x63, 0x82, 0x53, 0x63]);
        bytes.extend(&self.options);
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }

    fn frame(&self, src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
        udp4(self.chaddr, src, dst, (68, 67), &self.bytes())
    }
}

/// The answer, its message type and its options.
fn ask4(bench: &Bench, frame: &[u8]) -> (Answer4, u8, Vec<(u8, Vec<u8>)>) {
    let output = bench.send(&bench.a, frame);
    assert_eq!(output.verdict, Verdict::Redirect);
    let answer = read4(&output.frame);
    assert_eq!((answer.src, answer.ports), (GATEWAY, (67, 68)));
    assert_eq!(answer.payload[..8], [2, 1, 6, 0, 0x11, 0x22, 0x33, 0x44]);
    assert_eq!(answer.payload[28..34], bench.a.mac);
    assert!(answer.payload.len() >= 300 && answer.payload.len() <= 548, "BOOTP's least, and what every client takes");
    let options = options4(&answer.payload[240..]);
    assert_eq!(options[0].0, 53);
    (answer, options[0].1[0], options)
}

fn given(answer: &Answer4) -> Ipv4Addr {
    <[u8; 4]>::try_from(&answer.payload[16..20]).expect("four bytes").into()
}

#[test]
fn dhcp4_offers_the_primary_address_and_what_goes_with_it() {
    configured(|bench| {
        let identifier = [&[255, 0, 0, 0, 1, 0, 2][..], &[7; 12]].concat();
        let discover = Bootp::new(&bench.a, 1).option(61, &identifier).option(55, &[1, 3, 6]).option(12, b"mine");
        let (answer, kind, options) = ask4(bench, &discover.frame(NONE, ALL));
        assert_eq!((kind, given(&answer), answer.dst, answer.dst_mac), (2, bench.a.ip, bench.a.ip, bench.a.mac));
        let gateway = GATEWAY.octets();
        let expected: Vec<(u8, Vec<u8>)> = vec![
            (53, vec![2]),
            (54, gateway.to_vec()),
            (61, identifier),
            (51, LEASE.to_vec()),
            (58, 1800_u32.to_be_bytes().to_vec()),
            (59, 3150_u32.to_be_bytes().to_vec()),
            (1, vec![255, 255, 255, 0]),
            (3, gateway.to_vec()),
            (26, 1450_u16.to_be_bytes().to_vec()),
            (6, vec![10, 0, 0, 2]),
            (121, [&[0], &gateway[..]].concat()),
            (12, b"web-1".to_vec()),
            (42, vec![169, 254, 169, 123]),
            (15, b"example.internal".to_vec()),
        ];
        assert_eq!(options, expected);
        assert_eq!((bench.delivered(&bench.a), bench.sent(&bench.a)), (1, 1));
    });
}

#[test]
fn dhcp4_acknowledges_the_own_address_and_no_other() {
    configured(|bench| {
        let (own, gateway) = (bench.a.ip.octets(), GATEWAY.octets());
        let request = || Bootp::new(&bench.a, 3);
        let selecting = request().option(50, &own).option(54, &gateway);
        assert_eq!(ask4(bench, &selecting.frame(NONE, ALL)).1, 5);
        let rebooting = request().option(50, &own);
        assert_eq!(ask4(bench, &rebooting.frame(NONE, ALL)).1, 5);
        let renewing = Bootp { ciaddr: bench.a.ip, ..request() };
        let (answer, kind, _) = ask4(bench, &renewing.frame(bench.a.ip, GATEWAY));
        assert_eq!((kind, answer.dst, given(&answer)), (5, bench.a.ip, bench.a.ip));

        for wrong in [request().option(50, &[10, 0, 1, 99]), Bootp { ciaddr: bench.b.ip, ..request() }, request()] {
            let (answer, kind, options) = ask4(bench, &wrong.frame(NONE, ALL));
            assert_eq!((kind, answer.dst, answer.dst_mac, given(&answer)), (6, ALL, [0xff; 6], NONE));
            assert_eq!(options.len(), 2, "a refusal gives nothing: {options:?}");
        }
        let elsewhere = request().option(50, &own).option(54, &[10, 0, 1, 66]);
        bench.expect_drop(&bench.a, &elsewhere.frame(NONE, ALL), DropReason::DhcpNotServed);
    });
}

#[test]
fn dhcp4_answers_where_the_client_listens() {
    configured(|bench| {
        let discover = Bootp { broadcast: true, ..Bootp::new(&bench.a, 1) };
        let (answer, _, _) = ask4(bench, &discover.frame(NONE, ALL));
        assert_eq!((answer.dst, answer.dst_mac), (ALL, [0xff; 6]));
        let inform = Bootp { ciaddr: bench.a.ip, ..Bootp::new(&bench.a, 8) };
        let (answer, kind, options) = ask4(bench, &inform.frame(bench.a.ip, ALL));
        assert_eq!((kind, answer.dst, given(&answer)), (5, bench.a.ip, NONE));
        assert!(options.iter().all(|(code, _)| ![51, 58, 59].contains(code)), "no lease: {options:?}");
        for quiet in [4, 7, 99] {
            bench.expect_drop(&bench.a, &Bootp::new(&bench.a, quiet).frame(NONE, ALL), DropReason::DhcpNotServed);
        }
    });
}

#[test]
fn d17_dhcp4_lies_are_dropped() {
    configured(|bench| {
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        let (discover, mac) = (Bootp::new(&bench.a, 1), bench.a.mac);
        let mut offer = discover.bytes();
        offer[0] = 2;
        for (src, dst) in [(GATEWAY, ALL), (bench.a.ip, bench.b.ip)] {
            drops(&udp4(mac, src, dst, (67, 68), &offer), DropReason::DhcpServerSpoofed);
        }
        let other = Bootp { chaddr: bench.b.mac, ..discover.clone() };
        drops(&udp4(mac, NONE, ALL, (68, 67), &other.bytes()), DropReason::SpoofedDhcp);
        drops(&Bootp { giaddr: bench.b.ip, ..discover.clone() }.frame(NONE, ALL), DropReason::SpoofedDhcp);
        drops(&discover.frame(bench.b.ip, ALL), DropReason::SpoofedSrcIp);
        drops(&discover.frame(NONE, bench.b.ip), DropReason::DhcpNotServed);
        bench.edit_port(&bench.a, |port| port.flags = PortFlags::NONE);
        drops(&discover.frame(NONE, ALL), DropReason::Fenced);
        assert_eq!(bench.delivered(&bench.b), 0);
    });
}

#[test]
fn malformed_dhcp4_is_dropped() {
    configured(|bench| {
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        let (discover, mac) = (Bootp::new(&bench.a, 1), bench.a.mac);
        let good = discover.bytes();
        let sent = |bytes: &[u8]| udp4(mac, NONE, ALL, (68, 67), bytes);
        let edited = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            sent(&bytes)
        };
        drops(&edited(0, 2), DropReason::BadDhcp);
        drops(&edited(1, 6), DropReason::BadDhcp);
        drops(&edited(2, 16), DropReason::BadDhcp);
        drops(&edited(236, 0), DropReason::BadDhcp);
        drops(&sent(&good[..240]), DropReason::BadDhcp);
        drops(&sent(&good[..243]), DropReason::BadDhcp);
        drops(&sent(&good[..236]), DropReason::BadDhcp);
        // The type with no byte, with two; an option that is longer than the rest.
        for options in
            [&[53, 0, 255][..], &[53, 2, 1, 1, 255], &[53, 1, 1, 50, 200, 255], &[255], &[50, 3, 1, 2, 3, 255]]
        {
            drops(&sent(&[&good[..240], options].concat()), DropReason::BadDhcp);
        }
        let pads = [&good[..240], &[0; 40], &[53, 1, 1, 255]].concat();
        assert_eq!(bench.send(&bench.a, &sent(&pads)).verdict, Verdict::Redirect);
        let long = discover.option(61, &[9; 100]).frame(NONE, ALL);
        assert!(ask4(bench, &long).2.iter().all(|(code, _)| *code != 61), "too long to be sent back");
        // A guest that nobody configured is not answered.
        let stranger = Bootp::new(&bench.b, 1).frame(NONE, ALL);
        bench.expect_drop(&bench.b, &stranger, DropReason::DhcpNotServed);
    });
}

/// A DHCPv6 message with transaction 01 02 03.
fn message6(bench: &Bench, kind: u8, options: &[Vec<u8>]) -> Vec<u8> {
    let bytes = [&[kind, 1, 2, 3], options.concat().as_slice()].concat();
    udp6(bench.a.mac, LINK_LOCAL, ALL_DHCP, (546, 547), &bytes)
}

/// The answer's message type and its options.
fn ask6(bench: &Bench, kind: u8, options: &[Vec<u8>]) -> (u8, Vec<(u16, Vec<u8>)>) {
    let output = bench.send(&bench.a, &message6(bench, kind, options));
    assert_eq!(output.verdict, Verdict::Redirect);
    let answer = read6(&output.frame);
    assert_eq!((answer.src, answer.dst), (ROUTER, LINK_LOCAL));
    assert_eq!((answer.src_mac, answer.dst_mac), (GATEWAY_MAC, bench.a.mac));
    assert_eq!(answer.bytes[..4], [2, 0x23, 2, 0x22], "from port 547 to 546");
    assert_eq!(answer.bytes[9..12], [1, 2, 3]);
    (answer.bytes[8], options6(&answer.bytes[12..]))
}

fn client(bench: &Bench) -> Vec<u8> {
    option6(1, &[&[0, 3, 0, 1], &bench.a.mac[..]].concat())
}

fn server() -> Vec<u8> {
    option6(2, &[&[0, 3, 0, 1], &GATEWAY_MAC[..]].concat())
}

fn ia_na(address: Option<Ipv6Addr>) -> Vec<u8> {
    let inner = address.map(|address| option6(5, &[&address.octets()[..], &[0; 8]].concat())).unwrap_or_default();
    option6(3, &[&[0xaa, 0xbb, 0xcc, 0xdd, 0, 0, 0, 0, 0, 0, 0, 0], &inner[..]].concat())
}

fn ia_pd() -> Vec<u8> {
    option6(25, &[9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn value(options: &[(u16, Vec<u8>)], code: u16) -> &[u8] {
    options.iter().find(|(found, _)| *found == code).map_or(&[], |(_, value)| value)
}

/// The identity association with A's address for an hour, and one without time for each of `others`.
fn lease_of(others: &[Ipv6Addr]) -> Vec<u8> {
    let times = [&[0xaa, 0xbb, 0xcc, 0xdd], &1800_u32.to_be_bytes()[..], &2880_u32.to_be_bytes()].concat();
    let own = option6(5, &[&A6.octets()[..], &LEASE, &LEASE].concat());
    let others = others.iter().flat_map(|address| option6(5, &[&address.octets()[..], &[0; 8]].concat()));
    times.into_iter().chain(own).chain(others).collect()
}

#[test]
fn dhcp6_gives_the_address_the_prefix_and_what_goes_with_them() {
    configured(|bench| {
        let asked = [client(bench), option6(8, &[0, 0]), ia_na(None), ia_pd()];
        let (kind, options) = ask6(bench, 1, &asked);
        assert_eq!(kind, 2, "advertised");
        let codes: Vec<u16> = options.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [1, 2, 3, 25, 23, 56, 24]);
        assert_eq!(option6(1, value(&options, 1)), client(bench));
        assert_eq!(option6(2, value(&options, 2)), server());
        assert_eq!(value(&options, 3), lease_of(&[]));
        let network: Ipv6Addr = "2001:db8:1:0:7::".parse().expect("an address");
        let prefix = option6(26, &[&LEASE, &LEASE, &[80][..], &network.octets()].concat());
        assert_eq!(value(&options, 25)[12..], prefix);
        let dns: Ipv6Addr = "2001:db8::53".parse().expect("an address");
        assert_eq!(value(&options, 23), dns.octets());
        assert_eq!(value(&options, 24), b"\x07example\x08internal\0");
        let (kind, options) = ask6(bench, 1, &[client(bench), option6(14, &[]), ia_na(None)]);
        assert_eq!((kind, value(&options, 3)), (7, &lease_of(&[])[..]), "rapid commit");
        assert!(options.iter().any(|(code, _)| *code == 14));
        let (kind, options) = ask6(bench, 3, &[client(bench), server(), ia_na(Some(A6))]);
        assert_eq!((kind, value(&options, 3)), (7, &lease_of(&[])[..]));
    });
}

#[test]
fn dhcp6_takes_wrong_addresses_away() {
    configured(|bench| {
        for (kind, with_server) in [(5, true), (6, false)] {
            let id = if with_server { server() } else { Vec::new() };
            let (reply, options) = ask6(bench, kind, &[client(bench), id.clone(), ia_na(Some(B6))]);
            assert_eq!((reply, value(&options, 3)), (7, &lease_of(&[B6])[..]));
            let (_, options) = ask6(bench, kind, &[client(bench), id, ia_na(Some(A6))]);
            assert_eq!(value(&options, 3), lease_of(&[]));
        }
        for (address, status) in [(A6, 0), (OTHER_LINK, 4)] {
            let (reply, options) = ask6(bench, 4, &[client(bench), ia_na(Some(address))]);
            assert_eq!((reply, value(&options, 13)), (7, &[0, status][..]));
        }
        for kind in [8, 9] {
            let (reply, options) = ask6(bench, kind, &[client(bench), server(), ia_na(Some(A6))]);
            assert_eq!((reply, value(&options, 13)), (7, &[0, 0][..]));
        }
        let (reply, options) = ask6(bench, 11, &[]);
        assert_eq!((reply, options.len()), (7, 4), "server, name servers, time servers, domain: {options:?}");
    });
}

#[test]
fn dhcp6_says_so_where_addresses_are_made_up_by_the_guest() {
    configured(|bench| {
        configure(bench, Ipv6Assignment::Slaac);
        let (kind, options) = ask6(bench, 1, &[client(bench), ia_na(None)]);
        assert_eq!((kind, &value(&options, 3)[12..]), (2, &[0, 13, 0, 2, 0, 2][..]), "NoAddrsAvail");
        let mut spec = port_spec(&bench.a, A6, Ipv6Assignment::Dhcpv6);
        spec.prefixes.clear();
        bench.datapath.guest_configs().put(&bench.a.slot, &GuestConfig::new(&spec, GATEWAY_MAC)).expect("put");
        let (_, options) = ask6(bench, 1, &[client(bench), ia_pd()]);
        assert_eq!(value(&options, 25)[12..], [0, 13, 0, 2, 0, 6], "NoPrefixAvail");
    });
}

#[test]
fn d17_dhcp6_lies_are_dropped() {
    configured(|bench| {
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        let (mac, solicit) = (bench.a.mac, [&[1, 1, 2, 3], &client(bench)[..]].concat());
        drops(&udp6(mac, LINK_LOCAL, ALL_DHCP, (547, 546), &[7, 1, 2, 3]), DropReason::DhcpServerSpoofed);
        for source in [A6, ROUTER] {
            drops(&udp6(mac, source, ALL_DHCP, (546, 547), &solicit), DropReason::SpoofedDhcp);
        }
        drops(&udp6(mac, LINK_LOCAL, B6, (546, 547), &solicit), DropReason::DhcpNotServed);
        let long = option6(1, &[7; 130]);
        assert_eq!(ask6(bench, 1, std::slice::from_ref(&long)).1[0].1, [7; 130], "the longest identifier");
        let wrong = [
            (1, vec![]),
            (1, vec![client(bench), server()]),
            (1, vec![option6(1, &[7; 131])]),
            (1, vec![option6(1, &[])]),
            (1, vec![client(bench), vec![0, 3, 0, 40, 1]]),
            (1, vec![client(bench), vec![0, 3, 0]]),
            (1, vec![client(bench), option6(3, &[1, 2, 3])]),
            (1, vec![client(bench), option6(7, &[1]).repeat(64)]),
            (3, vec![client(bench)]),
            (11, vec![ia_na(None)]),
        ];
        for (kind, options) in wrong {
            drops(&message6(bench, kind, &options), DropReason::BadDhcp);
        }
        drops(&udp6(mac, LINK_LOCAL, ALL_DHCP, (546, 547), &[1, 1, 2]), DropReason::BadDhcp);
        drops(&message6(bench, 3, &[client(bench), option6(2, b"another")]), DropReason::DhcpNotServed);
        drops(&message6(bench, 4, &[client(bench), ia_na(None)]), DropReason::DhcpNotServed);
        drops(&message6(bench, 12, &[client(bench)]), DropReason::DhcpNotServed);
        bench.edit_port(&bench.a, |port| port.subnet6 = None);
        drops(&message6(bench, 1, &[client(bench)]), DropReason::Ipv6NotEnabled);
    });
}
