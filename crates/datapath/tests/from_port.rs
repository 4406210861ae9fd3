//! The life of a guest's packet, stage by stage: exact frames in, verdict, counters and exact frames out.

mod common;

use common::frames::{Udp, arp, arp_request, read_icmp, tcp, with_ip_bytes};
use common::{Bench, GATEWAY, GATEWAY_2, GATEWAY_MAC, GATEWAY_MAC_2, MTU, REMOTE, REMOTE_MAC, SEGMENT, endpoint_key};
use pintle_core::DropReason;
use pintle_datapath::{EndpointFlags, HostSettings, PortFlags, ProgramName, RunInput, Verdict};

fn with_ethertype(mut frame: Vec<u8>, ethertype: u16) -> Vec<u8> {
    frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
    frame
}

#[test]
fn every_parse_error_is_dropped_for_its_own_reason() {
    Bench::run(|bench| {
        let good = Udp::switched(&bench.a, &bench.b).bytes();
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        // Frames that end inside the IP header cannot be given to a test run; `tests/devices.rs` sends real ones.
        drops(&good[..good.len() - 1], DropReason::Truncated);
        drops(&with_ip_bytes(good.clone(), 0, &[0x55]), DropReason::BadHeader);
        drops(&with_ip_bytes(good.clone(), 0, &[0x44]), DropReason::BadHeader);
        drops(&with_ip_bytes(good.clone(), 2, &[0, 19]), DropReason::BadHeader);
        drops(&with_ip_bytes(good.clone(), 2, &[0, 0]), DropReason::BadHeader);
        drops(&with_ethertype(good.clone(), 0x8100), DropReason::VlanTagged);
        drops(&with_ethertype(good.clone(), 0x88a8), DropReason::VlanTagged);
        drops(&with_ethertype(good.clone(), 0x86dd), DropReason::Ipv6NotEnabled);
        drops(&with_ethertype(good.clone(), 0x8847), DropReason::UnknownEthertype);
        drops(&with_ethertype(good, 0x0040), DropReason::UnknownEthertype);
    });
}

#[test]
fn a_device_without_a_port_may_not_send() {
    Bench::run(|bench| {
        bench.datapath.ports().delete(&bench.a.ifindex).expect("delete");
        let output = bench.send(&bench.a, &Udp::switched(&bench.a, &bench.b).bytes());
        assert_eq!(output.verdict, Verdict::Drop);
        assert_eq!(bench.dropped(0, DropReason::UnknownPort), 1);
    });
}

#[test]
fn a_fenced_port_may_not_even_ask_by_arp() {
    Bench::run(|bench| {
        bench.edit_port(&bench.a, |port| port.flags = PortFlags::NONE);
        bench.expect_drop(&bench.a, &Udp::switched(&bench.a, &bench.b).bytes(), DropReason::Fenced);
        bench.expect_drop(&bench.a, &arp_request(&bench.a, GATEWAY), DropReason::Fenced);
    });
}

#[test]
fn d08_spoofed_source_ip_is_dropped() {
    Bench::run(|bench| {
        let spoofed = Udp { src: [10, 0, 1, 99].into(), ..Udp::switched(&bench.a, &bench.b) }.bytes();
        bench.expect_drop(&bench.a, &spoofed, DropReason::SpoofedSrcIp);
        // An address that exists, but is another interface's.
        let stolen = Udp { src: bench.b.ip, ..Udp::routed(&bench.a, bench.c.ip) }.bytes();
        bench.expect_drop(&bench.a, &stolen, DropReason::SpoofedSrcIp);
        assert_eq!(bench.delivered(&bench.b) + bench.delivered(&bench.c), 0);
    });
}

#[test]
fn a_secondary_address_of_the_same_device_may_send() {
    Bench::run(|bench| {
        let second = [10, 0, 1, 77].into();
        bench.edit_endpoint(endpoint_key(SEGMENT, second), |endpoint| *endpoint = bench.a.endpoint());
        let frame = Udp { src: second, ..Udp::switched(&bench.a, &bench.b) }.bytes();
        assert_eq!(bench.send(&bench.a, &frame).verdict, Verdict::Redirect);
        assert_eq!(bench.delivered(&bench.b), 1);
    });
}

