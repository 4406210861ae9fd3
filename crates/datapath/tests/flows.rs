//! The flow table: what is remembered, for how long, on whose account; and that what changes is seen at the next packet.

mod common;

use common::frames::{ACK, FIN, RST, Route, SYN, Segment, Udp, echo};
use common::policy::{allow_all, allow_out, rule};
use common::{Bench, GATEWAY_MAC_2, REMOTE, REMOTE_MAC, SEGMENT, endpoint_key};
use pintle_core::DropReason;
use pintle_core::policy::{Direction, IcmpMatch, ProtocolMatch, Remote};
use pintle_datapath::{FlowKey, FlowState, Verdict, cell_of_endpoint, ticks};

fn udp_between(bench: &Bench, ports: (u16, u16)) -> (Vec<u8>, Vec<u8>) {
    let (a, b) = (&bench.a, &bench.b);
    (Route::switched(a, b).udp(ports, b"?"), Route::switched(b, a).udp((ports.1, ports.0), b"!"))
}

#[test]
fn e18_flows_are_remembered_as_long_as_their_kind() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.set_rules(b, allow_all());
        bench.set_rules(a, allow_out());
        let (there, back) = udp_between(bench, (5000, 53));
        let denied = Some(DropReason::PolicyIngressDenied);
        // One way: 30 s.
        assert_eq!(bench.refused(a, &there), None);
        bench.wait(29);
        assert_eq!(bench.refused(b, &back), None, "one answer: still 30 s");
        bench.wait(29);
        assert_eq!(bench.refused(a, &there), None, "a second question: 180 s");
        bench.wait(179);
        assert_eq!(bench.refused(b, &back), None);
        bench.wait(181);
        assert_eq!(bench.refused(b, &back), denied, "expired is as good as none, swept or not");
        assert_eq!(bench.flows().len(), 1);
        assert_eq!(bench.refused(a, &there), None);
        bench.wait(31);
        assert_eq!(bench.refused(b, &back), denied);
        // ICMP 30 s, others 600 s.
        let ping_back = Route::switched(b, a).packet(1, &[0, 0, 0, 0, 0, 7, 0, 9]);
        assert_eq!(bench.refused(a, &echo(a, b.mac, b.ip)), None);
        bench.wait(31);
        assert_eq!(bench.refused(b, &ping_back), denied);
        let (gre, gre_back) = (Route::switched(a, b).packet(47, &[0; 8]), Route::switched(b, a).packet(47, &[0; 8]));
        assert_eq!(bench.refused(a, &gre), None);
        bench.wait(599);
        assert_eq!(bench.refused(b, &gre_back), None);
        bench.wait(601);
        assert_eq!(bench.refused(b, &gre_back), denied);
        // The interface that opened the flow decides; also about flows that exist.
        assert_eq!(bench.refused(a, &there), None);
        bench.edit_iface(a, |iface| iface.udp = ticks(60));
        bench.wait(59);
        assert_eq!(bench.refused(b, &back), None);
    });
}

#[test]
fn q13_quota_keeps_one_interface_from_filling_the_table() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        bench.edit_iface(a, |iface| iface.quota = 10);
        let open = |port| bench.refused(a, &udp_between(bench, (port, 53)).0);
        for port in 0..10 {
            assert_eq!(open(port), None);
        }
        assert_eq!(open(10), Some(DropReason::FlowQuota));
        assert_eq!(open(3), None, "established flows go on");
        let usage = |slot| bench.datapath.flows().usage(slot).expect("read");
        assert_eq!((usage(a.slot).opened, usage(b.slot).accepted), (10, 10));
        // Others may open twice as many to it; and they are not affected.
        let to_a = |port| bench.refused(c, &Route::routed(c, a.ip).udp((port, 53), b"?"));
        for port in 0..20 {
            assert_eq!(to_a(port), None);
        }
        assert_eq!(to_a(20), Some(DropReason::FlowQuota));
        assert_eq!(bench.refused(c, &Route::routed(c, b.ip).udp((20, 53), b"?")), None);
        // What expires makes room once it is swept.
        bench.wait(31);
        let sweep = bench.datapath.sweep().expect("it runs");
        assert_eq!((sweep.visited, sweep.deleted), (31, 31));
        assert_eq!((usage(a.slot).opened, usage(a.slot).accepted, usage(b.slot).accepted), (0, 0, 0));
        assert_eq!(open(10), None);
    });
}

