//! Bare metal servers: cards, VLANs of cards, and what interfaces are like there, from the request to packets.

#[path = "public/support.rs"]
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pintle_lab::internet::FAR;
use pintle_lab::policy::{exchange, is_kept_out, listen, reach};
use pintle_lab::{Lab, Network, ip};
use pintle_probe::echo::Echo;
use pintle_probe::inject::{Injector, build};
use pintle_probe::ping::Pinger;
use pintle_probe::stream::Stream;
use pintle_probe::{Namespace, VlanDevice};
use serde_json::{Value, json};
use support::{answers, talk};

const PATIENCE: Duration = Duration::from_secs(8);
/// Nobody has it.
const NOWHERE: [u8; 6] = [2, 9, 9, 9, 9, 9];
const ACK: u8 = 0x10;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A VPC of a lab.
struct Scene<'a> {
    lab: &'a Lab,
    network: Network<'a>,
}

impl<'a> Scene<'a> {
    fn new(lab: &'a Lab) -> Scene<'a> {
        Scene { lab, network: Network::new(&lab.api).unwrap() }
    }

    /// An interface with this address, in a group with these rules: id and MAC.
    fn interface(&self, subnet: &str, address: &str, rules: &[&str]) -> (String, String) {
        let group = self.network.group_of(rules).unwrap();
        let body = json!({ "subnet": subnet, "address": address, "security_groups": [group] });
        let made = self.lab.api.post("/native/v1/virtual_network_interfaces", body).unwrap();
        (text(&made["id"]), text(&made["mac_address"]))
    }

    /// A bare metal server with a card that allows VLANs, and with VLANs of it, all of them realised; its id.
    fn server(&self, host: &str, card: &str, allowed: &[u16], vlans: &[(&str, u16)]) -> String {
        let vlans: Vec<Value> =
            vlans.iter().map(|(vni, id)| json!({ "vni": vni, "vlan": id, "allow_to_float": true })).collect();
        let body = json!({
            "bare_metal": true, "vpc": self.network.vpc, "host": host,
            "primary": { "vni": card, "allowed_vlans": allowed }, "attachments": vlans,
        });
        let server = text(&self.lab.api.post("/native/v1/instances", body).unwrap()["id"]);
        until("all of the server's interfaces are realised", || {
            let shown = self.lab.api.get(&format!("/native/v1/instances/{server}")).unwrap();
            let interfaces = shown["interfaces"].as_array().unwrap().clone();
            interfaces.iter().all(|one| one["attachment"]["lifecycle"] == "stable")
        });
        server
    }

    /// An instance with an interface in each of these subnets; its id.
    fn peer(&self, host: &str, places: &[(&str, &str)]) -> String {
        let instance = self.network.instance(host).unwrap();
        for (subnet, address) in places {
            let (vni, _) = self.interface(subnet, address, &["any from any", "any to any"]);
            self.network.attach(&vni, &instance).unwrap();
        }
        instance
    }
}

/// A VLAN as the server's own system sets it up.
fn vlan(server: &str, id: u16, mac: &str, address: &str) -> VlanDevice {
    let name = format!("eth0.{id}");
    let device = VlanDevice::start(&Namespace::named(server), "eth0", &name, id).unwrap();
    ip(&format!("-n {server} link set {name} up address {mac} mtu 1400")).unwrap();
    ip(&format!("-n {server} addr add {address}/24 dev {name}")).unwrap();
    device
}

fn bytes(mac: &str) -> [u8; 6] {
    let parts: Vec<u8> = mac.split(':').map(|part| u8::from_str_radix(part, 16).unwrap()).collect();
    parts.try_into().unwrap()
}

#[test]
fn f01_f08_a_card_and_its_vlans_are_interfaces_apart() {
    let lab = Lab::start().unwrap();
    let scene = Scene::new(&lab);
    let subnets = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"].map(|cidr| scene.network.subnet(cidr).unwrap());
    let (card, _) = scene.interface(&subnets[0], "10.1.0.10", &["any from any", "any to any"]);
    let (first, first_mac) =
        scene.interface(&subnets[1], "10.2.0.10", &["icmp from any", "tcp/9000 from any", "any to any"]);
    let (second, second_mac) =
        scene.interface(&subnets[2], "10.3.0.10", &["icmp from any", "tcp/9001 from any", "any to any"]);
    let server = scene.server("h1", &card, &[100, 200, 300], &[(&first, 100), (&second, 200)]);
    let places = [(&*subnets[0], "10.1.0.20"), (&*subnets[1], "10.2.0.20"), (&*subnets[2], "10.3.0.20")];
    let peer = scene.peer("h2", &places);
    let _system = [vlan(&server, 100, &first_mac, "10.2.0.10"), vlan(&server, 200, &second_mac, "10.3.0.10")];

    for (own, other) in [("10.1.0.10", "10.1.0.20"), ("10.2.0.10", "10.2.0.20"), ("10.3.0.10", "10.3.0.20")] {
        for (from, to) in [(&server, other), (&peer, own)] {
            let mut pinger = Pinger::open(&Namespace::named(from), to.parse().unwrap()).unwrap();
            let answered = pinger.until(PATIENCE, Duration::from_millis(20)).unwrap();
            assert!(answered.is_some(), "{to} does not answer\n{}", lab.logs());
        }
        // From the server outwards, by TCP: each interface's own rules let it out and the answers in.
        let listener = listen(&peer, at(other, 9100)).unwrap();
        let mut client = reach(&server, at(other, 9100)).unwrap();
        let (mut accepted, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), own.parse::<Ipv4Addr>().unwrap());
        exchange(&mut client, &mut accepted).unwrap();
    }
    // Inwards each VLAN has the rules of its own interface, not of the card's.
    for (own, open, shut) in [("10.2.0.10", 9000, 9001), ("10.3.0.10", 9001, 9000)] {
        let _listeners = [listen(&server, at(own, open)).unwrap(), listen(&server, at(own, shut)).unwrap()];
        reach(&peer, at(own, open)).unwrap();
        assert!(is_kept_out(&peer, at(own, shut)).unwrap(), "{own} port {shut}");
    }
    let _listener = listen(&server, at("10.1.0.10", 9001)).unwrap();
    reach(&peer, at("10.1.0.10", 9001)).unwrap();
    scene.network.wait_dropped(&first, "policy_ingress_denied", 1).unwrap();
    assert_eq!(scene.network.dropped(&card).unwrap().get("policy_ingress_denied"), None);
}

