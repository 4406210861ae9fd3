//! IPv6 takes the same path as IPv4: checked, routed, tracked, and told when it cannot go on (RFC 4443, RFC 8200).

mod common;

use std::net::Ipv6Addr;

use common::frames::{ACK, Route, SYN, Segment, checksum};
use common::policy::{allow_out, rule, tcp_in};
use common::{Bench, GATEWAY_MAC_2, Guest, SEGMENT, endpoint_key};
use pintle_core::DropReason;
use pintle_core::policy::{Direction, IcmpMatch, ProtocolMatch, Remote};
use pintle_datapath::{Endpoint, FlowKey, FlowState, RunInput, Verdict};

const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xa);
const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xb);
const C6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0xc);
const REMOTE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0xdd);
const GATEWAY: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// A and B in one subnet, C and a guest of another host in the second.
fn dual_stack(test: impl FnOnce(&Bench) + Send + 'static) {
    Bench::run(|bench| {
        for (guest, address, net) in
            [(bench.a, A6, "2001:db8:1::/64"), (bench.b, B6, "2001:db8:1::/64"), (bench.c, C6, "2001:db8:2::/64")]
        {
            bench.edit_port(&guest, |port| port.subnet6 = net.parse().ok());
            bench.edit_endpoint(endpoint_key(SEGMENT, address), |endpoint| *endpoint = guest.endpoint());
        }
        bench.edit_endpoint(endpoint_key(SEGMENT, REMOTE6), |endpoint| {
            *endpoint =
                Endpoint { vtep: Some(common::REMOTE_VTEP), mac: common::REMOTE_MAC, mtu: 1400, ..bench.c.endpoint() };
            (endpoint.ifindex, endpoint.slot) = (None, 0);
        });
        test(bench);
    });
}

fn switched(from: &Guest, to: &Guest, src: Ipv6Addr, dst: Ipv6Addr) -> Route {
    Route::switched(from, to).v6(src, dst)
}

fn routed(from: &Guest, src: Ipv6Addr, dst: Ipv6Addr) -> Route {
    Route { dst_mac: from.gateway_mac, ..Route::switched(from, from).v6(src, dst) }
}

fn with_hop_limit(mut frame: Vec<u8>, hop_limit: u8) -> Vec<u8> {
    frame[21] = hop_limit;
    frame
}

/// Type, code and the second word of an ICMPv6 error, after its addresses, lengths and checksum were checked.
fn read_error(frame: &[u8], bench: &Bench) -> (u8, u8, u32) {
    assert_eq!((&frame[..6], &frame[6..12]), (&bench.a.mac[..], &bench.a.gateway_mac[..]));
    assert_eq!(
        (frame[12], frame[13], frame[20], frame.len() - 54),
        (0x86, 0xdd, 58, usize::from(frame[18]) << 8 | usize::from(frame[19]))
    );
    assert_eq!((&frame[22..38], &frame[38..54]), (&GATEWAY.octets()[..], &A6.octets()[..]));
    let len = (frame.len() - 54) as u32;
    let pseudo = [&frame[22..54], &len.to_be_bytes()[..], &[0, 0, 0, 58], &frame[54..]].concat();
    assert_eq!(checksum(&pseudo), 0);
    (frame[54], frame[55], u32::from_be_bytes([frame[58], frame[59], frame[60], frame[61]]))
}

#[test]
fn ipv6_is_switched_unchanged_and_routed_with_one_hop_less() {
    dual_stack(|bench| {
        let frame = switched(&bench.a, &bench.b, A6, B6).udp((1, 2), b"hello");
        let far = routed(&bench.a, A6, C6).udp((1, 2), b"hello");
        // Twice: decided, then by the flow.
        for _ in 0..2 {
            assert_eq!(bench.send(&bench.a, &frame).frame, frame);
            let output = bench.send(&bench.a, &far);
            let after = [&bench.c.mac[..], &GATEWAY_MAC_2[..], &far[12..]].concat();
            assert_eq!((output.verdict, output.frame), (Verdict::Redirect, with_hop_limit(after, 63)));
        }
        assert_eq!((bench.delivered(&bench.b), bench.delivered(&bench.c)), (2, 2));
        let over = bench.send(&bench.a, &routed(&bench.a, A6, REMOTE6).udp((1, 2), b"x"));
        assert_eq!((&over.frame[..6], over.frame[21]), (&[0x02, 0x50, 0x4e, 0x54, 0x4c, 1][..], 63));
    });
}

