//! Who sends, where it goes, and what the gateway says.

use super::*;
use crate::host_spec::RouteSpec;
use crate::net::GATEWAY_LINK_LOCAL;
use crate::pipeline::Hop;
use crate::pipeline::packet::ICMPV6;

#[test]
fn d08_d09_d10_addresses_are_the_senders_own_unless_it_may_spoof() {
    let mut scene = Scene::open();
    let mut forged = datagram(A, B, 9);
    forged.source = IpAddr::from([10, 0, 1, 77]);
    scene.expect_drop(&forged, DropReason::SpoofedSrcIp);
    scene.edit(A, |port| port.policy.allow_ip_spoofing = true);
    scene.expect_pass(&forged);
    for never in ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        forged.source = never.parse().unwrap();
        scene.expect_drop(&forged, DropReason::SpoofedSrcIp);
    }
    let mut frame = datagram(A, B, 9).bytes();
    frame[6..12].copy_from_slice(&B.mac().0);
    assert_eq!(dropped(&scene.send(A, &frame)), Some(DropReason::SpoofedSrcMac));
}

#[test]
fn b13_delegated_prefixes_are_their_owners() {
    let mut scene = Scene::open();
    scene.edit(B, |port| port.prefixes.push("10.0.1.64/28".parse().unwrap()));
    let route = EntryKey::Route(SEGMENT, 0, "10.0.1.64/28".parse().unwrap());
    scene.entries.insert(route, Entry::Route(RouteSpec::Via(B.ip.into())));
    let mut to_prefix = datagram(A, B, 9);
    to_prefix.destination = IpAddr::from([10, 0, 1, 70]);
    scene.expect_pass(&to_prefix);
    let mut from_prefix = datagram(B, A, 9);
    from_prefix.source = IpAddr::from([10, 0, 1, 79]);
    scene.expect_pass(&from_prefix);
    from_prefix.source = IpAddr::from([10, 0, 1, 80]);
    scene.expect_drop(&from_prefix, DropReason::SpoofedSrcIp);
}

#[test]
fn d11_d12_only_routers_get_what_is_for_others() {
    let mut scene = Scene::open();
    let mut foreign = datagram(A, B, 9);
    foreign.destination = IpAddr::from([172, 16, 0, 1]);
    scene.expect_drop(&foreign, DropReason::NotDestination);
    scene.edit(B, |port| port.policy.source_dest_check = false);
    scene.expect_pass(&foreign);
    // The router sends on what it got.
    let mut on = datagram(B, A, 9);
    on.source = IpAddr::from([172, 16, 0, 1]);
    scene.expect_pass(&on);
    // A MAC that nobody has, and one of another subnet.
    foreign.destination_mac = Mac::local(99);
    scene.expect_drop(&foreign, DropReason::NoRoute);
    foreign.destination_mac = C.mac();
    scene.expect_drop(&foreign, DropReason::NoRoute);
    foreign.destination = B.ip.into();
    scene.expect_drop(&foreign, DropReason::WrongDstMac);
}

#[test]
fn routed_frames_get_new_macs_and_a_smaller_ttl() {
    let mut scene = Scene::open();
    let sent = datagram(A, C, 9);
    let outcome = scene.say(&sent);
    assert_eq!(outcome.verdict, Verdict::Delivered { port: C.port() });
    let expected = Craft { destination_mac: C.mac(), source_mac: GATEWAY_MAC, ttl: 63, ..sent };
    assert_eq!(outcome.frame, Some(expected.bytes()));
    let sent = datagram(A, R, 9);
    let outcome = scene.say(&sent);
    assert_eq!(outcome.verdict, Verdict::Tunnelled { vtep: OTHER_HOST, segment: SEGMENT });
    assert_eq!(outcome.frame, Some(Craft { destination_mac: Hop::Routed.mac(), ttl: 63, ..sent }.bytes()));
}

