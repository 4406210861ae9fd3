//! Neighbour discovery as a guest meets it: answered by its host, and never forwarded (RFC 4861).

mod common;

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use common::hosts::{Identity, Underlay};
use common::services::{ALL_NODES, ALL_ROUTERS, Answer6, LINK_LOCAL, ROUTER, icmp6, mac_option, nd, port_spec, read6};
use common::{Bench, GATEWAY_MAC, Guest, MTU, SEGMENT};
use pintle_core::DropReason;
use pintle_core::host_spec::Ipv6Assignment;
use pintle_datapath::{Endpoint, EndpointKey, GuestConfig, Route, RouteKey, RouteTo, Verdict};

const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xa);
const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xb);
const NOBODY: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xff);
const NONE: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// A bench whose first subnet has IPv6.
fn dual_stack(test: impl FnOnce(&Bench) + Send + 'static) {
    Bench::run(|bench| {
        for (guest, address) in [(bench.a, A6), (bench.b, B6)] {
            bench.edit_port(&guest, |port| port.subnet6 = "2001:db8:1::/64".parse().ok());
            bench.datapath.endpoints().put(&key(address), &guest.endpoint()).expect("put");
        }
        test(bench);
    });
}

fn key(addr: Ipv6Addr) -> EndpointKey {
    EndpointKey { segment: SEGMENT, addr: addr.into() }
}

fn solicit(from: &Guest, src: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let options = if src == NONE { Vec::new() } else { mac_option(1, from.mac) };
    icmp6(from.mac, src, "ff02::1:ff00:1".parse().expect("an address"), &nd(135, Some(target), &options))
}

fn ask(bench: &Bench, src: Ipv6Addr, target: Ipv6Addr) -> Answer6 {
    let output = bench.send(&bench.a, &solicit(&bench.a, src, target));
    assert_eq!(output.verdict, Verdict::Redirect);
    read6(&output.frame)
}

#[test]
fn b08_gateway_and_neighbours_are_resolved() {
    dual_stack(|bench| {
        // Flags: router, solicited, override.
        for (target, mac, flags) in [(ROUTER, GATEWAY_MAC, 0xe0), (B6, bench.b.mac, 0x60)] {
            for source in [A6, LINK_LOCAL] {
                let answer = ask(bench, source, target);
                assert_eq!((answer.src, answer.dst, answer.hop_limit), (target, source, 255));
                assert_eq!((answer.src_mac, answer.dst_mac), (mac, bench.a.mac));
                let mut expected = nd(136, Some(target), &mac_option(2, mac));
                expected[4] = flags;
                expected[2..4].copy_from_slice(&answer.bytes[2..4]);
                assert_eq!(answer.bytes, expected);
            }
        }
        assert_eq!(bench.delivered(&bench.a), 4);
        assert_eq!(bench.delivered(&bench.b), 0, "nobody else hears of it");
    });
}

#[test]
fn b08_duplicates_are_told_and_own_addresses_are_not() {
    dual_stack(|bench| {
        for target in [ROUTER, B6] {
            let answer = ask(bench, NONE, target);
            assert_eq!((answer.dst, answer.dst_mac), (ALL_NODES, [0x33, 0x33, 0, 0, 0, 1]));
            assert_eq!(answer.bytes[4] & 0x40, 0, "not solicited: there is nobody to say it to (RFC 4861, 7.2.4)");
        }
        bench.expect_drop(&bench.a, &solicit(&bench.a, NONE, A6), DropReason::NdNotForwarded);
        for target in [NOBODY, LINK_LOCAL, "2001:db8:2::b".parse().expect("an address")] {
            bench.expect_drop(&bench.a, &solicit(&bench.a, NONE, target), DropReason::NdUnknownTarget);
        }
    });
}

#[test]
fn b12_a_delegated_prefix_is_reached_by_the_gateway() {
    dual_stack(|bench| {
        let key = RouteKey::own(SEGMENT, "2001:db8:1:0:7::/80".parse().expect("a network"));
        bench.datapath.routes().put(&key, &Route::new(&key, RouteTo::Via(B6.into()))).expect("put");
        let target = "2001:db8:1:0:7::99".parse().expect("an address");
        let answer = ask(bench, A6, target);
        assert_eq!((answer.src, answer.src_mac), (target, GATEWAY_MAC));
        assert_eq!(answer.bytes[4], 0x40, "no router, and no override for a proxy (RFC 4861, 7.2.8)");
        let outside = "2001:db8:1:0:8::99".parse().expect("an address");
        bench.expect_drop(&bench.a, &solicit(&bench.a, A6, outside), DropReason::NdUnknownTarget);
    });
}