#[test]
fn f08_d10_frames_with_no_tag_or_another_are_dropped_and_counted() {
    let lab = Lab::start().unwrap();
    let scene = Scene::new(&lab);
    let subnet = scene.network.subnet("10.1.0.0/24").unwrap();
    let open = ["any from any", "any to any"];
    let (card, card_mac) = scene.interface(&subnet, "10.1.0.10", &open);
    let (own, own_mac) = scene.interface(&subnet, "10.1.0.11", &open);
    let server = scene.server("h1", &card, &[100, 101], &[(&own, 100)]);
    let mut injector = Injector::open(&Namespace::named(&server), "eth0").unwrap();
    let frame = |mac: &str, source: [u8; 4]| {
        let packet = build::udp((source.into(), 1), ([10, 1, 0, 99].into(), 7), b"x");
        build::ethernet(bytes(mac), NOWHERE, 0x0800, &packet)
    };
    let (of_card, of_vlan) = (frame(&card_mac, [10, 1, 0, 10]), frame(&own_mac, [10, 1, 0, 11]));
    let mut drops = |frame: &[u8], vni: &str, reason: &str| {
        let before = scene.network.dropped(vni).unwrap().get(reason).copied().unwrap_or_default();
        injector.send(frame).unwrap();
        scene.network.wait_dropped(vni, reason, before + 1).unwrap();
    };
    drops(&of_vlan, &card, "spoofed_src_mac");
    // One that is allowed and nobody's, one that is not allowed, and none.
    for id in [101, 102, 0] {
        drops(&build::vlan(&of_vlan, 0x8100, id), &card, "vlan_not_allowed");
    }
    drops(&build::vlan(&of_vlan, 0x88a8, 100), &card, "vlan_tagged");
    drops(&build::vlan(&build::vlan(&of_vlan, 0x8100, 100), 0x8100, 100), &card, "vlan_tagged");
    drops(&build::vlan(&of_card, 0x8100, 100), &own, "spoofed_src_mac");
    // So far it gets with its own tag.
    drops(&build::vlan(&of_vlan, 0x8100, 100), &own, "no_route");
    let guest = scene.peer("h1", &[(&subnet, "10.1.0.20")]);
    let mut injector = Injector::open(&Namespace::named(&guest), "eth0").unwrap();
    injector.send(&build::vlan(&of_vlan, 0x8100, 100)).unwrap();
    let shown = lab.api.get(&format!("/native/v1/instances/{guest}")).unwrap();
    let vni = text(&shown["interfaces"][0]["virtual_network_interface"]["id"]);
    scene.network.wait_dropped(&vni, "vlan_tagged", 1).unwrap();
}

