//! Floating IPs: translation both ways, with every checksum right, also in what ICMP errors quote.

mod common;

use std::net::Ipv4Addr;

use common::frames::{ACK, RST, Route, SYN, Segment, arp, with_df, with_ip_bytes};
use common::policy::{allow_out, tcp_in};
use common::public::{
    FIP_A, FIP_B, INTERNET, Public, ROUTER_MAC, Seen, UPLINK, UPLINK_MAC, echo, icmp_error, inward, outward, quoted,
    see, with_uplink,
};
use common::{GATEWAY, MTU, REMOTE_VTEP, SEGMENT, endpoint_key};
use pintle_core::DropReason;
use pintle_datapath::{
    EndpointFlags, EndpointKey, FlowKey, Location, PortFlags, PrivateAddress, Route as RouteEntry, RouteKey, RouteTo,
    Verdict,
};

fn from(way: Route, src: Ipv4Addr) -> Route {
    Route { src: src.into(), ..way }
}

/// Sends from A and says what leaves.
fn leaves(public: &Public, frame: &[u8]) -> Seen {
    let output = public.bench.send(&public.bench.a, frame);
    assert_eq!(output.verdict, Verdict::Redirect);
    see(&output.frame)
}

/// What A gets of a packet from the public network.
fn gets(public: &Public, frame: &[u8]) -> Vec<u8> {
    let before = public.bench.delivered(&public.bench.a);
    let output = public.arrive(frame);
    assert_eq!(output.verdict, Verdict::Redirect);
    assert_eq!(public.bench.delivered(&public.bench.a), before + 1);
    assert_eq!(output.frame[..6], public.bench.a.mac);
    assert_eq!(output.frame[6..12], public.bench.a.gateway_mac);
    output.frame
}

#[test]
fn c01_floating_ip_is_translated_both_ways() {
    with_uplink(|public| {
        let (bench, out) = (public.bench, outward(&public.bench.a));
        public.float(bench.a.ip, FIP_A, true);
        let back = inward(FIP_A);
        let segment = |ports, flags, seq, ack| Segment { len: 5, ..Segment::new(ports, flags, seq, ack) };
        let exchanges = [
            (out.udp((5000, 53), b"question"), back.udp((53, 5000), b"answer"), (5000, 53)),
            (out.tcp(&segment((6000, 80), SYN, 1, 0)), back.tcp(&segment((80, 6000), SYN | ACK, 7, 7)), (6000, 80)),
            (echo(&out, 8, 77), echo(&back, 0, 77), (0x0800, 77)),
            (out.packet(50, b"some ESP"), back.packet(50, b"more ESP"), (0x736f, 0x6d65)),
        ];
        // The second round goes by the flows of the first.
        for round in 0..2 {
            for (question, answer, ports) in &exchanges {
                let expected = Seen { src: FIP_A, dst: INTERNET, ports: *ports, ttl: 63 };
                assert_eq!(leaves(public, question), expected, "round {round}");
                let seen = see(&gets(public, answer));
                assert_eq!((seen.src, seen.dst, seen.ttl), (INTERNET, bench.a.ip, 63), "round {round}");
            }
        }
        assert_eq!(bench.sent(&bench.a), 8, "egress is counted with the interface (row C15)");
        assert_eq!(bench.datapath.flows().count().expect("read"), 4, "one flow for both directions");
    });
}

#[test]
fn c01_the_public_network_may_begin_and_the_policy_decides() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        bench.set_rules(&bench.a, [allow_out(), vec![tcp_in(80, 80)]].concat());
        let syn = |port| inward(FIP_A).tcp(&Segment::new((40_000, port), SYN, 1, 0));
        assert_eq!(see(&gets(public, &syn(80))).ports, (40_000, 80));
        let answer = outward(&bench.a).tcp(&Segment::new((80, 40_000), SYN | ACK, 5, 2));
        assert_eq!(leaves(public, &answer).src, FIP_A);
        assert_eq!(public.arrive(&syn(22)).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(bench.a.slot, DropReason::PolicyIngressDenied), 1);
        // A secondary address does not receive what is for the primary's floating IP, nor leave by it (row C02).
        let second = Ipv4Addr::new(10, 0, 1, 77);
        bench.datapath.endpoints().put(&endpoint_key(SEGMENT, second), &bench.a.endpoint()).expect("put");
        let unmapped = from(outward(&bench.a), second).udp((1, 2), b"x");
        assert_eq!(bench.fate(&bench.a, &unmapped).1, Some(DropReason::NoPublicAddress));
    });
}