#[test]
fn q13_connections_that_are_over_are_in_nobodys_quota() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.filter_state(a, true);
        bench.edit_iface(a, |iface| iface.quota = 4);
        let usage = |slot| {
            let usage = bench.datapath.flows().usage(slot).expect("read");
            (usage.opened, usage.accepted, usage.over)
        };
        let from_a = |port, flags, seq, ack| {
            bench.refused(a, &Route::switched(a, b).tcp(&Segment::new((port, 80), flags, seq, ack)))
        };
        let from_b = |port, flags, seq, ack| {
            bench.refused(b, &Route::switched(b, a).tcp(&Segment::new((80, port), flags, seq, ack)))
        };
        for port in 1..=6 {
            assert_eq!(from_a(port, SYN, 1000, 0), None, "{port}");
            assert_eq!(from_b(port, SYN | ACK, 5000, 1001), None);
            assert_eq!(from_a(port, ACK, 1001, 5001), None);
            assert_eq!(from_b(port, FIN | ACK, 5001, 1001), None);
            assert_eq!(from_a(port, FIN | ACK, 1001, 5002), None);
            assert_eq!(from_b(port, ACK, 5002, 1002), None);
            let (over, left) = (u32::from(port.min(4)), u32::from(port.saturating_sub(4)));
            assert_eq!((usage(a.slot), usage(b.slot)), ((left, 0, over), (0, left, over)), "those that find room");
        }
        // An interface that has many of them soon has fewer, but not at once.
        assert_eq!(bench.datapath.sweep().expect("it runs").deleted, 0);
        assert_eq!(from_b(6, ACK, 5002, 1002), None, "a late segment");
        bench.wait(2);
        assert_eq!(from_b(1, ACK, 5002, 1002), None, "and another, which keeps nothing");
        let deleted = bench.datapath.sweep().expect("it runs").deleted;
        let (opened, _, over) = usage(a.slot);
        assert_eq!(deleted + opened + over, 6);
        assert!((2..=4).contains(&over) && opened == 0, "{opened} {over}: what is left finds room");
        let is_over = |flow: &&pintle_datapath::Flow| flow.flags.contains(pintle_datapath::FlowFlags::OVER);
        let one_over = || {
            let flows = bench.flows();
            let ends = flows.iter().find(is_over).expect("one").key.ends;
            ends.iter().map(|end| end.1).find(|port| *port != 80).expect("its own")
        };
        // What is opened anew with the same ends is not over any more.
        assert_eq!(from_a(one_over(), SYN, 90_000, 0), None);
        assert_eq!((usage(a.slot), usage(b.slot)), ((1, 0, over - 1), (0, 1, over - 1)));
        // An interface that goes to another host takes its side of them along.
        let vtep = [192, 0, 2, 9].into();
        bench.edit_endpoint(b.key(), |endpoint| (endpoint.ifindex, endpoint.vtep) = (None, Some(vtep)));
        assert_eq!(from_a(one_over(), ACK, 1002, 5002), None);
        assert_eq!((usage(a.slot), usage(b.slot)), ((1, 0, over - 1), (0, 1, over - 2)));
        bench.wait(61);
        bench.datapath.sweep().expect("it runs");
        assert_eq!((usage(a.slot), usage(b.slot)), ((0, 0, 0), (0, 0, 0)));
    });
}

