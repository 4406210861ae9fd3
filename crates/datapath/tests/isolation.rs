//! Two VPCs with the same addresses on one host: no frame of one, however it is made, reaches the other.

mod common;

use common::frames::{Udp, arp_request, echo};
use common::{Bench, GATEWAY, Guest};
use pintle_core::DropReason;
use pintle_datapath::{PortFlags, Verdict};

/// Xorshift: small, and the same frames on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A frame that looks right in most places: a good one, aimed at a random interface, with a few bytes changed or cut off.
fn fuzzed(random: &mut Random, from: &Guest, guests: &[Guest]) -> Vec<u8> {
    let target = guests[random.below(guests.len())];
    let udp = Udp { dst_mac: [target.mac, from.gateway_mac][random.below(2)], ..Udp::routed(from, target.ip) };
    let mut frame = match random.below(4) {
        0 => arp_request(from, target.ip),
        1 => echo(from, udp.dst_mac, target.ip),
        _ => udp.bytes(),
    };
    for _ in 0..random.below(4) {
        let place = random.below(frame.len());
        // The source MAC stays right in half the frames, or nearly all would end there.
        if (6..12).contains(&place) && random.below(2) == 0 {
            continue;
        }
        frame[place] = random.next() as u8;
    }
    if random.below(8) == 0 {
        frame.truncate(34 + random.below(frame.len() - 33));
    }
    frame
}

#[test]
fn d13_equal_addresses_in_two_segments_never_meet() {
    Bench::run(|bench| {
        assert_eq!(bench.a.ip, bench.d.ip, "the point of the test");
        let frame = Udp { src: bench.b.ip, src_mac: bench.b.mac, ..Udp::switched(&bench.b, &bench.a) }.bytes();
        assert_eq!(bench.send(&bench.b, &frame).verdict, Verdict::Redirect);
        assert_eq!((bench.delivered(&bench.a), bench.delivered(&bench.d)), (1, 0));
        // D has no neighbour with B's address in its own VPC, whatever MAC address it uses.
        let across = Udp { dst_mac: bench.b.mac, ..Udp::routed(&bench.d, bench.b.ip) }.bytes();
        bench.expect_drop(&bench.d, &across, DropReason::NoRoute);
        bench.expect_drop(&bench.d, &arp_request(&bench.d, bench.b.ip), DropReason::ArpUnknownTarget);
        assert_eq!(bench.delivered(&bench.b), 0);
    });
}

#[test]
fn d13_ten_thousand_fuzzed_frames_each_way_never_cross() {
    Bench::run(|bench| {
        // IP spoofing allowed: then only the segment stands between the two.
        for guest in [&bench.a, &bench.b, &bench.c, &bench.d] {
            bench.edit_port(guest, |port| port.flags = port.flags.with(PortFlags::ALLOW_IP_SPOOFING));
        }
        let guests = [bench.a, bench.b, bench.c, bench.d];
        let mut random = Random(0x5eed_1234_5678_9abc);
        let mut redirected = 0;
        for _ in 0..10_000 {
            let from = guests[random.below(3)];
            let output = bench.send(&from, &fuzzed(&mut random, &from, &guests));
            redirected += usize::from(output.verdict == Verdict::Redirect);
            assert!(matches!(output.verdict, Verdict::Redirect | Verdict::Drop), "{:?}", output.verdict);
        }
        assert!(redirected > 1_000, "only {redirected} frames were forwarded: the fuzzing shows nothing");
        assert_eq!(bench.delivered(&bench.d), 0, "from the first VPC into the second");

        let before = [bench.a, bench.b, bench.c].map(|guest| bench.delivered(&guest));
        for _ in 0..10_000 {
            let output = bench.send(&bench.d, &fuzzed(&mut random, &bench.d, &guests));
            assert!(matches!(output.verdict, Verdict::Redirect | Verdict::Drop), "{:?}", output.verdict);
        }
        assert_eq!([bench.a, bench.b, bench.c].map(|guest| bench.delivered(&guest)), before, "and back");
        assert_eq!(bench.datapath.counters().lost().expect("read"), 0);
    });
}

#[test]
fn every_dropped_packet_is_counted_once() {
    Bench::run(|bench| {
        let mut random = Random(0xdead_beef_cafe_f00d);
        let guests = [bench.a, bench.b, bench.c, bench.d];
        let mut refused = 0;
        for _ in 0..2_000 {
            let output = bench.send(&bench.a, &fuzzed(&mut random, &bench.a, &guests));
            refused += u64::from(output.verdict == Verdict::Drop || is_gateway_error(&output.frame));
        }
        let counted: u64 = bench.datapath.counters().drops().expect("read").iter().map(|drops| drops.packets).sum();
        assert_eq!(counted, refused, "dropped in silence, or answered with an ICMP error");
        assert!(refused > 200);
    });
}

/// Whether a frame is an ICMP error from A's gateway, whose address no guest can send from.
fn is_gateway_error(frame: &[u8]) -> bool {
    frame.len() > 34
        && frame[12..14] == [8, 0]
        && frame[23] == 1
        && frame[26..30] == GATEWAY.octets()
        && matches!(frame[34], 3 | 11)
}
