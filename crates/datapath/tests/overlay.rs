//! Several hosts with real VXLAN devices, real sockets in the guests, and every stage of a move.

mod common;

use common::hosts::{Guest, Host, Identity, Underlay, blocked, reaches, stream_megabyte};
use pintle_core::DropReason;
use pintle_datapath::{Endpoint, EndpointFlags, LinkState, Location, LocationKey};

/// Three hosts; a guest on the first and one on the third, which know of each other.
struct Net {
    hosts: [Host; 3],
    x: Guest,
    peer: Guest,
    _underlay: Underlay,
}

impl Net {
    fn new(x: Identity, peer: Identity) -> Net {
        let underlay = Underlay::new();
        let hosts = [1, 2, 3].map(|number| underlay.host(number));
        let (x, peer) = (hosts[0].guest(x, 1), hosts[2].guest(peer, 1));
        hosts[0].place_local(&x);
        hosts[2].place_local(&peer);
        for host in &hosts[1..] {
            host.place_remote(&x.id, hosts[0].vtep);
        }
        for host in &hosts[..2] {
            host.place_remote(&peer.id, hosts[2].vtep);
        }
        Net { hosts, x, peer, _underlay: underlay }
    }

    fn neighbours() -> Net {
        Net::new(Identity::new(100, 1, 10), Identity::new(100, 1, 20))
    }

    /// X as it will be on the second host: its device, not yet known to anybody. Same identity, so it can speak once asked.
    fn x_on_second(&self) -> Guest {
        self.hosts[1].guest(self.x.id, 1)
    }
}

#[test]
fn i01_guests_of_two_hosts_talk_switched() {
    let net = Net::neighbours();
    let (x, peer) = (net.x.udp(5000), net.peer.udp(5000));
    assert!(reaches(&x, &peer) && reaches(&peer, &x));
    stream_megabyte(&net.x, &net.peer);
    stream_megabyte(&net.peer, &net.x);
    let [first, _, third] = &net.hosts;
    let (sent, received) = (first.datapath.counters().traffic(1), third.datapath.counters().traffic(1));
    let (sent, received) = (sent.expect("read"), received.expect("read"));
    assert!(sent.tx_bytes > 1_000_000 && received.rx_bytes > 1_000_000, "{sent:?} {received:?}");
    let vxlan = first.netns.run(|| common::netns::ifindex("vx0"));
    assert_eq!(first.netns.run(|| first.datapath.verify_overlay(vxlan)).expect("verify"), LinkState::Ok);
}

#[test]
fn i01_guests_of_two_hosts_talk_routed() {
    let net = Net::new(Identity::new(100, 1, 10), Identity::new(100, 2, 20));
    let (x, peer) = (net.x.udp(5000), net.peer.udp(5000));
    assert!(reaches(&x, &peer) && reaches(&peer, &x));
    stream_megabyte(&net.x, &net.peer);
    // One hop only: a packet with TTL 1 does not leave, one with TTL 2 does.
    x.set_ttl(1).expect("set");
    assert!(blocked(&x, &peer));
    assert_eq!(net.hosts[0].dropped(1, DropReason::TtlExceeded), 1);
    x.set_ttl(2).expect("set");
    assert!(reaches(&x, &peer));
}

#[test]
fn i01_two_vpcs_with_equal_addresses_share_the_overlay() {
    let net = Net::neighbours();
    let other = [Identity::new(200, 1, 10), Identity::new(200, 1, 20)];
    let (x2, peer2) = (net.hosts[0].guest(other[0], 2), net.hosts[2].guest(other[1], 2));
    net.hosts[0].place_local(&x2);
    net.hosts[2].place_local(&peer2);
    net.hosts[0].place_remote(&other[1], net.hosts[2].vtep);
    net.hosts[2].place_remote(&other[0], net.hosts[0].vtep);
    let (x, peer) = (net.x.udp(5000), net.peer.udp(5000));
    let (x2, peer2_socket) = (x2.udp(5000), peer2.udp(5000));
    assert!(reaches(&x, &peer) && reaches(&x2, &peer2_socket));
    let before = net.hosts[2].received(&peer2);
    assert!(reaches(&x, &peer));
    assert_eq!(net.hosts[2].received(&peer2), before);
}

#[test]
fn d13_a_host_cannot_speak_for_another_hosts_interface() {
    let net = Net::neighbours();
    let (x, peer) = (net.x.udp(5000), net.peer.udp(5000));
    assert!(reaches(&x, &peer));
    // The third host now knows X on the second: what the first sends in X's name is refused.
    net.hosts[2].place_remote(&net.x.id, net.hosts[1].vtep);
    assert!(blocked(&x, &peer));
    assert_eq!(net.hosts[2].dropped(0, DropReason::WrongHost), 1);
    // During a move both hosts may speak.
    let key = LocationKey { segment: net.x.id.segment, mac: net.x.id.mac };
    let both = Location { vtep: Some(net.hosts[1].vtep), alt_vtep: Some(net.hosts[0].vtep), ..Location::default() };
    net.hosts[2].locate(&key, Some(both));
    assert!(reaches(&x, &peer));
    // An interface of the host itself, and one that nobody knows, never come from the overlay.
    net.hosts[2].locate(&key, Some(Location::default()));
    assert!(blocked(&x, &peer));
    net.hosts[2].locate(&key, None);
    assert!(blocked(&x, &peer));
    assert_eq!(net.hosts[2].dropped(0, DropReason::WrongHost), 3);
}