#[test]
fn d10_nobody_in_the_public_network_speaks_as_one_of_the_vpc() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let between = Route::switched(&bench.b, &bench.a).udp((5000, 53), b"x");
        assert_eq!(bench.send(&bench.b, &between).verdict, Verdict::Redirect);
        let key = FlowKey::between(SEGMENT, 17, (bench.b.ip.into(), 5000), (bench.a.ip.into(), 53));
        let flow = || bench.datapath.flows().get(&key).expect("read").expect("there");
        let before = (bench.delivered(&bench.a), flow());
        for claimed in [bench.b.ip, bench.c.ip, GATEWAY, Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
            let frame = from(inward(FIP_A), claimed).udp((5000, 53), b"x");
            assert_eq!(public.arrive(&frame).verdict, Verdict::Drop, "{claimed}");
        }
        assert_eq!((bench.delivered(&bench.a), flow()), before, "nor is a flow of the VPC touched");
        assert!(bench.dropped(bench.a.slot, DropReason::SpoofedSrcIp) >= 4);
        // Other VPCs' addresses are nobody's here.
        gets(public, &from(inward(FIP_A), Ipv4Addr::new(172, 16, 0, 9)).udp((5000, 53), b"x"));
    });
}

#[test]
fn c01_what_a_route_table_leaves_to_the_vpc_goes_in_and_out_by_the_vpcs_own_way() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let key = RouteKey { segment: SEGMENT, table: 7, net: "0.0.0.0/0".parse().expect("a network") };
        bench.datapath.routes().put(&key, &RouteEntry::new(&key, RouteTo::Local)).expect("put");
        bench.edit_port(&bench.a, |port| port.table = 7);
        let location = Location { table: 7, addr: Some(bench.a.ip.into()), ..Location::default() };
        bench.datapath.locations().put(&bench.a.location_key(), &location).expect("put");
        assert_eq!(leaves(public, &outward(&bench.a).udp((5000, 53), b"question")).src, FIP_A);
        assert_eq!(see(&gets(public, &inward(FIP_A).udp((53, 5000), b"answer"))).dst, bench.a.ip);
        gets(public, &inward(FIP_A).udp((4000, 80), b"a question of theirs"));
    });
}

#[test]
fn c05_an_untranslated_address_passes_unchanged() {
    with_uplink(|public| {
        let bench = public.bench;
        // Several on one interface (row C04).
        for fip in [FIP_A, FIP_B] {
            public.float(bench.a.ip, fip, false);
        }
        bench.edit_port(&bench.a, |port| port.flags = port.flags.with(PortFlags::ALLOW_IP_SPOOFING));
        for fip in [FIP_A, FIP_B] {
            for _ in 0..2 {
                let seen = leaves(public, &from(outward(&bench.a), fip).udp((1, 2), b"hello"));
                assert_eq!((seen.src, seen.dst), (fip, INTERNET));
                assert_eq!(see(&gets(public, &inward(fip).udp((2, 1), b"hello"))).dst, fip);
            }
        }
        // From its private address nothing leads out, and nobody else leaves by its public one.
        let private = outward(&bench.a).udp((1, 2), b"x");
        assert_eq!(bench.fate(&bench.a, &private).1, Some(DropReason::NoPublicAddress));
        bench.edit_port(&bench.b, |port| port.flags = port.flags.with(PortFlags::ALLOW_IP_SPOOFING));
        let stolen = from(outward(&bench.b), FIP_A).udp((1, 2), b"x");
        assert_eq!(bench.fate(&bench.b, &stolen).1, Some(DropReason::NoPublicAddress));
    });
}

#[test]
fn c09_each_private_address_has_its_own() {
    with_uplink(|public| {
        let bench = public.bench;
        for number in 1..=3 {
            let (private, fip) = (Ipv4Addr::new(10, 0, 1, 60 + number), Ipv4Addr::new(203, 0, 113, 60 + number));
            bench.datapath.endpoints().put(&endpoint_key(SEGMENT, private), &bench.a.endpoint()).expect("put");
            public.float(private, fip, true);
            assert_eq!(leaves(public, &from(outward(&bench.a), private).udp((1, 2), b"x")).src, fip);
            assert_eq!(see(&gets(public, &inward(fip).udp((2, 1), b"x"))).dst, private);
        }
    });
}