#[test]
fn d09_allow_ip_spoofing_lets_a_foreign_source_pass() {
    Bench::run(|bench| {
        let flags = PortFlags::ACTIVE.with(PortFlags::ALLOW_IP_SPOOFING);
        bench.edit_port(&bench.a, |port| port.flags = flags);
        let foreign = Udp { src: [203, 0, 113, 9].into(), ..Udp::switched(&bench.a, &bench.b) };
        assert_eq!(bench.send(&bench.a, &foreign.bytes()).verdict, Verdict::Redirect);
        let foreign_mac = Udp { src_mac: bench.b.mac, ..foreign };
        bench.expect_drop(&bench.a, &foreign_mac.bytes(), DropReason::SpoofedSrcMac);
    });
}

#[test]
fn d10_spoofed_source_mac_is_dropped() {
    Bench::run(|bench| {
        let frame = Udp { src_mac: bench.b.mac, ..Udp::switched(&bench.a, &bench.b) }.bytes();
        bench.expect_drop(&bench.a, &frame, DropReason::SpoofedSrcMac);
        let request = arp(bench.b.mac, 1, (bench.a.mac, bench.a.ip), GATEWAY);
        bench.expect_drop(&bench.a, &request, DropReason::SpoofedSrcMac);
    });
}

#[test]
fn d10_spoofed_arp_sender_is_dropped() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.expect_drop(a, &arp(a.mac, 1, (b.mac, a.ip), GATEWAY), DropReason::SpoofedArp);
        bench.expect_drop(a, &arp(a.mac, 1, (a.mac, b.ip), GATEWAY), DropReason::SpoofedArp);
        bench.expect_drop(a, &arp(a.mac, 2, (a.mac, GATEWAY), b.ip), DropReason::SpoofedArp);
    });
}

#[test]
fn i18_arp_is_answered_locally() {
    Bench::run(|bench| {
        let a = &bench.a;
        for (target, mac) in [(GATEWAY, GATEWAY_MAC), (bench.b.ip, bench.b.mac), (REMOTE, REMOTE_MAC)] {
            let output = bench.send(a, &arp_request(a, target));
            assert_eq!(output.verdict, Verdict::Redirect);
            let mut expected = arp(mac, 2, (mac, target), a.ip);
            expected[..6].copy_from_slice(&a.mac);
            expected[32..38].copy_from_slice(&a.mac);
            assert_eq!(output.frame, expected, "{target}");
        }
        assert_eq!(bench.delivered(a), 3, "answers count as delivered");
        // A probe (sender 0.0.0.0, RFC 5227) for somebody's address is a conflict, and is told so.
        let probe = arp(a.mac, 1, (a.mac, [0, 0, 0, 0].into()), bench.b.ip);
        assert_eq!(bench.send(a, &probe).verdict, Verdict::Redirect);
    });
}

#[test]
fn i18_arp_without_an_answer_goes_nowhere() {
    Bench::run(|bench| {
        let a = &bench.a;
        let drops = |frame: &[u8], reason| bench.expect_drop(a, frame, reason);
        let second = [10, 0, 1, 77].into();
        bench.edit_endpoint(endpoint_key(SEGMENT, second), |endpoint| *endpoint = bench.a.endpoint());
        // Duplicate address detection of the guest's own addresses must hear nothing.
        drops(&arp(a.mac, 1, (a.mac, [0, 0, 0, 0].into()), a.ip), DropReason::ArpNotForwarded);
        drops(&arp(a.mac, 1, (a.mac, [0, 0, 0, 0].into()), second), DropReason::ArpNotForwarded);
        // Announcements and replies.
        drops(&arp(a.mac, 1, (a.mac, a.ip), a.ip), DropReason::ArpNotForwarded);
        drops(&arp(a.mac, 2, (a.mac, a.ip), bench.b.ip), DropReason::ArpNotForwarded);
        // Nobody, another subnet (reached by the gateway only), and that subnet's gateway.
        drops(&arp_request(a, [10, 0, 1, 99].into()), DropReason::ArpUnknownTarget);
        drops(&arp_request(a, bench.c.ip), DropReason::ArpUnknownTarget);
        drops(&arp_request(a, GATEWAY_2), DropReason::ArpUnknownTarget);
        drops(&arp_request(a, GATEWAY)[..41], DropReason::Truncated);
        for (offset, byte) in [(15, 6), (16, 9), (18, 8), (19, 16), (21, 8)] {
            let mut bad = arp_request(a, GATEWAY);
            bad[offset] = byte;
            drops(&bad, DropReason::BadArp);
        }
    });
}

