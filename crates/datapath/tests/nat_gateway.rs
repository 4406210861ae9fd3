//! Public gateways: source translation with ports for interfaces that have no floating IP.

mod common;

use std::collections::BTreeSet;

use common::frames::{ACK, FIN, RST, Route, SYN, Segment, with_ip_bytes};
use common::public::{
    FIP_A, GATEWAY_IP, INTERNET, Public, Seen, echo, icmp_error, inward, outward, quoted, see, with_uplink,
};
use common::{Guest, REMOTE_VTEP, SMALL};
use pintle_core::DropReason;
use pintle_datapath::{IfaceFlags, Verdict};

fn leaves(public: &Public, guest: &Guest, frame: &[u8]) -> Seen {
    let output = public.bench.send(guest, frame);
    assert_eq!(output.verdict, Verdict::Redirect);
    let seen = see(&output.frame);
    assert_eq!((seen.src, seen.ttl), (GATEWAY_IP, 63));
    seen
}

fn gets(public: &Public, guest: &Guest, frame: &[u8]) -> Vec<u8> {
    let before = public.bench.delivered(guest);
    let output = public.arrive(frame);
    assert_eq!(output.verdict, Verdict::Redirect);
    assert_eq!(public.bench.delivered(guest), before + 1);
    assert_eq!(output.frame[..12], [guest.mac, guest.gateway_mac].concat());
    output.frame
}

#[test]
fn c15_guests_share_the_gateways_address() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        let back = inward(GATEWAY_IP);
        for round in 0..2 {
            let mut seen_ports = BTreeSet::new();
            for guest in [bench.a, bench.b, bench.c] {
                let out = outward(&guest);
                let (port, remote) = leaves(public, &guest, &out.udp((5000, 53), b"question")).ports;
                assert!(port >= 1024 && remote == 53 && seen_ports.insert(port), "round {round}: {port}");
                let seen = see(&gets(public, &guest, &back.udp((53, port), b"answer")));
                assert_eq!((seen.src, seen.dst, seen.ports), (INTERNET, guest.ip, (53, 5000)));

                let syn = Segment { len: 3, ..Segment::new((6000, 80), SYN, 1, 0) };
                let (port, _) = leaves(public, &guest, &out.tcp(&syn)).ports;
                let answer = Segment { len: 3, ..Segment::new((80, port), SYN | ACK, 9, 5) };
                assert_eq!(see(&gets(public, &guest, &back.tcp(&answer))).ports, (80, 6000));

                let (_, id) = leaves(public, &guest, &echo(&out, 8, 7)).ports;
                assert_eq!(see(&gets(public, &guest, &echo(&back, 0, id))).ports, (0, 7));
            }
        }
        assert_eq!(bench.datapath.gateway_ports_in_use().expect("read"), 9, "the second round made none");
        assert_eq!((bench.sent(&bench.a), bench.sent(&bench.b)), (6, 6), "counted with each interface");
    });
}

#[test]
fn c15_nothing_gets_in_uninvited() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        let back = inward(GATEWAY_IP);
        let (port, _) = leaves(public, &bench.a, &outward(&bench.a).udp((5000, 53), b"x")).ports;
        let stranger = Route { src: [198, 51, 100, 8].into(), ..back };
        let uninvited = [
            back.udp((53, port ^ 1), b"x"),
            back.udp((54, port), b"x"),
            stranger.udp((53, port), b"x"),
            echo(&back, 8, 1),
        ];
        for frame in &uninvited {
            assert_eq!(public.arrive(frame).verdict, Verdict::Drop);
        }
        assert_eq!(bench.dropped(0, DropReason::UnknownPublicAddress), 4);
        let esp = outward(&bench.a).packet(50, b"12345678");
        assert_eq!(bench.fate(&bench.a, &esp).1, Some(DropReason::NatNotPossible));
        // The other VPC has no way out.
        let other = outward(&bench.d).udp((1, 2), b"x");
        assert_eq!(bench.fate(&bench.d, &other).1, Some(DropReason::NoRoute));
    });
}