#[test]
fn q13_connections_that_are_over_make_room_when_the_table_is_nearly_full() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        for guest in [a, b] {
            bench.edit_iface(guest, |iface| iface.quota = 100_000);
        }
        let send =
            |port, flags, seq| bench.refused(a, &Route::switched(a, b).tcp(&Segment::new((port, 80), flags, seq, 0)));
        let over = |ports: std::ops::RangeInclusive<u16>| {
            for port in ports {
                assert_eq!((send(port, SYN, 1000), send(port, RST, 1001)), (None, None));
            }
        };
        assert_eq!(send(60_000, SYN, 1000), None);
        over(1..=1_500);
        bench.wait(2);
        assert_eq!(bench.datapath.sweep().expect("it runs").deleted, 0, "of 2,048 places there are enough");
        over(1_501..=1_600);
        assert_eq!(bench.datapath.sweep().expect("it runs").deleted, 1_500, "but for those of this second");
        let flows = bench.flows();
        assert!(flows.iter().any(|flow| flow.state == FlowState::OPENING), "what is not over stays");
        assert_eq!(flows.len(), 101);
    });
}

#[test]
fn q13_a_full_table_says_so_and_evicts_nothing() {
    Bench::run(|bench| {
        let (a, c) = (&bench.a, &bench.c);
        bench.edit_iface(a, |iface| iface.quota = 1_000_000);
        bench.edit_iface(c, |iface| iface.quota = 1_000_000);
        let send = |n: u16| bench.refused(a, &Route::routed(a, c.ip).udp((n, 53), b"?"));
        let full = (0..10_000).find(|n| send(*n).is_some()).expect("the table has an end");
        assert_eq!(send(full), Some(DropReason::FlowTableFull));
        assert!((2000..=2048).contains(&full), "{full}");
        assert!((0..full).all(|n| send(n).is_none()), "every established flow is still there");
        let usage = bench.datapath.flows().usage(a.slot).expect("read");
        assert_eq!(usage.opened, u32::from(full), "what found no room is not counted");
    });
}

#[test]
fn a_flow_follows_its_endpoint_at_the_next_packet() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let (there, _) = udp_between(bench, (1, 2));
        assert_eq!(bench.refused(a, &there), None);
        // B moves to another host, then nowhere, and comes back.
        let vtep = [192, 0, 2, 9].into();
        bench.edit_endpoint(b.key(), |endpoint| (endpoint.ifindex, endpoint.vtep) = (None, Some(vtep)));
        assert_eq!(bench.refused(a, &there), None);
        assert_eq!(bench.delivered(b), 1, "it went to the other host");
        let key = FlowKey::between(SEGMENT, 17, (a.ip.into(), 1), (b.ip.into(), 2));
        let slots = || bench.datapath.flows().get(&key).expect("read").expect("there").sides.map(|side| side.slot);
        assert_eq!(slots(), [a.slot, 0]);
        assert_eq!(bench.datapath.flows().usage(b.slot).expect("read").accepted, 0);
        assert!(bench.datapath.endpoints().delete(&b.key()).expect("delete"));
        bench.datapath.epochs().raise(cell_of_endpoint(SEGMENT, b.ip.into()));
        assert_eq!(bench.refused(a, &there), Some(DropReason::NoRoute));
        bench.edit_endpoint(b.key(), |endpoint| *endpoint = b.endpoint());
        assert_eq!(bench.refused(a, &there), None);
        assert_eq!((bench.delivered(b), slots()), (2, [a.slot, b.slot]));
        // Its gate is asked again where it was not asked before.
        bench.edit_endpoint(b.key(), |endpoint| (endpoint.ifindex, endpoint.vtep) = (None, Some(vtep)));
        assert_eq!(bench.refused(a, &there), None);
        bench.set_rules(b, allow_out());
        bench.edit_endpoint(b.key(), |endpoint| *endpoint = b.endpoint());
        assert_eq!(bench.refused(a, &there), Some(DropReason::PolicyIngressDenied));
    });
}

