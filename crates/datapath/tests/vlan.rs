//! VLANs of a card, with real devices: each is a port of its own, whose tag its peers never see.

mod common;

use common::frames::Udp;
use common::hosts::{Guest, Host, Identity, Underlay, blocked, eventually, reaches, stream_megabyte};
use common::netns::inject;
use common::policy::{allow_out, closed};
use common::{GATEWAY_MAC, unique};
use pintle_core::DropReason;
use pintle_datapath::{Iface, Vlan, VlanKey};

const CARD: Identity = identity(1, 10);
const VLAN: Identity = identity(2, 10);
const OTHER: Identity = identity(1, 50);

const fn identity(subnet: u8, number: u8) -> Identity {
    let ip = std::net::Ipv4Addr::new(10, 0, subnet, number);
    Identity { segment: 100, ip, mac: [2, 0, 0, 100, subnet, number], table: 0 }
}

/// A host with a card, VLAN 100 of it, and a guest of another kind.
struct Net {
    card: Guest,
    vlan: Guest,
    other: Guest,
    host: Host,
    underlay: Underlay,
}

impl Net {
    fn new() -> Net {
        let underlay = Underlay::new();
        let host = underlay.host(1);
        let (card, other) = (host.guest(CARD, 1), host.guest(OTHER, 3));
        let vlan = host.vlan_guest(&card, VLAN, 2, 100);
        [&card, &vlan, &other].into_iter().for_each(|guest| host.place_local(guest));
        Net { card, vlan, other, host, underlay }
    }

    /// Sends a frame into a guest's card; the reason that it was dropped for must be counted in the slot, once.
    fn refuses(&self, from: &Guest, frame: &[u8], slot: u32, reason: DropReason) {
        let before = self.host.dropped(slot, reason);
        from.netns.run(|| inject("eth0", frame).expect("the guest may try"));
        assert_eq!(self.host.dropped(slot, reason) - before, 1, "{reason:?} in slot {slot}");
    }
}

/// A datagram of one identity to the gateway of its subnet, and so to another's address.
fn datagram(from: Identity, to: Identity) -> Vec<u8> {
    Udp { src_mac: from.mac, dst_mac: GATEWAY_MAC, src: from.ip, dst: to.ip, ttl: 64, payload: 22 }.bytes()
}

fn tagged(frame: &[u8], ethertype: u16, tag: u16) -> Vec<u8> {
    [&frame[..12], &ethertype.to_be_bytes(), &tag.to_be_bytes(), &frame[12..]].concat()
}

#[test]
fn f08_the_ports_of_a_card_its_vlans_and_others_talk() {
    let net = Net::new();
    let all = [&net.card, &net.vlan, &net.other];
    let sockets = all.map(|guest| guest.udp(5000));
    for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)] {
        let before = all.map(|guest| net.host.received(guest));
        assert!(reaches(&sockets[from], &sockets[to]), "{from} to {to}");
        let after = all.map(|guest| net.host.received(guest));
        // Beside it ARP and its answers, which are counted too.
        assert!(after[to] > before[to], "{from} to {to}");
    }
    // With segmentation offload, both ways; by the established path.
    stream_megabyte(&net.vlan, &net.other);
    stream_megabyte(&net.other, &net.vlan);
    let before = net.host.datapath.counters().traffic(1).expect("read");
    stream_megabyte(&net.vlan, &net.other);
    assert_eq!(
        net.host.datapath.counters().traffic(1).expect("read"),
        before,
        "nothing counts for the card's own port"
    );
    assert_eq!([0, 1, 2, 3].map(|slot| net.host.dropped(slot, DropReason::RewriteFailed)), [0; 4]);
}

#[test]
fn f08_the_gateway_answers_with_the_tag() {
    let net = Net::new();
    // ARP for the gateway, and its ICMP error: this host has not been told that it is one that answers.
    let heard = net.vlan.netns.sh("ping -c 1 -W 5 10.0.2.1; true");
    assert!(heard.contains("From 10.0.2.1") && heard.contains("Unreachable"), "{heard}");
    let neighbours = net.vlan.netns.sh("ip neigh show 10.0.2.1");
    assert!(neighbours.contains(&GATEWAY_MAC.map(|byte| format!("{byte:02x}")).join(":")), "{neighbours}");
    let traffic = net.host.datapath.counters().traffic(2).expect("read");
    assert!(traffic.tx_packets >= 1 && traffic.rx_packets >= 1, "{traffic:?}");
    assert_eq!(net.host.received(&net.card), 0);
}

#[test]
fn f08_other_tags_and_no_tag_are_dropped_with_their_reason() {
    let net = Net::new();
    let good = datagram(VLAN, OTHER);
    let before = net.host.received(&net.other);
    net.card.netns.run(|| inject("eth0", &tagged(&good, 0x8100, 0x6000 | 100)).expect("sent"));
    // And perhaps the answer to its receiver's question for a neighbour.
    assert!(net.host.received(&net.other) > before, "the priority is no part of the number");
    for tag in [0, 101, 4095] {
        net.refuses(&net.card, &tagged(&good, 0x8100, tag), 1, DropReason::VlanNotAllowed);
    }
    net.refuses(&net.card, &tagged(&good, 0x88a8, 100), 1, DropReason::VlanTagged);
    net.refuses(&net.card, &tagged(&tagged(&good, 0x8100, 100), 0x8100, 100), 1, DropReason::VlanTagged);
    net.refuses(&net.card, &tagged(&tagged(&good, 0x8100, 7), 0x8100, 100), 1, DropReason::VlanTagged);
    net.refuses(&net.card, &good, 1, DropReason::SpoofedSrcMac);
    net.refuses(&net.card, &tagged(&datagram(CARD, OTHER), 0x8100, 100), 2, DropReason::SpoofedSrcMac);
    net.refuses(&net.other, &tagged(&good, 0x8100, 100), 3, DropReason::VlanTagged);
}

