//! One suite over taps and veths: an interface behaves the same whether its guest is a virtual machine or a namespace.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use pintle_lab::{Lab, Network, ip};
use pintle_probe::Namespace;
use pintle_probe::inject::BROADCAST;
use pintle_probe::inject::build::{arp, ethernet, udp};
use pintle_probe::machine::{Machine, is_icmp};
use pintle_probe::ping::ping;
use serde_json::json;

const SOON: Duration = Duration::from_secs(1);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const SUBJECT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 10);
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 20);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 30);
/// Of every guest, by the underlay's 1500 bytes.
const MTU: u16 = 1450;
const IPV4: u16 = 0x0800;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tap,
    Veth,
}

/// A guest of either kind that is played by the test.
struct Subject {
    instance: String,
    vni: String,
    machine: Machine,
}

impl Subject {
    fn new(lab: &Lab, network: &Network<'_>, kind: Kind, vni: String) -> Subject {
        let instance = match kind {
            Kind::Tap => network.machine("h1").unwrap(),
            Kind::Veth => network.instance("h1").unwrap(),
        };
        network.attach(&vni, &instance).unwrap();
        let machine = match kind {
            Kind::Tap => network.plug(&lab.hosts[0], &instance).unwrap(),
            Kind::Veth => {
                let (guest, mac) = (Namespace::named(&instance), network.mac(&instance).unwrap());
                Machine::at(&guest, "eth0", mac).unwrap()
            }
        };
        Subject { instance, vni, machine }
    }

    /// Whether a guest's echo request is answered.
    fn answers(&mut self, guest: &str) -> bool {
        let guest = Namespace::named(guest);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ping(&guest, SUBJECT, SOON).is_ok());
            while !asking.is_finished() {
                self.machine.serve(Duration::from_millis(20)).unwrap();
            }
            asking.join().unwrap()
        })
    }
}