#[test]
fn c16_quoted_ports_are_translated_too() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        let (back, out) = (inward(GATEWAY_IP), outward(&bench.a));
        let sent = [
            out.udp((5000, 53), &[1; 90]),
            out.tcp(&Segment { len: 90, ..Segment::new((6000, 80), SYN, 1, 0) }),
            echo(&out, 8, 77),
        ];
        for frame in sent {
            let left = bench.send(&bench.a, &frame).frame;
            for quote in [28, 2000] {
                let got = gets(public, &bench.a, &icmp_error(&back, 11, 0, 0, &left[14..], quote));
                assert_eq!((see(&got).dst, quoted(&got).src), (bench.a.ip, bench.a.ip));
                let (sent, seen) = (&frame[14 + 12..], &got[14 + 28 + 12..]);
                assert_eq!(seen, &sent[..seen.len()], "quoting {quote}");
            }
        }
        // And what A says of an answer that it did not want.
        let (port, _) = leaves(public, &bench.a, &out.udp((5000, 53), b"x")).ports;
        let got = gets(public, &bench.a, &back.udp((53, port), b"answer"));
        let output = bench.send(&bench.a, &icmp_error(&out, 3, 3, 0, &got[14..], 2000));
        let inner = quoted(&output.frame);
        assert_eq!((see(&output.frame).src, inner.dst, inner.ports), (GATEWAY_IP, GATEWAY_IP, (53, port)));
        let dead = icmp_error(&back, 11, 0, 0, &outward(&bench.a).udp((1, 1), b"?")[14..], 100);
        assert_eq!(public.arrive(&dead).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(0, DropReason::IcmpUnrelated), 1);
    });
}

#[test]
fn c17_no_port_is_left_and_live_flows_go_on() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        bench.edit_iface(&bench.a, |iface| iface.quota = 10_000);
        let question = |sport: u32| outward(&bench.a).udp((sport as u16, 53), b"x");
        let first = leaves(public, &bench.a, &question(1)).ports.0;
        for sport in 2..=SMALL.max_flows {
            leaves(public, &bench.a, &question(sport));
        }
        let in_use = || bench.datapath.gateway_ports_in_use().expect("read");
        assert_eq!(in_use(), u64::from(SMALL.max_flows));
        for _ in 0..3 {
            let one_more = question(SMALL.max_flows + 1);
            assert_eq!(bench.fate(&bench.a, &one_more).1, Some(DropReason::NatPortsExhausted));
        }
        assert_eq!(leaves(public, &bench.a, &question(1)).ports.0, first, "it has kept its port");
        gets(public, &bench.a, &inward(GATEWAY_IP).udp((53, first), b"answer"));
        assert_eq!(leaves(public, &bench.a, &question(1)).ports.0, first);
        assert_eq!(in_use(), u64::from(SMALL.max_flows));

        // The one that is a stream lives longer than the others.
        bench.wait(31);
        bench.datapath.sweep().expect("swept");
        assert_eq!((in_use(), bench.datapath.flows().count().expect("read")), (1, 1));
        assert_eq!(leaves(public, &bench.a, &question(1)).ports.0, first);
        leaves(public, &bench.a, &question(SMALL.max_flows + 1));
    });
}

#[test]
fn q13_a_connection_that_is_over_keeps_its_port_and_its_place_in_the_quota() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        bench.edit_iface(&bench.a, |iface| iface.quota = 3);
        let send = |port, flags, seq| outward(&bench.a).tcp(&Segment::new((port, 80), flags, seq, 0));
        for port in 1..=3 {
            leaves(public, &bench.a, &send(port, SYN, 1000));
            leaves(public, &bench.a, &send(port, RST, 1001));
        }
        let usage = bench.datapath.flows().usage(bench.a.slot).expect("read");
        assert_eq!((usage.opened, usage.over), (3, 0));
        assert_eq!(bench.fate(&bench.a, &send(4, SYN, 1000)).1, Some(DropReason::FlowQuota));
        bench.wait(2);
        assert_eq!(bench.datapath.sweep().expect("swept").deleted, 0);
        assert_eq!(bench.datapath.gateway_ports_in_use().expect("read"), 3);
        bench.wait(9);
        assert_eq!(bench.datapath.sweep().expect("swept").deleted, 3);
        leaves(public, &bench.a, &send(4, SYN, 1000));
    });
}

#[test]
fn a_flow_that_is_refused_keeps_no_port() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        bench.set_rules(&bench.a, Vec::new());
        let frame = outward(&bench.a).udp((5000, 53), b"x");
        assert_eq!(bench.fate(&bench.a, &frame).1, Some(DropReason::PolicyEgressDenied));
        assert_eq!(bench.datapath.gateway_ports_in_use().expect("read"), 0);
        // A flow that begins anew where an expired one was, not yet swept, is answered.
        let again = outward(&bench.b).udp((5000, 53), b"x");
        leaves(public, &bench.b, &again);
        bench.wait(31);
        let (port, _) = leaves(public, &bench.b, &again).ports;
        gets(public, &bench.b, &inward(GATEWAY_IP).udp((53, port), b"answer"));
        bench.datapath.sweep().expect("swept");
        assert_eq!(bench.datapath.gateway_ports_in_use().expect("read"), 1);
    });
}

