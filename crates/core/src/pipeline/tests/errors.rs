//! E16: ICMP errors pass only about packets that were sent.

use super::tcp::Wire;
use super::*;
use crate::pipeline::tcp::ACK;

/// An error of this type and code from one guest to another about a frame.
fn error(from: Guest, to: Guest, kind: u8, code: u8, about: &Craft) -> Craft {
    let quoted = &about.bytes()[14..14 + 28];
    packet(from, to, ICMP, icmp(kind, code, 0, quoted))
}

#[test]
fn e16_errors_about_live_flows_need_no_rule() {
    let mut scene = Scene::closed();
    scene.permit(A, Direction::Egress, ProtocolMatch::Any, Remote::Any);
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    let sent = datagram(A, B, 53);
    scene.expect_drop(&error(B, A, 3, 3, &sent), DropReason::IcmpUnrelated);
    scene.expect_pass(&sent);
    scene.expect_pass(&error(B, A, 3, 3, &sent));
    // A third one's word counts only if it is a router.
    scene.expect_drop(&error(C, A, 11, 0, &sent), DropReason::IcmpUnrelated);
    scene.edit(C, |port| port.policy.source_dest_check = false);
    scene.expect_pass(&error(C, A, 11, 0, &sent));
    // To one who did not send it; about another flow; about a dead one; about an error.
    scene.expect_drop(&error(A, B, 3, 3, &sent), DropReason::IcmpUnrelated);
    scene.expect_drop(&error(B, A, 3, 3, &datagram(A, B, 54)), DropReason::IcmpUnrelated);
    let other = error(B, A, 3, 3, &sent);
    scene.expect_drop(&error(A, B, 3, 3, &other), DropReason::IcmpUnrelated);
    scene.wait(30);
    scene.expect_drop(&error(B, A, 3, 3, &sent), DropReason::IcmpUnrelated);
}

#[test]
fn e16_a_quoted_segment_must_be_under_way() {
    let mut wire = Wire::established();
    wire.a(ACK, 1001, 5001, 1000);
    wire.b(ACK, 5001, 1501, 0);
    for (seq, passes) in [(1500, false), (1501, true), (2001, true), (2002, false)] {
        let about = wire.craft(true, ACK, seq, 5001, 0);
        let outcome = wire.scene.say(&error(B, A, 3, 4, &about));
        assert_eq!(dropped(&outcome), (!passes).then_some(DropReason::IcmpUnrelated), "{seq}");
    }
}

#[test]
fn e16_what_has_cut_a_flow_off_leaves_errors_no_way() {
    let mut scene = Scene::open();
    let sent = datagram(A, B, 53);
    scene.expect_pass(&sent);
    for (guest, judged) in [(A, 7), (B, 8)] {
        scene.edit(guest, |port| port.policy.judged = judged);
        scene.expect_drop(&error(B, A, 3, 3, &sent), DropReason::IcmpUnrelated);
        // Its next packet is judged again, and then all is as before.
        scene.expect_pass(&sent);
        scene.expect_pass(&error(B, A, 3, 3, &sent));
    }
}

#[test]
fn redirects_are_nobodys_right() {
    let mut scene = Scene::open();
    let sent = datagram(A, B, 53);
    scene.expect_pass(&sent);
    scene.expect_drop(&error(B, A, 5, 1, &sent), DropReason::IcmpRedirect);
}

#[test]
fn network_acls_judge_errors_too() {
    let mut scene = Scene::open();
    let sent = datagram(A, C, 53);
    scene.expect_pass(&sent);
    scene.expect_pass(&error(C, A, 3, 3, &sent));
    scene.edit(C, |port| port.policy.acl = Some(acl_id(9)));
    scene.expect_drop(&error(C, A, 3, 3, &sent), DropReason::AclEgressDenied);
}