#[test]
fn f08_a_floating_vlan_moves_between_servers_with_its_traffic() {
    let lab = Lab::start().unwrap();
    let scene = Scene::new(&lab);
    let subnets = ["10.1.0.0/24", "10.2.0.0/24"].map(|cidr| scene.network.subnet(cidr).unwrap());
    let open = ["any from any", "any to any"];
    let cards = ["10.1.0.10", "10.1.0.11"].map(|address| scene.interface(&subnets[0], address, &open).0);
    let (vni, mac) = scene.interface(&subnets[1], "10.2.0.10", &open);
    let servers = [
        scene.server("h1", &cards[0], &[100], &[(&vni, 100)]),
        // Its card has the VLAN, and nobody uses it yet.
        scene.server("h2", &cards[1], &[100], &[]),
    ];
    let clients = [("h1", "10.2.0.20"), ("h2", "10.2.0.21")];
    let clients = clients.map(|(host, address)| scene.peer(host, &[(&subnets[1], address)]));
    // Both systems are ready for the interface, as those of a cluster are.
    let _systems = servers.each_ref().map(|server| vlan(server, 100, &mac, "10.2.0.10"));
    let echoes = servers.each_ref().map(|server| Echo::start(&Namespace::named(server), server, 9000).unwrap());
    let address = Ipv4Addr::new(10, 2, 0, 10);
    let streams = clients
        .each_ref()
        .map(|client| Stream::start(&Namespace::named(client), address, 9000, Duration::from_millis(2)).unwrap());
    for stream in &streams {
        assert!(stream.wait_answered(PATIENCE).is_some(), "nothing is answered\n{}", lab.logs());
    }
    for round in 0..4 {
        let next = (round + 1) % 2;
        let from = streams.each_ref().map(Stream::mark);
        scene.network.move_to(&vni, &servers[next]).unwrap();
        for (stream, from) in streams.iter().zip(&from) {
            until("the new server gets the stream", || echoes[next].first_received(stream.id(), from.seq).is_some());
        }
        std::thread::sleep(Duration::from_millis(50));
        for (stream, from) in streams.iter().zip(from) {
            let report = stream.report(from, stream.mark());
            // What the old server still had in hand when it lost the right to speak.
            assert!(report.lost <= 5, "move {round}: {report:?}\n{}", lab.logs());
        }
    }
}

