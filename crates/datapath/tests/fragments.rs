//! Fragments and extension headers cannot evade a rule (row D25; RFC 1858, RFC 3128, RFC 8200).

mod common;

use common::frames::{Route, with_ip_bytes};
use common::policy::{allow_out, udp_in};
use common::{Bench, Guest, SEGMENT, endpoint_key};
use pintle_core::DropReason;
use pintle_datapath::ticks;

/// One fragment of an IPv4 packet: `offset` in bytes.
fn fragment(way: &Route, protocol: u8, id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let frame = with_ip_bytes(way.packet(protocol, payload), 4, &id.to_be_bytes());
    with_ip_bytes(frame, 6, &((offset / 8) | (u16::from(more) << 13)).to_be_bytes())
}

/// The beginning of a UDP datagram to a port.
fn udp_to(port: u16) -> Vec<u8> {
    [&[0, 9][..], &port.to_be_bytes(), &[0x10, 0, 0, 0], &[7; 24]].concat()
}

#[test]
fn d25_later_fragments_take_the_way_of_the_first() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.set_rules(b, vec![udp_in(53, 53)]);
        let way = Route::switched(a, b);
        let later = |id| fragment(&way, 17, id, 32, false, &[1; 40]);
        assert_eq!(bench.refused(a, &later(1)), Some(DropReason::FragmentUnknown), "before the first");
        assert_eq!(bench.refused(a, &fragment(&way, 17, 1, 0, true, &udp_to(53))), None);
        assert_eq!(bench.refused(a, &later(1)), None);
        assert_eq!(bench.refused(a, &later(1)), None, "repeated");
        assert_eq!(bench.refused(a, &later(2)), Some(DropReason::FragmentUnknown), "another packet");
        assert_eq!(bench.flows().len(), 1);
        // A first fragment that is refused leaves nothing behind.
        let first = fragment(&way, 17, 3, 0, true, &udp_to(54));
        assert_eq!(bench.refused(a, &first), Some(DropReason::PolicyIngressDenied));
        assert_eq!(bench.refused(a, &later(3)), Some(DropReason::FragmentUnknown));
        // Also by the established path the first leaves its ports, and for 30 s only.
        assert_eq!(bench.refused(a, &fragment(&way, 17, 4, 0, true, &udp_to(53))), None);
        assert_eq!(bench.refused(a, &later(4)), None);
        bench.wait(31);
        assert_eq!(bench.refused(a, &later(4)), Some(DropReason::FragmentUnknown));
        // Nor weeks later, when the clock has gone half around.
        bench.wait(2_300_000);
        assert_eq!(bench.refused(a, &later(4)), Some(DropReason::FragmentUnknown));
        // Nor when it has gone around and shows what it did: what is old is swept long before.
        bench.datapath.sweep().expect("it runs");
        bench.datapath.advance_clock(0_u32.wrapping_sub(ticks(2_300_000 + 31))).expect("set");
        assert_eq!(bench.refused(a, &later(4)), Some(DropReason::FragmentUnknown));
    });
}

#[test]
fn d25_headers_cannot_hide_in_fragments() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let way = Route::switched(a, b);
        for (protocol, least) in [(6, 20), (17, 8), (1, 8)] {
            let mut header = [0; 64];
            header[12] = 0x50;
            let first = |len: usize| bench.refused(a, &fragment(&way, protocol, 9, 0, true, &header[..len]));
            assert_eq!(first(least - 1), Some(DropReason::FragmentTooSmall), "protocol {protocol}");
            assert_ne!(first(least + 4), Some(DropReason::FragmentTooSmall), "protocol {protocol}");
        }
        for offset in [8, 16] {
            let overlap = fragment(&way, 6, 9, offset, true, &[0; 32]);
            assert_eq!(bench.refused(a, &overlap), Some(DropReason::FragmentOverlap), "offset {offset}");
        }
        // Whole packets that end inside their header.
        for (protocol, len) in [(6, 19), (17, 7), (1, 7)] {
            let packet = way.packet(protocol, &vec![0x50; len]);
            assert_eq!(bench.refused(a, &packet), Some(DropReason::Truncated), "protocol {protocol}");
        }
        let mut short = vec![0; 20];
        short[12] = 0x40;
        assert_eq!(bench.refused(a, &way.packet(6, &short)), Some(DropReason::BadHeader));
    });
}

const A6: [u16; 8] = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xa];
const B6: [u16; 8] = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xb];