#[test]
fn c13_another_floating_ip_takes_over_at_once() {
    with_uplink(|public| {
        let bench = public.bench;
        let frame = outward(&bench.a).udp((1, 2), b"x");
        public.float(bench.a.ip, FIP_A, true);
        assert_eq!(leaves(public, &frame).src, FIP_A);
        // Disassociated, and given to B.
        let key = EndpointKey { segment: SEGMENT, addr: bench.a.ip.into() };
        bench.datapath.private_addresses().delete(&key).expect("delete");
        public.float(bench.b.ip, FIP_A, true);
        assert_eq!(bench.fate(&bench.a, &frame).1, Some(DropReason::NoPublicAddress), "the old owner's flow stops");
        let before = bench.delivered(&bench.a);
        assert_eq!(public.arrive(&inward(FIP_A).udp((2, 1), b"x")).verdict, Verdict::Redirect);
        assert_eq!((bench.delivered(&bench.a), bench.delivered(&bench.b)), (before, 1));
        public.float(bench.a.ip, FIP_B, true);
        assert_eq!(leaves(public, &frame).src, FIP_B);
        bench.datapath.public_addresses().delete(&FIP_A.into()).expect("delete");
        assert_eq!(public.arrive(&inward(FIP_A).udp((2, 1), b"x")).verdict, Verdict::Next, "not ours any more");
    });
}

#[test]
fn c16_quoted_packets_are_translated_too() {
    with_uplink(|public| {
        let (bench, out) = (public.bench, outward(&public.bench.a));
        public.float(bench.a.ip, FIP_A, true);
        // Routers on the way may have any address, also one that the VPC has too.
        let routers = [Ipv4Addr::new(192, 0, 2, 254), GATEWAY, bench.b.ip];
        let sent = [
            out.udp((5000, 53), &[1; 900]),
            out.tcp(&Segment { len: 900, ..Segment::new((6000, 80), SYN, 1, 0) }),
            echo(&out, 8, 77),
        ];
        for frame in sent {
            let left = bench.send(&bench.a, &frame).frame;
            for (quote, router) in [28, 40, 2000].into_iter().zip(routers) {
                let error = icmp_error(&from(inward(FIP_A), router), 3, 4, 1300, &left[14..], quote);
                let got = gets(public, &error);
                assert_eq!((see(&got).src, see(&got).dst), (router, bench.a.ip));
                let inner = quoted(&got);
                assert_eq!((inner.src, inner.dst), (bench.a.ip, INTERNET));
                // But for TTL and header checksum it is what A has sent, as far as it is quoted.
                let (sent, seen) = (&frame[14 + 12..], &got[14 + 28 + 12..]);
                assert_eq!(seen, &sent[..seen.len()], "quoting {quote}");
            }
        }
        // And what A says of packets that it got.
        let question = inward(FIP_A).udp((4000, 9), &[2; 100]);
        let got = gets(public, &question);
        for quote in [28, 2000] {
            let output = bench.send(&bench.a, &icmp_error(&out, 3, 3, 0, &got[14..], quote));
            assert_eq!(output.verdict, Verdict::Redirect);
            assert_eq!((see(&output.frame).src, see(&output.frame).dst), (FIP_A, INTERNET));
            let inner = quoted(&output.frame);
            assert_eq!((inner.src, inner.dst, inner.ports), (INTERNET, FIP_A, (4000, 9)));
        }
        let foreign =
            icmp_error(&from(inward(FIP_A), routers[0]), 3, 4, 1300, &outward(&bench.a).udp((1, 1), b"?")[14..], 100);
        assert_eq!(public.arrive(&foreign).verdict, Verdict::Drop, "it quotes no packet from the public address");
        assert_eq!(bench.dropped(0, DropReason::IcmpUnrelated), 1);
    });
}

#[test]
fn d10_nobody_in_the_public_network_reports_on_packets_within_the_vpc() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let between = Route::switched(&bench.a, &bench.b);
        assert_eq!(bench.send(&bench.a, &between.udp((5000, 53), b"x")).verdict, Verdict::Redirect);
        assert_eq!(bench.send(&bench.a, &outward(&bench.a).udp((5000, 53), b"x")).verdict, Verdict::Redirect);
        let report = |by, about: Ipv4Addr| {
            let quoted = Route { src: FIP_A.into(), dst: about.into(), ..between }.udp((5000, 53), b"x");
            public.arrive(&icmp_error(&from(inward(FIP_A), by), 3, 4, 600, &quoted[14..], 28)).verdict
        };
        for by in [INTERNET, bench.b.ip, GATEWAY] {
            assert_eq!(report(by, bench.b.ip), Verdict::Drop, "by {by}");
            assert_eq!(report(by, INTERNET), Verdict::Redirect, "by {by}");
        }
        assert_eq!(bench.dropped(bench.a.slot, DropReason::IcmpUnrelated), 3);
    });
}