#[test]
fn d07_what_was_judged_since_are_the_interfaces_that_were_asked_not_those_that_are_there_now() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        let cases = [(c, 5000, None), (a, 5001, Some(DropReason::PolicyIngressDenied))];
        for (judged, port, fate) in cases {
            bench.edit_endpoint(a.key(), |endpoint| *endpoint = a.endpoint());
            bench.set_rules(b, allow_all());
            assert_eq!(bench.refused(a, &udp_between(bench, (port, 53)).0), None);
            bench.set_rules(b, allow_out());
            bench.edit_iface(judged, |iface| iface.judged += 1);
            bench.edit_endpoint(a.key(), |endpoint| *endpoint = c.endpoint());
            let back = Route { dst_mac: c.mac, ..Route::switched(b, a) }.udp((53, port), b"!");
            assert_eq!(bench.refused(b, &back), fate);
            assert_eq!(bench.delivered(c), 1, "the first one's reply only");
        }
        assert_eq!(bench.flows().len(), 1, "the other one has ended");
    });
}

#[test]
fn gates_are_asked_about_an_icmp_answer_that_opened_a_flow_and_not_about_its_query() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let message = |from, to, kind, id| Route::switched(from, to).packet(1, &[kind, 0, 0, 0, 0, id, 0, 9]);
        let permit = |kind| {
            let icmp = ProtocolMatch::Icmp(IcmpMatch::Type(kind));
            bench.set_rules(a, vec![rule(9, Direction::Egress, icmp, Remote::Any)]);
        };
        for (query, answer) in [(8, 0), (13, 14), (17, 18)] {
            permit(answer);
            // Nobody has asked, and nobody filters by state.
            assert_eq!(bench.refused(a, &message(a, b, answer, query)), None);
            for from_opener in [false, true] {
                let next = if from_opener { message(a, b, answer, query) } else { message(b, a, query, query) };
                bench.edit_iface(a, |iface| iface.judged += 1);
                assert_eq!(bench.refused(if from_opener { a } else { b }, &next), None);
            }
            permit(query);
            bench.edit_iface(a, |iface| iface.judged += 1);
            let denied = Some(DropReason::PolicyEgressDenied);
            assert_eq!(bench.refused(b, &message(b, a, query, query)), denied);
        }
    });
}

#[test]
fn a_refused_packet_changes_nothing_of_its_flow() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.filter_state(b, true);
        let there = |flags, seq, ack| Route::switched(a, b).tcp(&Segment::new((1000, 80), flags, seq, ack));
        let back = Route::switched(b, a).tcp(&Segment::new((80, 1000), SYN | ACK, 500, 101));
        assert_eq!(bench.refused(a, &there(SYN, 100, 0)), None);
        assert_eq!(bench.refused(b, &back), None);
        let go_on = there(ACK, 101, 501);
        assert_eq!(bench.refused(a, &go_on), None);
        let rules = || bench.flows().first().map(|flow| (flow.rule_egress, flow.rule_ingress)).expect("there");
        let before = rules();
        // A's gate is asked again, and permits by another rule what the connection's state refuses.
        bench.set_rules(a, vec![rule(9, Direction::Egress, ProtocolMatch::Any, Remote::Any)]);
        bench.edit_iface(a, |iface| iface.judged += 1);
        assert_eq!(bench.refused(a, &there(ACK, 0x4000_0000, 501)), Some(DropReason::TcpOutOfWindow));
        assert_eq!(rules(), before);
        assert_eq!(bench.refused(a, &go_on), None);
        assert_ne!(rules(), before);
    });
}

