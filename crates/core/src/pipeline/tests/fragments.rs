//! D25: fragments, extension headers and short headers can't go around a rule.

use super::*;
use crate::pipeline::packet::{Fragment, ICMPV6};

fn part(of: &Craft, id: u32, offset: usize, more: bool, bytes: &[u8]) -> Craft {
    Craft { fragment: Some(Fragment { id, offset, more }), payload: bytes.to_vec(), ..of.clone() }
}

fn only_port_53() -> Scene {
    let mut scene = Scene::closed();
    scene.permit(A, Direction::Egress, one_port(53), Remote::Any);
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    scene
}

#[test]
fn d25_later_fragments_follow_the_first() {
    let mut scene = only_port_53();
    let whole = datagram(A, B, 53);
    let later = part(&whole, 7, 1400, false, &[0; 40]);
    scene.expect_drop(&later, DropReason::FragmentUnknown);
    scene.expect_pass(&part(&whole, 7, 0, true, &udp(4000, 53, 1392)));
    scene.expect_pass(&later);
    // Another id, another protocol, the other direction, too late.
    scene.expect_drop(&part(&whole, 8, 1400, false, &[0; 40]), DropReason::FragmentUnknown);
    scene.expect_drop(&part(&datagram(B, A, 53), 7, 1400, false, &[0; 40]), DropReason::FragmentUnknown);
    scene.wait(30);
    scene.expect_drop(&later, DropReason::FragmentUnknown);
}

#[test]
fn d25_a_refused_first_fragment_takes_the_others_with_it() {
    let mut scene = only_port_53();
    let whole = datagram(A, B, 54);
    scene.expect_drop(&part(&whole, 7, 0, true, &udp(4000, 54, 1392)), DropReason::PolicyEgressDenied);
    scene.expect_drop(&part(&whole, 7, 1400, false, &[0; 40]), DropReason::FragmentUnknown);
}

#[test]
fn d25_headers_are_whole_and_not_overwritten() {
    let mut scene = Scene::open();
    let whole = datagram(A, B, 53);
    scene.expect_drop(&part(&whole, 7, 0, true, &[0; 7]), DropReason::FragmentTooSmall);
    scene.expect_drop(&part(&whole, 7, 16, true, &[0; 8]), DropReason::FragmentOverlap);
    let syn = segment(A, B, &tcp::segment_of(1, 2));
    scene.expect_drop(&part(&syn, 7, 0, true, &syn.payload[..16]), DropReason::FragmentTooSmall);
    scene.expect_drop(&part(&syn, 7, 8, true, &[0; 16]), DropReason::FragmentOverlap);
    // Without fragments the frame is just cut short.
    scene.expect_drop(&Craft { payload: syn.payload[..19].to_vec(), ..syn.clone() }, DropReason::Truncated);
    let mut short = syn;
    short.payload[12] = 0x40;
    scene.expect_drop(&short, DropReason::BadHeader);
}

fn ipv6(from: Guest, to: Guest, protocol: u8, payload: Vec<u8>) -> Craft {
    Craft { source: from.ip6(), destination: to.ip6(), ..packet(from, to, protocol, payload) }
}

#[test]
fn d25_extension_headers_are_walked_to_the_protocol() {
    let mut scene = only_port_53();
    let padding = vec![0, 1, 4, 0, 0, 0, 0];
    let mut datagram = ipv6(A, B, UDP, udp(4000, 54, 0));
    datagram.extensions = vec![(0, padding.clone()), (60, padding.clone())];
    scene.expect_drop(&datagram, DropReason::PolicyEgressDenied);
    datagram.payload = udp(4000, 53, 0);
    scene.expect_pass(&datagram);
    datagram.extensions = vec![(60, padding.clone()); 6];
    scene.expect_pass(&datagram);
    datagram.extensions.push((60, padding.clone()));
    scene.expect_drop(&datagram, DropReason::BadExtensionHeader);
    // Routing type 0; one that says it is longer than the packet; one that is longer than 256 bytes.
    datagram.extensions = vec![(43, vec![0, 0, 0, 0, 0, 0, 0])];
    scene.expect_drop(&datagram, DropReason::BadExtensionHeader);
    datagram.extensions = vec![(60, vec![200, 0, 0, 0, 0, 0, 0])];
    scene.expect_drop(&datagram, DropReason::BadExtensionHeader);
    let mut long = vec![0; 33 * 8 - 1];
    long[0] = 32;
    datagram.extensions = vec![(60, long)];
    scene.expect_drop(&datagram, DropReason::BadExtensionHeader);
}

#[test]
fn d25_ipv6_fragments_and_mapped_addresses() {
    let mut scene = only_port_53();
    let whole = ipv6(A, B, UDP, udp(4000, 53, 0));
    scene.expect_drop(&part(&whole, 70_000, 1400, false, &[0; 40]), DropReason::FragmentUnknown);
    scene.expect_pass(&part(&whole, 70_000, 0, true, &udp(4000, 53, 1392)));
    scene.expect_pass(&part(&whole, 70_000, 1400, false, &[0; 40]));
    // An atomic fragment is a whole packet (RFC 6946).
    scene.expect_pass(&part(&whole, 5, 0, false, &udp(4000, 53, 0)));
    let mapped = Craft { source: "::ffff:10.0.1.10".parse().unwrap(), ..whole };
    scene.expect_drop(&mapped, DropReason::BadHeader);
}

#[test]
fn icmp_of_the_other_ip_version_is_just_a_protocol() {
    let mut scene = Scene::closed();
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    scene.permit(A, Direction::Egress, ProtocolMatch::Icmpv6(crate::policy::IcmpMatch::Any), Remote::Any);
    scene.expect_drop(&packet(A, B, ICMPV6, vec![128; 16]), DropReason::PolicyEgressDenied);
    scene.expect_pass(&ipv6(A, B, ICMPV6, icmp(128, 0, 1, b"")));
    scene.expect_drop(&ipv6(A, B, ICMP, icmp(8, 0, 1, b"")), DropReason::PolicyEgressDenied);
}