#[test]
fn c16_senders_in_the_public_network_are_told() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let expiring = with_ip_bytes(inward(FIP_A).udp((4000, 9), b"probe"), 8, &[1]);
        let large = with_df(inward(FIP_A).udp((4000, 9), &vec![3; usize::from(MTU) + 1 - 28]));
        for (frame, kind, mtu) in [(expiring, (11, 0), 0), (large, (3, 4), MTU)] {
            let output = public.arrive(&frame);
            assert_eq!(output.verdict, Verdict::Redirect);
            let seen = see(&output.frame);
            assert_eq!((seen.src, seen.dst), (FIP_A, INTERNET));
            assert_eq!((output.frame[34], output.frame[35]), kind);
            assert_eq!(output.frame[40..42], mtu.to_be_bytes());
            assert_eq!(output.frame[..12], [ROUTER_MAC, UPLINK_MAC].concat());
            let quote = &output.frame[42..];
            assert_eq!(quote, &frame[14..14 + quote.len()], "what it has sent");
        }
        let fits = with_df(inward(FIP_A).udp((4000, 9), &vec![3; usize::from(MTU) - 28]));
        gets(public, &fits);
    });
}

#[test]
fn c16_guests_are_told_of_the_way_out() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let key = EndpointKey { segment: SEGMENT, addr: bench.a.ip.into() };
        let narrow = PrivateAddress { public: FIP_A.into(), translate: true, mtu: 1400 };
        bench.datapath.private_addresses().put(&key, &narrow).expect("put");
        let large = with_df(outward(&bench.a).udp((1, 2), &[0; 1400]));
        let (output, reason) = bench.fate(&bench.a, &large);
        assert_eq!((reason, output.verdict), (Some(DropReason::TooBig), Verdict::Redirect));
        assert_eq!((see(&output.frame).src, output.frame[40..42].to_vec()), (GATEWAY, 1400_u16.to_be_bytes().to_vec()));
        let expiring = with_ip_bytes(outward(&bench.a).udp((1, 2), b"x"), 8, &[1]);
        assert_eq!(bench.fate(&bench.a, &expiring).1, Some(DropReason::TtlExceeded));
    });
}

#[test]
fn fragments_follow_their_first_through_a_floating_ip() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        let whole = outward(&bench.a).udp((5000, 53), &[9; 64]);
        let cut = |frame: &[u8], first: bool| {
            let body = if first { &frame[34..34 + 40] } else { &frame[34 + 40..] };
            let field = if first { [0x20, 0] } else { [0, 5] };
            let mut part = frame[..34].to_vec();
            part.extend(body);
            let total = (part.len() as u16 - 14).to_be_bytes();
            with_ip_bytes(with_ip_bytes(with_ip_bytes(part, 2, &total), 4, &[0, 99]), 6, &field)
        };
        let parts = [cut(&whole, true), cut(&whole, false)].map(|part| bench.send(&bench.a, &part));
        assert!(parts.iter().all(|part| part.verdict == Verdict::Redirect && see(&part.frame).src == FIP_A));
        // Put together again it is right.
        let mut body = parts[0].frame[34..].to_vec();
        body.extend(&parts[1].frame[34..]);
        let joined = Route { src: FIP_A.into(), ..outward(&bench.a) }.packet(17, &body);
        assert_eq!(see(&joined).ports, (5000, 53));
        let back = inward(FIP_A).udp((53, 5000), &[8; 64]);
        for first in [true, false] {
            assert_eq!(see(&gets(public, &cut(&back, first))).dst, bench.a.ip);
        }
    });
}

