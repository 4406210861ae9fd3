//! What the gateway itself answers: echo replies, and ICMP errors about packets that it cannot forward.

mod common;

use common::frames::{Udp, echo, read_icmp, tcp, with_df, with_ip_bytes};
use common::{Bench, GATEWAY, GATEWAY_2, GATEWAY_MAC, MTU, SEGMENT};
use pintle_core::DropReason;
use pintle_datapath::{Endpoint, EndpointKey, PortFlags, RunInput, Verdict};

#[test]
fn h17_time_exceeded_comes_from_the_gateway() {
    Bench::run(|bench| {
        for ttl in [0, 1] {
            let frame = Udp { ttl, ..Udp::routed(&bench.a, bench.c.ip) }.bytes();
            let output = bench.send(&bench.a, &frame);
            assert_eq!(output.verdict, Verdict::Redirect);
            let icmp = read_icmp(&output.frame);
            assert_eq!((icmp.type_code, icmp.src, icmp.dst), ((11, 0), GATEWAY, bench.a.ip));
            assert_eq!((icmp.src_mac, icmp.dst_mac), (GATEWAY_MAC, bench.a.mac));
            assert_eq!(icmp.payload, frame[14..], "the whole small packet is quoted");
        }
        assert_eq!(bench.dropped(1, DropReason::TtlExceeded), 2);
        assert_eq!(bench.delivered(&bench.c), 0);
    });
}

#[test]
fn h17_gateway_answers_echo_for_every_subnet() {
    Bench::run(|bench| {
        for gateway in [GATEWAY, GATEWAY_2] {
            let request = echo(&bench.a, GATEWAY_MAC, gateway);
            let output = bench.send(&bench.a, &request);
            assert_eq!(output.verdict, Verdict::Redirect);
            let icmp = read_icmp(&output.frame);
            assert_eq!((icmp.type_code, icmp.src, icmp.dst, icmp.ttl), ((0, 0), gateway, bench.a.ip, 64));
            assert_eq!((icmp.src_mac, icmp.dst_mac, icmp.low), (GATEWAY_MAC, bench.a.mac, 9));
            assert_eq!(icmp.payload, b"are you there?");
        }
        let options = with_record_route(echo(&bench.a, GATEWAY_MAC, GATEWAY));
        assert_eq!(bench.send(&bench.a, &options).verdict, Verdict::Redirect, "options do not hide the echo");
    });
}

/// Puts four bytes of options (three no-operations and the end) into the header.
fn with_record_route(mut frame: Vec<u8>) -> Vec<u8> {
    frame.splice(34..34, [1, 1, 1, 0]);
    let len = (frame.len() - 14) as u16;
    with_ip_bytes(with_ip_bytes(frame, 0, &[0x46]), 2, &len.to_be_bytes())
}

#[test]
fn h17_gateway_serves_nothing_else() {
    Bench::run(|bench| {
        let drops = |frame: &[u8], reason| bench.expect_drop(&bench.a, frame, reason);
        drops(&Udp::routed(&bench.a, GATEWAY).bytes(), DropReason::GatewayNotServed);
        let fragment = with_ip_bytes(echo(&bench.a, GATEWAY_MAC, GATEWAY), 6, &[0x20, 0]);
        drops(&fragment, DropReason::GatewayNotServed);
        let mut reply = echo(&bench.a, GATEWAY_MAC, GATEWAY);
        reply[34] = 0;
        drops(&reply, DropReason::GatewayNotServed);
        drops(&echo(&bench.a, bench.b.mac, GATEWAY), DropReason::WrongDstMac);
    });
}

#[test]
fn an_unknown_destination_is_told_to_who_asked_the_gateway() {
    Bench::run(|bench| {
        let frame = Udp::routed(&bench.a, [10, 0, 9, 9].into()).bytes();
        let icmp = read_icmp(&bench.send(&bench.a, &frame).frame);
        assert_eq!((icmp.type_code, icmp.src), ((3, 1), GATEWAY));
        assert_eq!(bench.dropped(1, DropReason::NoRoute), 1);
        let neighbour = Udp { dst_mac: bench.b.mac, ..Udp::routed(&bench.a, [10, 0, 1, 99].into()) }.bytes();
        bench.expect_drop(&bench.a, &neighbour, DropReason::NoRoute);
        // An entry that names neither a device nor a host leads nowhere.
        let key = EndpointKey { segment: SEGMENT, addr: [10, 0, 1, 50].into() };
        let nowhere = Endpoint { mac: bench.b.mac, mtu: MTU, ..Endpoint::default() };
        bench.datapath.endpoints().put(&key, &nowhere).expect("put");
        bench.expect_drop(&bench.a, &Udp::routed(&bench.a, [10, 0, 1, 50].into()).bytes(), DropReason::NoRoute);
    });
}

#[test]
fn no_icmp_error_about_errors_fragments_or_strange_sources() {
    Bench::run(|bench| {
        let nowhere = [10, 0, 9, 9].into();
        let mut error = echo(&bench.a, GATEWAY_MAC, nowhere);
        for kind in [3, 4, 11, 12] {
            error[34] = kind;
            bench.expect_drop(&bench.a, &error, DropReason::NoRoute);
        }
        error[34] = 5;
        bench.expect_drop(&bench.a, &error, DropReason::IcmpRedirect);
        let later_fragment = with_ip_bytes(Udp::routed(&bench.a, nowhere).bytes(), 6, &[0x00, 0x10]);
        bench.expect_drop(&bench.a, &later_fragment, DropReason::FragmentUnknown);
        let first_fragment = with_ip_bytes(Udp::routed(&bench.a, nowhere).bytes(), 6, &[0x20, 0]);
        assert_eq!(bench.send(&bench.a, &first_fragment).verdict, Verdict::Redirect);
        bench.edit_port(&bench.a, |port| port.flags = port.flags.with(PortFlags::ALLOW_IP_SPOOFING));
        for source in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 5], [255, 255, 255, 255]] {
            let frame = Udp { src: source.into(), ..Udp::routed(&bench.a, nowhere) }.bytes();
            bench.expect_drop(&bench.a, &frame, DropReason::SpoofedSrcIp);
        }
    });
}