#[test]
fn d17_claims_in_neighbour_discovery_are_checked() {
    dual_stack(|bench| {
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        let mac = bench.a.mac;
        for source in [B6, ROUTER, NOBODY] {
            drops(&solicit(&bench.a, source, ROUTER), DropReason::SpoofedNd);
        }
        let lie = nd(135, Some(ROUTER), &mac_option(1, bench.b.mac));
        drops(&icmp6(mac, A6, ROUTER, &lie), DropReason::SpoofedNd);
        let second = [mac_option(1, mac), mac_option(1, bench.b.mac)].concat();
        drops(&icmp6(mac, A6, ROUTER, &nd(135, Some(ROUTER), &second)), DropReason::SpoofedNd);

        let advert = |target, claimed| icmp6(mac, A6, ALL_NODES, &nd(136, Some(target), &mac_option(2, claimed)));
        drops(&advert(A6, mac), DropReason::NdNotForwarded);
        drops(&advert(LINK_LOCAL, mac), DropReason::NdNotForwarded);
        drops(&advert(A6, bench.b.mac), DropReason::SpoofedNd);
        for target in [B6, ROUTER, NOBODY] {
            drops(&advert(target, mac), DropReason::SpoofedNd);
        }
        drops(&icmp6(mac, LINK_LOCAL, ALL_NODES, &nd(134, None, &[0; 8])), DropReason::BadNd);
        drops(&icmp6(mac, LINK_LOCAL, ALL_NODES, &nd(134, None, &[0; 16])), DropReason::SpoofedRa);
        drops(&icmp6(mac, LINK_LOCAL, A6, &nd(137, Some(B6), B6.octets().as_slice())), DropReason::IcmpRedirect);
        assert_eq!(bench.delivered(&bench.b), 0);
    });
}

#[test]
fn d17_malformed_neighbour_discovery_is_dropped() {
    dual_stack(|bench| {
        let drops = |frame: &[u8]| bench.expect_drop(&bench.a, frame, DropReason::BadNd);
        let (mac, good) = (bench.a.mac, solicit(&bench.a, A6, ROUTER));
        let edited = |at: usize, value: u8| {
            let mut frame = good.clone();
            frame[at] = value;
            frame
        };
        drops(&edited(21, 254));
        drops(&edited(55, 1));
        let message = |options: &[u8]| icmp6(mac, A6, ROUTER, &nd(135, Some(ROUTER), options));
        drops(&message(&[1, 0, 0, 0, 0, 0, 0, 0]));
        drops(&message(&[1, 2, 0, 0, 0, 0, 0, 0]));
        drops(&message(&[1, 1, 0, 0]));
        drops(&message(&[14, 1, 0, 0, 0, 0, 0, 0].repeat(17)));
        drops(&icmp6(mac, A6, ROUTER, &nd(135, Some(ALL_NODES), &[])));
        drops(&icmp6(mac, A6, ROUTER, &nd(135, None, &[])));
        assert_eq!(bench.send(&bench.a, &message(&[14, 1, 0, 0, 0, 0, 0, 0].repeat(16))).verdict, Verdict::Redirect);
    });
}

#[test]
fn nothing_is_answered_where_ipv6_is_not_enabled() {
    Bench::run(|bench| {
        bench.expect_drop(&bench.a, &solicit(&bench.a, NONE, ROUTER), DropReason::Ipv6NotEnabled);
    });
}

/// The advertisement's fields that differ: flags and lifetime, then its options by kind.
fn advertised(bench: &Bench, source: Ipv6Addr) -> (Answer6, Vec<(u8, Vec<u8>)>) {
    let output = bench.send(&bench.a, &icmp6(bench.a.mac, source, ALL_ROUTERS, &nd(133, None, &[])));
    assert_eq!(output.verdict, Verdict::Redirect);
    let answer = read6(&output.frame);
    let (mut options, mut rest) = (Vec::new(), &answer.bytes[16..]);
    while !rest.is_empty() {
        let (option, after) = rest.split_at(usize::from(rest[1]) * 8);
        options.push((option[0], option[2..].to_vec()));
        rest = after;
    }
    (answer, options)
}