fn dual_stack(test: impl FnOnce(&Bench, Route) + Send + 'static) {
    Bench::run(|bench| {
        for (guest, address) in [(bench.a, A6), (bench.b, B6)] {
            bench.edit_port(&guest, |port| port.subnet6 = "2001:db8:1::/64".parse().ok());
            let key = endpoint_key(SEGMENT, std::net::Ipv6Addr::from(address));
            bench.edit_endpoint(key, |endpoint| *endpoint = Guest::endpoint(&guest));
        }
        test(bench, Route::switched(&bench.a, &bench.b).v6(A6.into(), B6.into()));
    });
}

/// An extension header of `8 * (units + 1)` bytes.
fn extension(next: u8, units: u8, third: u8) -> Vec<u8> {
    let mut header = vec![0; 8 * (usize::from(units) + 1)];
    header[..3].copy_from_slice(&[next, units, third]);
    header
}

#[test]
fn d25_extension_headers_are_walked_to_the_port() {
    dual_stack(|bench, way| {
        let a = &bench.a;
        bench.set_rules(&bench.b, vec![udp_in(53, 53)]);
        let chain = |headers: &[Vec<u8>], port: u16| [headers.concat(), udp_to(port)].concat();
        let bad = Some(DropReason::BadExtensionHeader);
        for (port, fate) in [(53, None), (54, Some(DropReason::PolicyIngressDenied))] {
            assert_eq!(bench.refused(a, &way.packet(0, &chain(&[extension(17, 0, 1)], port))), fate);
            let three = [extension(60, 1, 1), extension(43, 2, 1), extension(17, 0, 4)];
            assert_eq!(bench.refused(a, &way.packet(0, &chain(&three, port))), fate);
        }
        assert_eq!(bench.refused(a, &way.packet(43, &chain(&[extension(17, 0, 0)], 53))), bad, "routing type 0");
        let many = |n: usize| [vec![extension(60, 0, 1); n - 1], vec![extension(17, 0, 1)]].concat();
        assert_eq!(bench.refused(a, &way.packet(60, &chain(&many(6), 53))), None);
        assert_eq!(bench.refused(a, &way.packet(60, &chain(&many(7), 53))), bad);
        assert_eq!(bench.refused(a, &way.packet(60, &chain(&[extension(17, 31, 1)], 53))), None, "256 bytes");
        assert_eq!(bench.refused(a, &way.packet(60, &chain(&[extension(17, 32, 1)], 53))), bad);
        let mut longer = extension(17, 0, 1);
        longer[1] = 200;
        assert_eq!(bench.refused(a, &way.packet(60, &[longer, udp_to(53)].concat())), bad, "runs out of the packet");
        assert_eq!(bench.refused(a, &way.packet(59, &[])), Some(DropReason::PolicyIngressDenied), "no next header");
    });
}

#[test]
fn d25_ipv6_fragments() {
    dual_stack(|bench, way| {
        let a = &bench.a;
        bench.set_rules(a, allow_out());
        bench.set_rules(&bench.b, vec![udp_in(53, 53)]);
        let fragment = |next: u8, id: u8, offset: u16, more: bool, rest: &[u8]| {
            let word = (offset | u16::from(more)).to_be_bytes();
            bench.refused(a, &way.packet(44, &[&[next, 0, word[0], word[1], 0, 0, 0, id], rest].concat()))
        };
        assert_eq!(fragment(17, 1, 32, false, &[1; 8]), Some(DropReason::FragmentUnknown));
        assert_eq!(fragment(17, 1, 0, true, &udp_to(53)), None);
        assert_eq!(fragment(17, 1, 32, false, &[1; 8]), None);
        assert_eq!(fragment(17, 2, 0, true, &udp_to(54)), Some(DropReason::PolicyIngressDenied));
        assert_eq!(fragment(17, 2, 32, false, &[1; 8]), Some(DropReason::FragmentUnknown));
        assert_eq!(fragment(17, 3, 0, true, &[0; 7]), Some(DropReason::FragmentTooSmall));
        for offset in [8, 16] {
            assert_eq!(fragment(17, 3, offset, true, &[0; 8]), Some(DropReason::FragmentOverlap), "offset {offset}");
        }
        assert_eq!(fragment(17, 4, 0, false, &udp_to(53)), None, "atomic (RFC 6946)");
        let twice = [&[17, 0, 0, 1, 0, 0, 0, 5][..], &udp_to(53)].concat();
        assert_eq!(fragment(44, 5, 0, true, &twice), Some(DropReason::BadExtensionHeader));
        // The header chain goes on behind the fragment header.
        let behind = [extension(17, 0, 1), udp_to(54)].concat();
        assert_eq!(fragment(60, 6, 0, true, &behind), Some(DropReason::PolicyIngressDenied));
    });
}