#[test]
fn what_the_gateway_cannot_forward_it_says() {
    let mut scene = Scene::closed();
    let told = |outcome: &Outcome| outcome.frame.as_ref().map(|frame| (frame[34], frame[35], frame[26..30].to_vec()));
    let gateway = vec![10, 0, 1, 1];
    let dying = Craft { ttl: 1, ..datagram(A, C, 9) };
    assert_eq!(told(&scene.expect_drop(&dying, DropReason::TtlExceeded)), Some((11, 0, gateway.clone())));
    let mut nowhere = datagram(A, C, 9);
    nowhere.destination = IpAddr::from([10, 0, 2, 99]);
    assert_eq!(told(&scene.expect_drop(&nowhere, DropReason::NoRoute)), Some((3, 1, gateway.clone())));
    let mut large = packet(A, C, UDP, udp(1, 2, 1450));
    assert_eq!(told(&scene.expect_drop(&large, DropReason::TooBig)), None, "it may be fragmented, but not here");
    large.dont_fragment = true;
    assert_eq!(told(&scene.expect_drop(&large, DropReason::TooBig)), Some((3, 4, gateway)));
    let ping = Craft { destination: IpAddr::from([10, 0, 1, 1]), destination_mac: GATEWAY_MAC, ..echo(A, B, 8, 1) };
    let outcome = scene.say(&ping);
    let reply = Craft {
        source: ping.destination,
        destination: A.ip.into(),
        source_mac: GATEWAY_MAC,
        destination_mac: A.mac(),
        payload: icmp(0, 0, 1 << 16, b"hello"),
        ..ping
    };
    assert_eq!((outcome.verdict, outcome.frame), (Verdict::Answered, Some(reply.bytes())));
}

#[test]
fn d13_other_hosts_speak_only_for_who_lives_there() {
    let mut scene = Scene::open();
    let arriving = datagram(R, C, 9);
    let mut forged = Craft { destination_mac: C.mac(), ..arriving };
    scene.expect_pass(&forged);
    forged.source_mac = B.mac();
    assert_eq!(dropped(&scene.arrive(&forged.bytes())), Some(DropReason::WrongHost));
    forged.source_mac = R.mac();
    let world = World::new(&scene.entries);
    let elsewhere = scene.pipeline.from_overlay(world, SEGMENT + 1, OTHER_HOST, &forged.bytes(), 2_000_000);
    assert_eq!(dropped(&elsewhere), Some(DropReason::WrongHost));
}

#[test]
fn the_gateway_answers_a_ping_to_its_link_local_address_from_one() {
    let mut scene = Scene::closed();
    scene.edit(A, |port| port.subnet6 = "2001:db8:1::/64".parse().ok());
    let gateway: IpAddr = GATEWAY_LINK_LOCAL.into();
    let ping = |source: &str| {
        let message = icmp(128, 0, 1 << 16, b"hello");
        Craft::new((A.mac(), source.parse().unwrap()), (GATEWAY_MAC, gateway), ICMPV6, message)
    };
    let outcome = scene.say(&ping("fe80::ff:fe00:1"));
    let frame = outcome.frame.expect("an answer");
    assert_eq!(
        (outcome.verdict, frame[54], &frame[22..38]),
        (Verdict::Answered, 129, &GATEWAY_LINK_LOCAL.octets()[..])
    );
    scene.expect_drop(&ping("fe80::1"), DropReason::SpoofedSrcIp);
    scene.expect_drop(&ping("2001:db8:1::77"), DropReason::SpoofedSrcIp);
    let elsewhere = Craft { destination: "fe80::2".parse().unwrap(), ..ping("fe80::ff:fe00:1") };
    scene.expect_drop(&elsewhere, DropReason::SpoofedSrcIp);
    let away = Craft { destination_mac: B.mac(), ..ping("fe80::ff:fe00:1") };
    scene.expect_drop(&away, DropReason::WrongDstMac);
}