/// What holds for a guest, whatever it is.
fn suite(kind: Kind) {
    let mut lab = Lab::start().unwrap();
    let api = lab.client().unwrap();
    let network = Network::new(&api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (near, near_vni) = network.guest("h1", &subnet, &NEAR.to_string()).unwrap();
    let (far, _) = network.guest("h2", &subnet, &FAR.to_string()).unwrap();
    let vni = network.vni(&subnet, &SUBJECT.to_string()).unwrap();
    let mut subject = Subject::new(&lab, &network, kind, vni);

    let lease = subject.machine.lease().unwrap();
    assert_eq!((lease.address, lease.router(), lease.mtu()), (SUBJECT, Some(GATEWAY), Some(MTU)));
    let gateway = subject.machine.resolve(GATEWAY).unwrap().expect("the gateway answers");
    for peer in [NEAR, FAR] {
        assert!(subject.machine.ping(peer, 56).unwrap(), "{peer} answers");
        assert!(subject.machine.ping(peer, usize::from(MTU) - 28).unwrap(), "{peer} at the full MTU");
    }
    assert!(subject.answers(&near) && subject.answers(&far), "{}", lab.logs());

    assert!(is_told_of_what_is_too_big(&mut subject, kind, gateway), "no ICMP error");
    lies_are_dropped(&mut subject, &network, network.mac(&near).unwrap());

    // Rules: out of its groups nobody gets in, and what it asks for itself is still answered.
    let alone = network.group(json!([{ "direction": "outbound", "protocol": "any" }])).unwrap();
    network.join(&alone, &subject.vni).unwrap();
    let default = default_group(&lab, &subject.vni, &alone);
    network.leave(&default, &subject.vni).unwrap();
    let deadline = Instant::now() + SOON * 3;
    // An echo request of before is a flow for 30 s; another guest has none.
    let stranger = network.guest("h1", &subnet, "10.1.0.21").unwrap().0;
    while subject.answers(&stranger) {
        assert!(Instant::now() < deadline, "the group's rules are not enforced");
    }
    network.join(&default, &subject.vni).unwrap();
    while !subject.answers(&stranger) {
        assert!(Instant::now() < deadline + SOON * 3, "the group's rules are not enforced");
    }

    // The host's agent dies and comes back: nothing is noticed.
    lab.hosts[0].kill_agent();
    assert!(subject.machine.ping(FAR, 56).unwrap(), "without an agent");
    lab.hosts[0].start_agent().unwrap();
    lab.wait_for_agents().unwrap();
    assert!(subject.machine.ping(FAR, 56).unwrap() && subject.answers(&near), "with one again");

    network.detach(&subject.vni).unwrap();
    network.delete_instance(&subject.instance).unwrap();
    network.detach(&near_vni).unwrap();
}

/// Sends a packet of one byte too many until it is told so.
fn is_told_of_what_is_too_big(subject: &mut Subject, kind: Kind, gateway: [u8; 6]) -> bool {
    let packet = subject.machine.echo(FAR, usize::from(MTU) - 27);
    let peer = subject.machine.resolve(FAR).unwrap().expect("a neighbour");
    assert_ne!(peer, gateway);
    (0..5).any(|_| {
        if kind == Kind::Veth {
            // Its device refuses what is too big by itself, until its agent has repaired it.
            ip(&format!("-n {} link set eth0 mtu 1500", subject.instance)).unwrap();
        }
        if subject.machine.send(&ethernet(subject.machine.own.mac, peer, IPV4, &packet)).is_err() {
            return false;
        }
        let told = subject.machine.receive(SOON, |frame| is_icmp(frame, 3)).unwrap();
        told.is_some_and(|told| told[35] == 4 && told[26..30] == GATEWAY.octets() && told[40..42] == MTU.to_be_bytes())
    })
}

fn lies_are_dropped(subject: &mut Subject, network: &Network<'_>, peer: [u8; 6]) {
    let own = subject.machine.own;
    let datagram = |from: Ipv4Addr| udp((from, 1000), (NEAR, 2000), b"lie");
    let lies = [
        ("spoofed_src_ip", ethernet(own.mac, peer, IPV4, &datagram(Ipv4Addr::new(10, 1, 0, 99)))),
        ("spoofed_src_mac", ethernet([2, 0, 0, 0, 0, 99], peer, IPV4, &datagram(own.ip))),
        ("spoofed_arp", ethernet(own.mac, BROADCAST, 0x0806, &arp(2, (own.mac, GATEWAY), (peer, NEAR)))),
    ];
    for (reason, lie) in lies {
        let count = || network.dropped(&subject.vni).unwrap().get(reason).copied().unwrap_or(0);
        let before = count();
        subject.machine.send(&lie).unwrap();
        assert_eq!(count(), before + 1, "{reason}");
    }
}

/// The group of an interface that is not `other`.
fn default_group(lab: &Lab, vni: &str, other: &str) -> String {
    let shown = lab.api.get(&format!("/v1/virtual_network_interfaces/{vni}")).unwrap();
    let groups = shown["security_groups"].as_array().unwrap().iter();
    groups.map(|group| group["id"].as_str().unwrap().to_owned()).find(|group| group != other).unwrap()
}

#[test]
fn i16_the_suite_over_taps() {
    suite(Kind::Tap);
}

#[test]
fn i16_the_suite_over_veths() {
    suite(Kind::Veth);
}

#[test]
fn i16_f05_an_interface_moves_between_namespaces_and_machines_and_across_hosts() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (near, _) = network.guest("h1", &subnet, &NEAR.to_string()).unwrap();
    let (far, _) = network.guest("h2", &subnet, &FAR.to_string()).unwrap();
    let veths = ["h1", "h2"].map(|host| network.instance(host).unwrap());
    let taps = ["h1", "h2"].map(|host| network.machine(host).unwrap());
    let vni = network.vni(&subnet, &SUBJECT.to_string()).unwrap();
    network.attach(&vni, &veths[0]).unwrap();
    let is_here = |guest: &str| ping(&Namespace::named(guest), SUBJECT, SOON).is_ok();
    assert!(is_here(&near) && is_here(&far));
    // On the same host, to the other one, back to a namespace, and each way again.
    for (host, to_veth) in [(0, 1), (1, 0)] {
        network.move_to(&vni, &taps[host]).unwrap();
        let machine = network.plug(&lab.hosts[host], &taps[host]).unwrap();
        let mut subject = Subject { instance: taps[host].clone(), vni: vni.clone(), machine };
        assert_eq!(subject.machine.lease().unwrap().address, SUBJECT);
        assert!(subject.answers(&near) && subject.answers(&far), "behind the tap on host {host}\n{}", lab.logs());
        assert!(subject.machine.ping(NEAR, 56).unwrap() && subject.machine.ping(FAR, 56).unwrap());
        network.move_to(&vni, &veths[to_veth]).unwrap();
        assert!(is_here(&near) && is_here(&far), "in a namespace again\n{}", lab.logs());
    }
    network.move_to(&vni, &taps[0]).unwrap();
    network.move_to(&vni, &taps[1]).unwrap();
    let machine = network.plug(&lab.hosts[1], &taps[1]).unwrap();
    let mut subject = Subject { instance: taps[1].clone(), vni, machine };
    subject.machine.lease().unwrap();
    assert!(subject.answers(&near) && subject.answers(&far), "from tap to tap");
}