#[test]
fn a_packet_to_a_floating_ip_of_the_same_host_turns_round() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        public.float(bench.b.ip, FIP_B, true);
        for target in [FIP_B, FIP_A] {
            let way = Route { dst: target.into(), ..outward(&bench.a) };
            let out = bench.send(&bench.a, &way.udp((700, 800), b"hello"));
            assert_eq!(out.verdict, Verdict::Redirect);
            let back = public.arrive(&out.frame);
            assert_eq!(back.verdict, Verdict::Redirect);
            let owner = if target == FIP_B { bench.b } else { bench.a };
            let seen = see(&back.frame);
            assert_eq!((seen.src, seen.dst, seen.ports), (FIP_A, owner.ip, (700, 800)));
            assert_eq!(bench.delivered(&owner), 1);
        }
    });
}

#[test]
fn arp_for_public_addresses_is_answered_on_the_uplink() {
    with_uplink(|public| {
        public.float(public.bench.a.ip, FIP_A, true);
        let asker = (ROUTER_MAC, Ipv4Addr::new(203, 0, 113, 254));
        let output = public.arrive(&arp(ROUTER_MAC, 1, asker, FIP_A));
        assert_eq!(output.verdict, Verdict::Redirect);
        let mut expected = arp(UPLINK_MAC, 2, (UPLINK_MAC, FIP_A), asker.1);
        expected[..6].copy_from_slice(&ROUTER_MAC);
        expected[32..38].copy_from_slice(&ROUTER_MAC);
        assert_eq!(output.frame, expected);
        for passes in [
            arp(ROUTER_MAC, 1, asker, FIP_B),
            arp(ROUTER_MAC, 2, asker, FIP_A),
            arp(ROUTER_MAC, 1, (ROUTER_MAC, FIP_A), FIP_A),
        ] {
            let output = public.arrive(&passes);
            assert_eq!((output.verdict, output.frame), (Verdict::Next, passes));
        }
    });
}

#[test]
fn what_is_the_hosts_own_passes_untouched() {
    with_uplink(|public| {
        public.float(public.bench.a.ip, FIP_A, true);
        let vlan = [&inward(FIP_A).udp((1, 2), b"x")[..12], &[0x81, 0, 0, 7, 8, 0], &[0; 40]].concat();
        let short = [&inward(FIP_A).udp((1, 2), b"x")[..12], &[0x88, 0xcc, 1, 2]].concat();
        let private = inward(public.bench.a.ip).udp((1, 2), b"x");
        let six = inward(FIP_A).v6("2001:db8::1".parse().expect("one"), "2001:db8::2".parse().expect("one"));
        for frame in [vlan, short, private, inward(FIP_B).udp((1, 2), b"x"), six.udp((1, 2), b"x")] {
            let output = public.arrive(&frame);
            assert_eq!((output.verdict, output.frame), (Verdict::Next, frame));
        }
        assert_eq!(UPLINK.mac, UPLINK_MAC);
    });
}

#[test]
fn c14_what_reaches_the_old_host_of_a_move_is_sent_on() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        bench.edit_endpoint(bench.a.key(), |endpoint| {
            endpoint.ifindex = None;
            endpoint.vtep = Some(REMOTE_VTEP);
            endpoint.flags = EndpointFlags::MOVED;
        });
        let output = public.arrive(&inward(FIP_A).udp((4000, 9), b"late"));
        assert_eq!(output.verdict, Verdict::Redirect);
        let seen = see(&output.frame);
        assert_eq!((seen.src, seen.dst, seen.ttl), (INTERNET, bench.a.ip, 63));
        assert_eq!(output.frame[..6], [0x02, 0x50, 0x4e, 0x54, 0x4c, 3], "FORWARDED_ROUTED");
        bench.edit_endpoint(bench.a.key(), |endpoint| endpoint.flags = EndpointFlags::NONE);
        assert_eq!(public.arrive(&inward(FIP_A).udp((4000, 9), b"late")).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(0, DropReason::NotHere), 1);
    });
}

#[test]
fn a_reset_of_a_flow_gets_through() {
    with_uplink(|public| {
        let bench = public.bench;
        public.float(bench.a.ip, FIP_A, true);
        bench.filter_state(&bench.a, true);
        let syn = outward(&bench.a).tcp(&Segment::new((6000, 81), SYN, 100, 0));
        assert_eq!(leaves(public, &syn).src, FIP_A);
        let forged = inward(FIP_A).tcp(&Segment::new((81, 6000), RST | ACK, 0, 555));
        assert_eq!(public.arrive(&forged).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(bench.a.slot, DropReason::TcpBadRst), 1);
        gets(public, &inward(FIP_A).tcp(&Segment::new((81, 6000), RST | ACK, 0, 101)));
    });
}