#[test]
fn i08_switched_packet_reaches_its_receiver_unchanged() {
    Bench::run(|bench| {
        let frame = Udp::switched(&bench.a, &bench.b).bytes();
        let output = bench.send(&bench.a, &frame);
        assert_eq!((output.verdict, output.frame), (Verdict::Redirect, frame.clone()));
        let (tx, rx) = (bench.datapath.counters().traffic(1), bench.datapath.counters().traffic(2));
        let (tx, rx) = (tx.expect("read"), rx.expect("read"));
        assert_eq!((tx.tx_packets, tx.tx_bytes), (1, frame.len() as u64));
        assert_eq!((rx.rx_packets, rx.rx_bytes), (1, frame.len() as u64));
        assert_eq!((tx.rx_packets, rx.tx_packets), (0, 0));
    });
}

#[test]
fn d17_neighbours_of_one_subnet_pass_the_same_checks_as_any_other_pair() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let spoofed = Udp { src: bench.c.ip, ..Udp::switched(a, b) }.bytes();
        bench.expect_drop(a, &spoofed, DropReason::SpoofedSrcIp);
        let wrong_mac = Udp { dst_mac: bench.c.mac, ..Udp::switched(a, b) }.bytes();
        bench.expect_drop(a, &wrong_mac, DropReason::WrongDstMac);
        // Another subnet's interface is not a neighbour: only the gateway leads there.
        let across = Udp { dst_mac: bench.c.mac, ..Udp::routed(a, bench.c.ip) }.bytes();
        bench.expect_drop(a, &across, DropReason::WrongDstMac);
        assert_eq!(bench.delivered(b) + bench.delivered(&bench.c), 0);
    });
}

#[test]
fn multicast_and_broadcast_are_not_forwarded() {
    Bench::run(|bench| {
        let base = Udp::switched(&bench.a, &bench.b);
        let drops = |udp: Udp| bench.expect_drop(&bench.a, &udp.bytes(), DropReason::Multicast);
        drops(Udp { dst_mac: [0xff; 6], ..base });
        drops(Udp { dst_mac: [1, 0, 0x5e, 0, 0, 1], dst: [224, 0, 0, 1].into(), ..base });
        drops(Udp { dst_mac: GATEWAY_MAC, dst: [239, 1, 1, 1].into(), ..base });
        drops(Udp { dst_mac: GATEWAY_MAC, dst: [255, 255, 255, 255].into(), ..base });
    });
}

#[test]
fn h17_routed_packet_has_new_macs_and_one_hop_less() {
    Bench::run(|bench| {
        for ttl in [2, 64, 255] {
            let before = Udp { ttl, ..Udp::routed(&bench.a, bench.c.ip) };
            let output = bench.send(&bench.a, &before.bytes());
            let after = Udp { src_mac: GATEWAY_MAC_2, dst_mac: bench.c.mac, ttl: ttl - 1, ..before };
            assert_eq!((output.verdict, output.frame), (Verdict::Redirect, after.bytes()), "checksum included");
        }
        assert_eq!(bench.delivered(&bench.c), 3);
    });
}

#[test]
fn h17_every_header_checksum_survives_the_hop() {
    Bench::run(|bench| {
        // The identification runs through values that carry in the checksum's update.
        for id in (0..=u16::MAX).step_by(251).chain([0xfeff, 0xff00, 0xffff]) {
            let frame = with_ip_bytes(Udp::routed(&bench.a, bench.c.ip).bytes(), 4, &id.to_be_bytes());
            let output = bench.send(&bench.a, &frame);
            assert_eq!(common::frames::checksum(&output.frame[14..34]), 0, "id {id:#x}");
        }
    });
}