#[test]
fn icmp_errors_are_rate_limited_per_port() {
    Bench::run(|bench| {
        let frame = Udp { ttl: 1, ..Udp::routed(&bench.a, bench.c.ip) }.bytes();
        let input = RunInput { ifindex: bench.a.ifindex, ..RunInput::default() };
        let start = std::time::Instant::now();
        let verdicts: Vec<Verdict> = (0..200).map(|_| bench.send_with(&frame, input).verdict).collect();
        let answered = verdicts.iter().filter(|verdict| **verdict == Verdict::Redirect).count() as u64;
        let permitted = 20 + start.elapsed().as_millis() as u64 / 10 + 1;
        let (told, silent) =
            (bench.dropped(1, DropReason::TtlExceeded), bench.dropped(1, DropReason::ReplyRateLimited));
        assert_eq!((told, told + silent), (answered, 200), "each packet has one reason");
        assert!((20..=permitted).contains(&answered), "{answered} of 200: a burst of 20, then one in 10 ms");
        // Another port has its own allowance.
        let other = Udp { ttl: 1, ..Udp::routed(&bench.b, bench.c.ip) }.bytes();
        assert_eq!(bench.send(&bench.b, &other).verdict, Verdict::Redirect);
    });
}

#[test]
fn i09_too_big_for_the_path_is_told_with_the_mtu() {
    Bench::run(|bench| {
        let fits = tcp(&bench.a, bench.b.mac, bench.b.ip, usize::from(MTU) - 40);
        assert_eq!(bench.send(&bench.a, &fits).verdict, Verdict::Redirect);
        bench.edit_endpoint(bench.b.key(), |endpoint| endpoint.mtu = 1400);
        bench.edit_endpoint(bench.c.key(), |endpoint| endpoint.mtu = 1300);
        for (frame, mtu) in
            [(tcp(&bench.a, bench.b.mac, bench.b.ip, 1361), 1400), (tcp(&bench.a, GATEWAY_MAC, bench.c.ip, 1400), 1300)]
        {
            let output = bench.send(&bench.a, &frame);
            assert_eq!(output.verdict, Verdict::Redirect);
            let icmp = read_icmp(&output.frame);
            assert_eq!((icmp.type_code, icmp.low, icmp.src), ((3, 4), mtu, GATEWAY), "switched or routed");
            assert_eq!(icmp.payload, frame[14..14 + 128], "the packet's beginning, as it was sent");
        }
        assert_eq!(bench.dropped(1, DropReason::TooBig), 2);
        assert_eq!((bench.delivered(&bench.b), bench.delivered(&bench.c)), (1, 0));
    });
}

#[test]
fn i09_too_big_without_df_is_dropped_in_silence() {
    Bench::run(|bench| {
        bench.edit_endpoint(bench.b.key(), |endpoint| endpoint.mtu = 1000);
        let frame = Udp { payload: 1200, ..Udp::switched(&bench.a, &bench.b) }.bytes();
        bench.expect_drop(&bench.a, &frame, DropReason::TooBig);
        let output = bench.send(&bench.a, &with_df(frame));
        assert_eq!(read_icmp(&output.frame).low, 1000);
    });
}

#[test]
fn i16_icmp_error_to_a_tap_survives_checksum_offload() {
    Bench::run(|bench| {
        bench.edit_port(&bench.a, |port| port.flags = port.flags.with(PortFlags::TAP));
        for payload in [1451, 1452, 1999] {
            let frame = tcp(&bench.a, GATEWAY_MAC, bench.c.ip, payload);
            let output = bench.send(&bench.a, &frame);
            let icmp = read_icmp(&output.frame);
            assert_eq!(icmp.low, MTU);
            // What the kernel would do for a packet that asks for its TCP checksum: sum from the TCP header to the end,
            // complement, store. It must write what stands there already.
            let quoted_tcp = 14 + 28 + 20;
            let mut filled = output.frame.clone();
            let sum = common::frames::checksum(&filled[quoted_tcp..]);
            filled[quoted_tcp + 16..quoted_tcp + 18].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(read_icmp(&filled).payload, icmp.payload, "still valid, and the same");
        }
    });
}

#[test]
fn i16_complete_checksums_are_quoted_as_they_were() {
    Bench::run(|bench| {
        bench.edit_port(&bench.a, |port| port.flags = port.flags.with(PortFlags::TAP));
        let udp = Udp { ttl: 1, ..Udp::routed(&bench.a, bench.c.ip) }.bytes();
        let mut without = udp.clone();
        without[40..42].fill(0);
        let tcp = with_ip_bytes(tcp(&bench.a, GATEWAY_MAC, bench.c.ip, 40), 8, &[1]);
        for probe in [udp, without, tcp] {
            assert_eq!(read_icmp(&bench.send(&bench.a, &probe).frame).payload, probe[14..]);
        }
    });
}