#[test]
fn packets_for_what_is_not_here_are_dropped_by_reason() {
    let net = Net::neighbours();
    let (x, peer) = (net.x.udp(5000), net.peer.udp(5000));
    assert!(reaches(&x, &peer));
    net.hosts[2].place_remote(&net.peer.id, net.hosts[1].vtep);
    assert!(blocked(&x, &peer));
    assert_eq!(net.hosts[2].dropped(0, DropReason::NotHere), 1);
    net.hosts[2].displace(&net.peer.id);
    assert!(blocked(&x, &peer));
    assert_eq!(net.hosts[2].dropped(0, DropReason::UnknownSegment), 1);
}

#[test]
fn a15_early_packets_reach_the_prepared_device() {
    let net = Net::neighbours();
    let moved = net.x_on_second();
    let early = Endpoint {
        vtep: Some(net.hosts[0].vtep),
        alt_ifindex: Some(moved.port),
        alt_slot: moved.slot,
        ..Endpoint::default()
    };
    net.hosts[1].place(&net.x.id, early);
    // The peer's host learns of the move first.
    net.hosts[2].place_remote(&net.x.id, net.hosts[1].vtep);
    let (peer, x) = (net.peer.udp(5000), moved.udp(5000));
    assert!(reaches(&peer, &x));
    assert_eq!(net.hosts[1].received(&moved), 1);
}

/// Cuts X over from the first host to the second; the third host still sends to the first.
fn cut_over(net: &Net, moved: &Guest, flags: EndpointFlags) {
    let [first, second, _] = &net.hosts;
    let here =
        Endpoint { ifindex: Some(moved.port), slot: 1, alt_vtep: Some(first.vtep), flags, ..Endpoint::default() };
    second.place(&net.x.id, here);
    let gone = Endpoint { vtep: Some(second.vtep), flags: EndpointFlags::MOVED, ..Endpoint::default() };
    first.place(&net.x.id, gone);
}

#[test]
fn a15_late_packets_are_sent_on_by_the_old_host() {
    for (subnet, kind) in [(1, "switched"), (2, "routed")] {
        let net = Net::new(Identity::new(100, 1, 10), Identity::new(100, subnet, 20));
        let moved = net.x_on_second();
        cut_over(&net, &moved, EndpointFlags::INCOMING);
        let (peer, new, old) = (net.peer.udp(5000), moved.udp(5000), net.x.udp(5000));
        assert!(reaches(&peer, &new), "{kind}");
        old.set_nonblocking(true).expect("set");
        assert!(old.recv_from(&mut [0; 8]).is_err(), "the old device gets nothing");
        assert_eq!(net.hosts[0].received(&net.x), 0);
        // And the answer goes straight back, once the peer's host accepts the new one.
        net.hosts[2].place_remote(&net.x.id, net.hosts[1].vtep);
        assert!(reaches(&new, &peer), "{kind}");
    }
}

#[test]
fn a15_the_old_host_is_believed_only_while_the_move_lasts() {
    let net = Net::neighbours();
    let moved = net.x_on_second();
    cut_over(&net, &moved, EndpointFlags::NONE);
    let (peer, x) = (net.peer.udp(5000), moved.udp(5000));
    assert!(blocked(&peer, &x), "not INCOMING");
    assert_eq!(net.hosts[1].dropped(1, DropReason::WrongHost), 1);
    // Incoming, but from another host than the one that sends on.
    let elsewhere = Endpoint {
        ifindex: Some(moved.port),
        slot: 1,
        alt_vtep: Some(net.hosts[2].vtep),
        flags: EndpointFlags::INCOMING,
        ..Endpoint::default()
    };
    net.hosts[1].place(&net.x.id, elsewhere);
    assert!(blocked(&peer, &x));
    assert_eq!(net.hosts[1].dropped(1, DropReason::WrongHost), 2);
}

#[test]
fn a15_nothing_is_sent_on_twice() {
    let net = Net::neighbours();
    let [first, second, third] = &net.hosts;
    // Stale tables on both hosts that make a circle, and every flag that could keep it turning.
    let flags = EndpointFlags::MOVED.with(EndpointFlags::INCOMING);
    let to = |vtep, alt| Endpoint { vtep: Some(vtep), alt_vtep: Some(alt), flags, ..Endpoint::default() };
    first.place(&net.x.id, to(second.vtep, second.vtep));
    second.place(&net.x.id, to(third.vtep, first.vtep));
    let peer = net.peer.udp(5000);
    peer.send_to(b"round and round", (net.x.id.ip, 5000)).expect("send");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while second.dropped(0, DropReason::NotHere) == 0 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(second.dropped(0, DropReason::NotHere), 1, "dropped at the second host, not sent to a third");
    // Nor back to the host that it came from.
    first.place(&net.x.id, to(third.vtep, third.vtep));
    peer.send_to(b"there and back", (net.x.id.ip, 5000)).expect("send");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while first.dropped(0, DropReason::NotHere) == 0 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(first.dropped(0, DropReason::NotHere), 1);
}
