//! Tagged frames: whose they are, and which are nobody's.

use super::*;

/// The frame with a tag in front of its ethertype.
fn tagged(craft: &Craft, ethertype: u16, tag: u16) -> Vec<u8> {
    let frame = craft.bytes();
    [&frame[..12], &ethertype.to_be_bytes(), &tag.to_be_bytes(), &frame[12..]].concat()
}

/// B uses VLAN 100 of A's card.
fn trunk() -> Scene {
    let mut scene = Scene::open();
    scene.edit(A, |port| port.nic = PortNic::Card { trunk: true });
    scene.edit(B, |port| port.nic = PortNic::Vlan { card: A.port(), id: 100 });
    scene
}

#[test]
fn f08_a_tagged_frame_is_the_vlans_and_an_untagged_one_the_cards() {
    let mut scene = trunk();
    let outcome = scene.send(A, &datagram(A, C, 9).bytes());
    assert_eq!(outcome.verdict, Verdict::Delivered { port: C.port() });
    // Priority and drop eligibility are no part of the VLAN's number.
    for tag in [100, 0xe000 | 100, 0x1000 | 100] {
        let outcome = scene.send(A, &tagged(&datagram(B, C, 9), 0x8100, tag));
        assert_eq!(outcome.verdict, Verdict::Delivered { port: C.port() }, "{:#?}", outcome.trace);
        let frame = outcome.frame.unwrap();
        assert_eq!((&frame[6..12], &frame[12..14]), (&GATEWAY_MAC.0[..], &[8, 0][..]), "no tag is left");
    }
    let outcome = scene.send(C, &datagram(C, B, 9).bytes());
    assert_eq!(outcome.verdict, Verdict::Delivered { port: B.port() });
}

#[test]
fn f08_other_tags_and_other_senders_are_refused() {
    let mut scene = trunk();
    let frame = datagram(B, C, 9);
    for tag in [0, 101, 4095] {
        assert_eq!(dropped(&scene.send(A, &tagged(&frame, 0x8100, tag))), Some(DropReason::VlanNotAllowed), "{tag}");
    }
    assert_eq!(dropped(&scene.send(A, &tagged(&frame, 0x88a8, 100))), Some(DropReason::VlanTagged));
    let mut twice = tagged(&frame, 0x8100, 100);
    twice.splice(12..12, [0x81, 0, 0, 100]);
    assert_eq!(dropped(&scene.send(A, &twice)), Some(DropReason::VlanTagged));
    assert_eq!(dropped(&scene.send(A, &tagged(&frame, 0x8100, 100)[..16])), Some(DropReason::Truncated));
    // Neither of the two may use the other's address.
    assert_eq!(dropped(&scene.send(A, &frame.bytes())), Some(DropReason::SpoofedSrcMac));
    let cards = tagged(&datagram(A, C, 9), 0x8100, 100);
    assert_eq!(dropped(&scene.send(A, &cards)), Some(DropReason::SpoofedSrcMac));
    // A card without VLANs, and a card of another guest.
    assert_eq!(dropped(&scene.send(C, &tagged(&frame, 0x8100, 100))), Some(DropReason::VlanTagged));
    scene.edit(C, |port| port.nic = PortNic::Card { trunk: true });
    assert_eq!(dropped(&scene.send(C, &tagged(&frame, 0x8100, 100))), Some(DropReason::VlanNotAllowed));
}