#[test]
fn d08_ipv6_sources_are_checked() {
    dual_stack(|bench| {
        let spoofed = Some(DropReason::SpoofedSrcIp);
        let from = |src: &str| {
            let src = src.parse().expect("an address");
            bench.refused(&bench.a, &switched(&bench.a, &bench.b, src, B6).udp((1, 2), b"x"))
        };
        assert_eq!(from("2001:db8:1::a"), None);
        for src in ["2001:db8:1::b", "2001:db8:1::ff", "::", "::1", "ff02::1", "fe80::1", "fe80::ff:fe00:1"] {
            assert_eq!(from(src), spoofed, "{src}");
        }
        assert_eq!(from("::ffff:10.0.1.10"), Some(DropReason::BadHeader), "IPv4 in disguise");
        let to = switched(&bench.a, &bench.b, A6, bench.b.ip.to_ipv6_mapped()).udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.a, &to), Some(DropReason::BadHeader));
        let to_all = switched(&bench.a, &bench.b, A6, "ff02::1".parse().expect("an address")).udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.a, &to_all), Some(DropReason::Multicast));
        bench.edit_port(&bench.a, |port| port.subnet6 = None);
        assert_eq!(from("2001:db8:1::a"), Some(DropReason::Ipv6NotEnabled));
    });
}

#[test]
fn i09_packet_too_big_comes_from_the_gateway_with_the_mtu() {
    dual_stack(|bench| {
        let big = routed(&bench.a, A6, REMOTE6).udp((1, 2), &[0; 1353]);
        let (output, reason) = bench.fate(&bench.a, &big);
        assert_eq!((output.verdict, reason), (Verdict::Redirect, Some(DropReason::TooBig)));
        assert_eq!(read_error(&output.frame, bench), (2, 0, 1400));
        assert_eq!(output.frame[62..62 + 40], big[14..54], "it quotes the packet");
        assert_eq!(bench.refused(&bench.a, &routed(&bench.a, A6, REMOTE6).udp((1, 2), &[0; 1352])), None);
        // Segments of a GSO packet are what must fit, also on the established path.
        let segment = Segment { len: 3000, ..Segment::new((1, 2), ACK, 1, 1) };
        let frame = routed(&bench.a, A6, C6).tcp(&segment);
        let gso =
            |gso_size| bench.send_with(&frame, RunInput { ifindex: bench.a.ifindex, gso_size, ..RunInput::default() });
        assert_eq!(gso(1390).frame[..6], bench.c.mac);
        assert_eq!(gso(1390).frame[..6], bench.c.mac);
        assert_eq!(read_error(&gso(1391).frame, bench), (2, 0, 1450));
    });
}