#[test]
fn e02_e03_automatic_filtering_follows_the_kind_of_target() {
    let lab = Lab::start().unwrap();
    let scene = Scene::new(&lab);
    let subnet = scene.network.subnet("10.1.0.0/24").unwrap();
    let open = ["any from any", "any to any"];
    let group = scene.network.group_of(&open).unwrap();
    let (card, _) = scene.interface(&subnet, "10.1.0.30", &open);
    let metal = scene.server("h1", &card, &[100], &[]);
    let instance = scene.network.instance("h1").unwrap();
    let vni = scene.network.vni(&subnet, "10.1.0.10").unwrap();
    scene.network.join(&group, &vni).unwrap();
    scene.network.attach(&vni, &instance).unwrap();
    // Who asks does not judge.
    let asker = json!({
        "subnet": subnet, "address": "10.1.0.20", "security_groups": [group], "protocol_state_filtering": "disabled",
    });
    let (asker, _) = scene.network.guest_as("h2", asker).unwrap();
    let mut injector = Injector::open(&Namespace::named(&asker), "eth0").unwrap();
    let mac =
        |of: &str| text(&lab.api.get(&format!("/native/v1/virtual_network_interfaces/{of}")).unwrap()["mac_address"]);
    let (from, to) = (pintle_lab::policy::mac(&asker).unwrap(), bytes(&mac(&vni)));
    let mut port = 20_000;
    // A segment of the middle of a connection that nobody has seen.
    let mut passes = |target: &str, tag: usize| {
        let mut capture = Injector::open(&Namespace::named(target), "eth0").unwrap();
        port += 1;
        let packet = build::tcp(([10, 1, 0, 20].into(), port), ([10, 1, 0, 10].into(), 9000), 7, 7, ACK, b"data");
        injector.send(&build::ethernet(from, to, 0x0800, &packet)).unwrap();
        capture.recv(Duration::from_millis(150), |frame| frame.get(14 + tag..) == Some(&packet)).unwrap().is_some()
    };
    assert!(!passes(&instance, 0), "an instance's interface filters");
    scene.network.wait_dropped(&vni, "tcp_no_connection", 1).unwrap();
    // There it is VLAN 100 of the card.
    let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/move");
    let moved = lab.api.post(&path, json!({ "to": metal, "vlan": 100 })).unwrap();
    assert_eq!(moved["outcome"], "moved", "{moved}");
    // Also when the connections of before the move are no longer waited for.
    until("a bare metal server's interface does not filter", || passes(&metal, 4));
    std::thread::sleep(Duration::from_secs(11));
    assert!(passes(&metal, 4), "and stays so");
    scene.network.move_to(&vni, &instance).unwrap();
    until("it filters again", || !passes(&instance, 0));
    assert!(!passes(&instance, 0));
}

#[test]
fn c04_c05_several_floating_ips_reach_a_bare_metal_server_unchanged() {
    let scene = support::Scene::new(1);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let group = network.group_of(&["any from any", "any to any"]).unwrap();
    let fields = json!({
        "subnet": subnet, "address": "10.1.0.10", "security_groups": [group],
        "enable_infrastructure_nat": false, "allow_ip_spoofing": true,
    });
    let vni = text(&scene.lab.api.post("/native/v1/virtual_network_interfaces", fields).unwrap()["id"]);
    let server = Scene { lab: &scene.lab, network }.server("h1", &vni, &[], &[]);
    let public: Vec<Ipv4Addr> = (0..3).map(|_| scene.float(&vni, None).1).collect();
    let mut capture = Injector::open(&Namespace::named(&server), "eth0").unwrap();
    for (number, address) in public.iter().enumerate() {
        // The server's own system has the public address; nobody else translates.
        ip(&format!("-n {server} addr add {address}/32 dev lo")).unwrap();
        answers(scene.far(), *address);
        let arrives =
            |frame: &[u8]| frame.get(30..34) == Some(&address.octets()) && frame.get(26..30) == Some(&FAR.octets());
        assert!(capture.recv(PATIENCE, arrives).unwrap().is_some(), "packets for {address} say so in the server too");
        let port = 7400 + number as u16;
        assert_eq!(talk(scene.far(), &server, *address, *address, port), IpAddr::V4(FAR), "in by {address}");
        let seen = support::talk_from(&server, *address, scene.far(), FAR, port + 50);
        assert_eq!(seen, IpAddr::V4(*address), "out from {address}");
    }
}