#[test]
fn c17_a_refused_successor_of_a_connection_that_is_over_keeps_no_port() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        bench.edit_iface(&bench.a, |iface| iface.flags = iface.flags.with(IfaceFlags::STATE_FILTERING));
        let segment = |flags, seq| outward(&bench.a).tcp(&Segment::new((6000, 80), flags, seq, 0));
        let (port, _) = leaves(public, &bench.a, &segment(SYN, 1)).ports;
        leaves(public, &bench.a, &segment(RST, 2));
        let in_use = || bench.datapath.gateway_ports_in_use().expect("read");
        assert_eq!(in_use(), 1);
        for seq in 0..20 {
            assert_eq!(bench.fate(&bench.a, &segment(SYN | FIN, seq)).1, Some(DropReason::TcpBadFlags));
        }
        assert_eq!(in_use(), 1, "only that of the connection that is remembered");
        assert_ne!(port, 0);
        leaves(public, &bench.a, &segment(SYN, 9));
        assert_eq!(in_use(), 1, "its successor's");
        // Nor does what can't leave take one.
        let without =
            pintle_datapath::HostSettings { uplink_ifindex: None, ..bench.datapath.host_settings().expect("read") };
        bench.datapath.set_host_settings(&without).expect("set");
        let lost = outward(&bench.a).udp((5000, 53), b"x");
        assert_eq!(bench.fate(&bench.a, &lost).1, Some(DropReason::NoUplink));
        assert_eq!(in_use(), 1);
    });
}

#[test]
fn fragments_follow_their_first_through_the_gateway() {
    with_uplink(|public| {
        let bench = public.bench;
        public.gateway();
        let cut = |frame: &[u8], first: bool| {
            let (body, field) = if first { (34..74, [0x20, 0]) } else { (74..frame.len(), [0, 5]) };
            let part = [&frame[..34], &frame[body]].concat();
            let total = (part.len() as u16 - 14).to_be_bytes();
            with_ip_bytes(with_ip_bytes(with_ip_bytes(part, 2, &total), 4, &[0, 99]), 6, &field)
        };
        let whole = outward(&bench.a).udp((5000, 53), &[9; 64]);
        let port = leaves(public, &bench.a, &cut(&whole, true)).ports.0;
        leaves(public, &bench.a, &cut(&whole, false));
        let back = inward(GATEWAY_IP).udp((53, port), &[8; 64]);
        let parts = [true, false].map(|first| gets(public, &bench.a, &cut(&back, first)));
        let body = [&parts[0][34..], &parts[1][34..]].concat();
        let joined = Route { src: INTERNET.into(), dst: bench.a.ip.into(), ..outward(&bench.a) }.packet(17, &body);
        assert_eq!(see(&joined).ports, (53, 5000), "put together again it is right");
        let lost = with_ip_bytes(cut(&back, false), 4, &[0, 98]);
        assert_eq!(public.arrive(&lost).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(0, DropReason::FragmentUnknown), 1);
    });
}

#[test]
fn another_hosts_gateway_gets_it_as_it_is() {
    with_uplink(|public| {
        let bench = public.bench;
        public.route(Some(REMOTE_VTEP), Some(GATEWAY_IP));
        for _ in 0..2 {
            let output = bench.send(&bench.a, &outward(&bench.a).udp((5000, 53), b"x"));
            assert_eq!(output.verdict, Verdict::Redirect);
            let seen = see(&output.frame);
            assert_eq!((seen.src, seen.ports, seen.ttl), (bench.a.ip, (5000, 53), 63));
            assert_eq!(output.frame[..6], [0x02, 0x50, 0x4e, 0x54, 0x4c, 4], "PUBLIC");
        }
        assert_eq!(bench.datapath.gateway_ports_in_use().expect("read"), 0);
    });
}

#[test]
fn c15_an_interface_that_the_gateway_is_not_for_does_not_go_out_by_it() {
    with_uplink(|public| {
        public.gateway();
        let bench = public.bench;
        leaves(public, &bench.a, &outward(&bench.a).udp((4000, 53), b"x"));
        let flag = IfaceFlags::PUBLIC_GATEWAY;
        bench.edit_iface(&bench.a, |iface| iface.flags = iface.flags.without(flag));
        for port in [4000, 4001] {
            let (output, reason) = bench.fate(&bench.a, &outward(&bench.a).udp((port, 53), b"x"));
            assert_eq!(reason, Some(DropReason::NoPublicAddress), "a live flow, and a new one");
            assert_eq!(output.verdict, Verdict::Redirect, "the guest is told");
        }
        // A floating IP does not ask for it.
        public.float(bench.a.ip, FIP_A, true);
        let output = bench.send(&bench.a, &outward(&bench.a).udp((4002, 53), b"x"));
        assert_eq!(see(&output.frame).src, FIP_A);
    });
}