#[test]
fn i10_gso_packet_is_measured_by_its_segments() {
    Bench::run(|bench| {
        let frame = tcp(&bench.a, bench.b.mac, bench.b.ip, 3000);
        let gso = |gso_size| RunInput { ifindex: bench.a.ifindex, gso_size, ..RunInput::default() };
        assert_eq!(bench.send_with(&frame, gso(1400)).verdict, Verdict::Redirect);
        let traffic = bench.datapath.counters().traffic(2).expect("read");
        // 1400 + 1400 + 200 bytes of payload, each with 54 bytes of headers.
        assert_eq!((traffic.rx_packets, traffic.rx_bytes), (3, 3 * 54 + 3000));
        let output = bench.send_with(&frame, gso(1411));
        let icmp = read_icmp(&output.frame);
        assert_eq!((icmp.type_code, icmp.low), ((3, 4), MTU), "a segment of 1451 bytes does not fit");
        // Without GSO the packet itself is what must fit.
        assert_eq!(read_icmp(&bench.send(&bench.a, &frame).frame).low, MTU);
    });
}

#[test]
fn i16_tap_is_reached_by_egress_with_the_mark() {
    Bench::run(|bench| {
        bench.edit_endpoint(bench.b.key(), |endpoint| endpoint.flags = EndpointFlags::LOCAL_TAP);
        let output = bench.send(&bench.a, &Udp::switched(&bench.a, &bench.b).bytes());
        assert_eq!(output.verdict, Verdict::Redirect);
        assert_eq!(bench.delivered(&bench.b), 1);
    });
}

#[test]
fn packets_to_another_host_carry_the_overlays_addresses() {
    Bench::run(|bench| {
        let switched = Udp { dst_mac: REMOTE_MAC, ..Udp::routed(&bench.a, REMOTE) };
        let output = bench.send(&bench.a, &switched.bytes());
        assert_eq!((output.verdict, output.frame), (Verdict::Redirect, switched.bytes()));
        let routed = Udp::routed(&bench.a, REMOTE);
        let output = bench.send(&bench.a, &routed.bytes());
        let reserved = Udp { dst_mac: [0x02, 0x50, 0x4e, 0x54, 0x4c, 1], ttl: 63, ..routed };
        assert_eq!((output.verdict, output.frame), (Verdict::Redirect, reserved.bytes()));
        assert_eq!(bench.sent(&bench.a), 2);
        // The reserved addresses are not for guests.
        bench.expect_drop(&bench.a, &reserved.bytes(), DropReason::WrongDstMac);
        bench.datapath.set_host_settings(&HostSettings::default()).expect("set");
        bench.expect_drop(&bench.a, &switched.bytes(), DropReason::NoRoute);
    });
}

#[test]
fn the_hosts_own_stack_cannot_reach_a_guest() {
    Bench::run(|bench| {
        const OWN_MARK: u32 = 0x504c_5452;
        let frame = Udp::switched(&bench.b, &bench.a).bytes();
        let run = |mark, ingress_ifindex| {
            let input = RunInput { ifindex: bench.a.ifindex, ingress_ifindex, mark, ..RunInput::default() };
            bench.datapath.runner(ProgramName::ToPort).run(&frame, input).expect("runs").verdict
        };
        assert_eq!(run(0, 0), Verdict::Drop);
        assert_eq!(run(0, bench.b.ifindex), Verdict::Drop, "forwarded by the host");
        assert_eq!(run(OWN_MARK, 0), Verdict::Drop, "a local socket with our mark");
        assert_eq!(run(OWN_MARK, bench.b.ifindex), Verdict::Next, "ours");
        assert_eq!(bench.dropped(1, DropReason::FromHostStack), 3);
    });
}

#[test]
fn h17_other_gateway_mac_is_not_ours() {
    Bench::run(|bench| {
        let frame = Udp { dst_mac: GATEWAY_MAC_2, ..Udp::routed(&bench.a, bench.c.ip) }.bytes();
        bench.expect_drop(&bench.a, &frame, DropReason::WrongDstMac);
    });
}