#[test]
fn routers_are_advertised_as_configured() {
    dual_stack(|bench| {
        let silence = icmp6(bench.a.mac, NONE, ALL_ROUTERS, &nd(133, None, &[]));
        bench.expect_drop(&bench.a, &silence, DropReason::RaNotServed);
        for (assignment, flags, on_link) in [(Ipv6Assignment::Dhcpv6, 0xc0, 0x80), (Ipv6Assignment::Slaac, 0x40, 0xc0)]
        {
            let spec = port_spec(&bench.a, A6, assignment);
            let config = GuestConfig::new(&spec, GATEWAY_MAC);
            bench.datapath.guest_configs().put(&bench.a.slot, &config).expect("put");
            let (answer, options) = advertised(bench, LINK_LOCAL);
            assert_eq!((answer.src, answer.dst, answer.hop_limit), (ROUTER, LINK_LOCAL, 255));
            assert_eq!((answer.src_mac, answer.dst_mac), (GATEWAY_MAC, bench.a.mac));
            assert_eq!(answer.bytes[..2], [134, 0]);
            assert_eq!(answer.bytes[4..8], [64, flags, 0xff, 0xff], "hop limit, flags, router lifetime");
            let forever = [0xff; 4];
            let prefix = [
                &[64, on_link],
                &forever[..],
                &forever,
                &[0; 4],
                &"2001:db8:1::".parse::<Ipv6Addr>().expect("one").octets(),
            ]
            .concat();
            let dns = [&[0, 0], &forever[..], &"2001:db8::53".parse::<Ipv6Addr>().expect("one").octets()].concat();
            assert_eq!(options[0], (1, GATEWAY_MAC.to_vec()));
            assert_eq!(options[1], (5, [&[0, 0, 0, 0], &MTU.to_be_bytes()[..]].concat()));
            assert_eq!(options[2], (3, prefix));
            assert_eq!(options[3], (25, dns));
            assert_eq!(options[4].0, 31);
            assert!(options[4].1.starts_with(b"\0\0\xff\xff\xff\xff\x07example\x08internal\0"));
            let (answer, _) = advertised(bench, NONE);
            assert_eq!((answer.dst, answer.dst_mac), (ALL_NODES, [0x33, 0x33, 0, 0, 0, 1]));
        }
        let spec =
            pintle_core::host_spec::PortSpec { default_route: false, ..port_spec(&bench.a, A6, Ipv6Assignment::Slaac) };
        bench.datapath.guest_configs().put(&bench.a.slot, &GuestConfig::new(&spec, GATEWAY_MAC)).expect("put");
        assert_eq!(advertised(bench, LINK_LOCAL).0.bytes[6..8], [0, 0], "not a default router");
    });
}

#[test]
fn a_neighbour_on_another_host_is_resolved_too() {
    dual_stack(|bench| {
        let remote = Endpoint { vtep: Some([192, 0, 2, 2].into()), ..bench.b.endpoint() };
        let remote = Endpoint { ifindex: None, mac: [2, 0, 0, 0, 0, 0x20], ..remote };
        bench.datapath.endpoints().put(&key(NOBODY), &remote).expect("put");
        assert_eq!(ask(bench, A6, NOBODY).src_mac, [2, 0, 0, 0, 0, 0x20]);
    });
}

#[test]
fn linux_believes_what_it_is_told() {
    let underlay = Underlay::new();
    let host = underlay.host(1);
    let guest = host.guest(Identity::new(SEGMENT, 1, 10), 1);
    host.place_local(&guest);
    let mut port = host.datapath.ports().get(&guest.port).expect("get").expect("there");
    port.subnet6 = "2001:db8:1::/64".parse().ok();
    host.datapath.ports().put(&guest.port, &port).expect("put");
    let like_a = Guest {
        ifindex: guest.port,
        slot: guest.slot,
        segment: SEGMENT,
        ip: guest.id.ip,
        mac: guest.id.mac,
        gateway: guest.id.gateway(),
        gateway_mac: GATEWAY_MAC,
    };
    let config = GuestConfig::new(&port_spec(&like_a, A6, Ipv6Assignment::Slaac), GATEWAY_MAC);
    host.datapath.guest_configs().put(&guest.slot, &config).expect("put");

    // Linux solicits when its link-local address is there; the device comes up anew, now that somebody answers.
    guest.netns.sh("ip link set eth0 down && sysctl -qw net.ipv6.conf.eth0.accept_ra=2 && ip link set eth0 up");
    let ready = |text: &str| text.contains("default via fe80::1 ") && text.contains("2001:db8:1::/64");
    let until = Instant::now() + Duration::from_secs(10);
    while !ready(&guest.netns.sh("ip -6 route show dev eth0")) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let routes = guest.netns.sh("ip -6 route show dev eth0");
    assert!(ready(&routes), "{routes}");
    assert!(routes.contains("mtu 1450") || guest.netns.sh("sysctl net.ipv6.conf.eth0.mtu").contains("1450"));
    let addresses = guest.netns.sh("ip -6 addr show dev eth0 scope global");
    assert!(addresses.contains("inet6 2001:db8:1:"), "{addresses}");
    assert_eq!(host.dropped(1, DropReason::SpoofedNd), 0);
}