#[test]
fn h17_hop_limit_and_unreachable() {
    dual_stack(|bench| {
        let frame = routed(&bench.a, A6, C6).udp((1, 2), b"x");
        let (output, reason) = bench.fate(&bench.a, &with_hop_limit(frame, 1));
        assert_eq!(reason, Some(DropReason::TtlExceeded));
        assert_eq!(read_error(&output.frame, bench), (3, 0, 0));
        let nowhere = routed(&bench.a, A6, "2001:db8:9::1".parse().expect("an address")).udp((1, 2), b"x");
        let (output, reason) = bench.fate(&bench.a, &nowhere);
        assert_eq!(reason, Some(DropReason::NoRoute));
        assert_eq!(read_error(&output.frame, bench), (1, 3, 0));
        // No error about an error.
        let error =
            routed(&bench.a, A6, "2001:db8:9::1".parse().expect("an address")).packet(58, &[1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bench.refused(&bench.a, &error), Some(DropReason::NoRoute));
    });
}

#[test]
fn d05_ipv6_rules_icmp_and_tcp_state() {
    dual_stack(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let way = switched(a, b, A6, B6);
        let denied = Some(DropReason::PolicyIngressDenied);
        bench.set_rules(a, allow_out());
        let ping6 = ProtocolMatch::Icmpv6(IcmpMatch::Type(128));
        let net = Remote::Net("2001:db8:1::/64".parse().expect("a network"));
        bench.set_rules(b, vec![tcp_in(80, 80), rule(8, Direction::Ingress, ping6, net)]);
        let ping = |way: &Route, kind: u8| way.packet(58, &[kind, 0, 0, 0, 0, 7, 0, 0]);
        let back = switched(b, a, B6, A6);
        assert_eq!(bench.refused(b, &ping(&back, 129)), Some(DropReason::PolicyEgressDenied));
        assert_eq!(bench.refused(a, &ping(&way, 128)), None);
        assert_eq!(bench.refused(b, &ping(&back, 129)), None);
        assert_eq!(bench.refused(b, &ping(&back, 128)), Some(DropReason::PolicyEgressDenied));
        assert_eq!(bench.refused(a, &way.packet(58, &[139, 0, 0, 0, 0, 0, 0, 0])), denied);
        bench.filter_state(b, true);
        let tcp = |flags, seq, ack| Segment::new((40_000, 80), flags, seq, ack);
        assert_eq!(bench.refused(a, &way.tcp(&tcp(ACK, 1, 1))), Some(DropReason::TcpNoConnection));
        assert_eq!(bench.refused(a, &way.tcp(&tcp(SYN, 100, 0))), None);
        let syn_ack = Segment::new((80, 40_000), SYN | ACK, 500, 101);
        assert_eq!(bench.refused(b, &back.tcp(&syn_ack)), None);
        assert_eq!(bench.refused(a, &way.tcp(&tcp(ACK, 101, 501))), None);
        let flow = bench.datapath.flows().get(&FlowKey::between(SEGMENT, 6, (A6.into(), 40_000), (B6.into(), 80)));
        assert_eq!(flow.expect("read").expect("there").state, FlowState::ESTABLISHED);
        // An error about it, quoting it; and the challenge.
        let quoted = way.tcp(&tcp(ACK, 101, 501));
        let error = [&[1, 4, 0, 0, 0, 0, 0, 0], &quoted[14..14 + 48]].concat();
        assert_eq!(bench.refused(b, &back.packet(58, &error)), None);
        let (output, reason) = bench.fate(a, &way.tcp(&tcp(SYN, 9, 0)));
        assert_eq!((output.verdict, reason), (Verdict::Redirect, Some(DropReason::TcpSynInConnection)));
        let pseudo = [&output.frame[22..54], &[0, 0, 0, 20, 0, 0, 0, 6], &output.frame[54..]].concat();
        assert_eq!((output.frame.len(), checksum(&pseudo)), (74, 0));
    });
}

#[test]
fn the_gateway_answers_a_ping_to_its_link_local_address_from_one() {
    dual_stack(|bench| {
        let ping = |source: &str, to: Ipv6Addr| {
            let source: Ipv6Addr = source.parse().expect("an address");
            routed(&bench.a, source, to).packet(58, &[128, 0, 0, 0, 0, 1, 0, 1, 7, 7])
        };
        let output = bench.send(&bench.a, &ping("fe80::ff:fe00:1", GATEWAY));
        assert_eq!((output.verdict, output.frame[54]), (Verdict::Redirect, 129));
        assert_eq!((&output.frame[..6], &output.frame[22..38]), (&bench.a.mac[..], &GATEWAY.octets()[..]));
        for (source, to) in
            [("fe80::1", GATEWAY), ("2001:db8:1::77", GATEWAY), ("fe80::ff:fe00:1", "fe80::2".parse().expect("one"))]
        {
            assert_eq!(bench.refused(&bench.a, &ping(source, to)), Some(DropReason::SpoofedSrcIp), "{source}");
        }
        let other = routed(&bench.a, "fe80::ff:fe00:1".parse().expect("one"), GATEWAY).udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.a, &other), Some(DropReason::GatewayNotServed));
    });
}