#[test]
fn f08_policy_and_limits_are_the_vlans_own() {
    let net = Net::new();
    let (card, vlan, other) = (net.card.udp(5000), net.vlan.udp(5000), net.other.udp(5000));
    assert!(reaches(&other, &vlan) && reaches(&other, &card));
    net.host.policies.put(&net.host.datapath, 2, closed(VLAN.mac, GATEWAY_MAC), allow_out());
    let fresh = net.other.udp(5001);
    assert!(blocked(&fresh, &vlan) && reaches(&fresh, &card));
    // Without a cable, limited packets are dropped: that of the card's class are not the VLAN's.
    let limited = |slot: u32, egress_class: u32| {
        let row = net.host.datapath.ifaces().get(&slot).expect("get").expect("there");
        net.host.datapath.ifaces().put(&slot, &Iface { egress_class, ..row }).expect("put");
    };
    limited(1, 0x1_0010);
    assert!(reaches(&vlan, &other));
    limited(2, 0x1_0020);
    let dropped = |slot| net.host.dropped(slot, DropReason::NoShaper);
    let (before, sent) = ([1, 2].map(dropped), 20);
    for _ in 0..sent {
        let _refused = vlan.send_to(b"limited", other.local_addr().expect("bound"));
    }
    // Its device is a process of its own.
    assert!(eventually(|| dropped(2) - before[1] >= sent), "{} of {sent}", dropped(2) - before[1]);
    assert!(blocked(&vlan, &other));
    // The card's kernel speaks for itself now and then (router solicitations), which its own limit drops.
    let card_drops = dropped(1) - before[0];
    assert!(card_drops < sent, "the VLAN's packets count in the card's slot: {card_drops}");
}

#[test]
fn f08_a_vlan_that_is_taken_away_is_silent_at_once() {
    let net = Net::new();
    let (vlan, other) = (net.vlan.udp(5000), net.other.udp(5000));
    assert!(reaches(&vlan, &other) && reaches(&other, &vlan));
    let key = VlanKey { ifindex: net.card.port, vlan: 100 };
    assert_eq!(net.host.datapath.vlans().get(&key).expect("get").map(|row| row.port), Some(net.vlan.port));
    assert!(net.host.datapath.vlans().delete(&key).expect("delete"));
    assert!(blocked(&vlan, &other));
    assert!(net.host.dropped(1, DropReason::VlanNotAllowed) > 0);
    assert!(net.host.datapath.ports().delete(&net.vlan.port).expect("delete"));
    assert!(blocked(&other, &vlan), "its flows lead nowhere");
    assert!(net.host.dropped(0, DropReason::UnknownPort) > 0);
}

#[test]
fn f08_a_vlan_is_reached_from_another_host() {
    let net = Net::new();
    let second = net.underlay.host(2);
    let far = second.guest(identity(2, 60), 1);
    second.place_local(&far);
    second.place_remote(&VLAN, net.host.vtep);
    net.host.place_remote(&far.id, second.vtep);
    let (vlan, peer) = (net.vlan.udp(5000), far.udp(5000));
    assert!(reaches(&vlan, &peer) && reaches(&peer, &vlan));
    stream_megabyte(&net.vlan, &far);
    stream_megabyte(&far, &net.vlan);
}

#[test]
fn what_can_never_be_right_is_refused() {
    let net = Net::new();
    let say = |result: pintle_datapath::Result<()>| result.expect_err("refused").to_string();
    let row = net.host.datapath.ports().get(&net.vlan.port).expect("get").expect("there");
    assert_eq!(row.card, Some(net.card.port));
    let ports = net.host.datapath.ports();
    let alone = pintle_datapath::Port { card: None, ..row.clone() };
    assert!(say(ports.put(&net.vlan.port, &alone)).contains("a VLAN is one of a card's"));
    assert!(say(ports.put(&net.card.port, &row)).contains("a port with a device has no other card"));
    assert!(say(ports.put(&pintle_datapath::vlan_port(100, 9), &row)).contains("says its slot"));
    assert!(say(ports.put(&pintle_datapath::vlan_port(4095, 2), &row)).contains("1 to 4094"));
    let vlan = Vlan { port: net.vlan.port, generation: 1, attachment: unique() };
    let key = |ifindex, vlan| VlanKey { ifindex, vlan };
    let vlans = net.host.datapath.vlans();
    assert!(say(vlans.put(&key(net.card.port, 101), &vlan)).contains("must say the same VLAN"));
    assert!(say(vlans.put(&key(net.card.port, 0), &vlan)).contains("1 to 4094"));
    assert!(say(vlans.put(&key(0, 100), &vlan)).contains("device indexes start at 1"));
}