#[test]
fn a_flow_is_no_way_around_antispoofing_or_the_gateway() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        let routed = Udp::routed(a, c.ip);
        for _ in 0..2 {
            assert_eq!(bench.refused(a, &routed.bytes()), None);
        }
        assert_eq!(bench.refused(b, &Udp { src_mac: b.mac, ..routed }.bytes()), Some(DropReason::SpoofedSrcIp));
        assert_eq!(bench.refused(a, &Udp { src_mac: b.mac, ..routed }.bytes()), Some(DropReason::SpoofedSrcMac));
        assert_eq!(bench.refused(a, &Udp { dst_mac: c.mac, ..routed }.bytes()), Some(DropReason::WrongDstMac));
        let (_, reason) = bench.fate(a, &Udp { ttl: 1, ..routed }.bytes());
        assert_eq!(reason, Some(DropReason::TtlExceeded));
        assert_eq!(bench.refused(a, &Udp { payload: 1430, ..routed }.bytes()), Some(DropReason::TooBig));
        let output = bench.send(a, &routed.bytes());
        let after = Udp { src_mac: GATEWAY_MAC_2, dst_mac: c.mac, ttl: 63, ..routed };
        assert_eq!((output.verdict, output.frame), (Verdict::Redirect, after.bytes()), "the established path rewrites");
        let remote = Udp { dst_mac: REMOTE_MAC, ..Udp::routed(a, REMOTE) };
        for _ in 0..2 {
            assert_eq!(bench.send(a, &remote.bytes()).frame, remote.bytes());
        }
    });
}

#[test]
fn k01_flows_count_packets_and_bytes_of_both_ends() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let (there, back) = udp_between(bench, (1, 2));
        for _ in 0..3 {
            assert_eq!(bench.refused(a, &there), None);
        }
        assert_eq!(bench.refused(b, &back), None);
        let flows = bench.flows();
        let [flow] = flows.as_slice() else { panic!("{flows:?}") };
        assert_eq!(flow.key, FlowKey::between(SEGMENT, 17, (a.ip.into(), 1), (b.ip.into(), 2)));
        let side = |n: usize| (flow.sides[n].packets, flow.sides[n].bytes, flow.sides[n].slot);
        assert_eq!((side(0), side(1)), ((3, 3 * 43, a.slot), (1, 43, b.slot)));
        assert_eq!((flow.opener(), flow.state), (0, FlowState::ANSWERED));
    });
}

#[test]
fn sweep_forgets_an_interface_that_has_gone() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        let remote = Route::routed(b, REMOTE).udp((1, 2), b"x");
        assert_eq!(bench.refused(b, &remote), None);
        assert_eq!(bench.refused(b, &udp_between(bench, (1, 2)).1), None);
        assert_eq!(bench.refused(a, &Route::routed(a, c.ip).udp((1, 2), b"x")), None);
        let sweep = bench.datapath.sweep_slot(b.slot).expect("it runs");
        assert_eq!((sweep.visited, sweep.deleted), (3, 1), "the one to another host is nobody's now");
        assert!(bench.flows().iter().all(|flow| flow.sides.iter().all(|side| side.slot != b.slot)));
    });
}

#[test]
fn k12_q15_too_big_is_noted_with_both_ends_also_where_nobody_is_told() {
    Bench::run(|bench| {
        let (a, c) = (&bench.a, &bench.c);
        let big = Udp { payload: 1430, ..Udp::routed(a, c.ip) }.bytes();
        for _ in 0..3 {
            assert_eq!(bench.refused(a, &big), Some(DropReason::TooBig));
        }
        let events = bench.datapath.records().mtu_events().expect("read");
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.segment, event.source, event.destination), (SEGMENT, a.ip.into(), c.ip.into()));
        assert_eq!((event.packets, event.largest, event.mtu), (3, 1458, 1450));
    });
}

#[test]
fn a_secondary_address_that_is_taken_away_stops_at_once() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let second = [10, 0, 1, 77].into();
        bench.edit_endpoint(endpoint_key(SEGMENT, second), |endpoint| *endpoint = a.endpoint());
        let frame = Udp { src: second, ..Udp::switched(a, b) }.bytes();
        assert_eq!([bench.refused(a, &frame), bench.refused(a, &frame)], [None, None]);
        bench.edit_endpoint(endpoint_key(SEGMENT, second), |endpoint| *endpoint = b.endpoint());
        assert_eq!(bench.refused(a, &frame), Some(DropReason::SpoofedSrcIp));
    });
}
