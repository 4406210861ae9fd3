//! The model held against the text, case by case. The scene: a VPC with two subnets, A and B in the first, C in the second
//! on this host, R in the second on another host; every interface in a group of its own and in none other.

mod errors;
mod flows;
mod fragments;
mod policy;
mod sender;
mod tcp;
mod tcp_attacks;
mod vlan;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::craft::{Craft, icmp, udp};
use super::packet::{ICMP, Segment, TCP, UDP};
use super::{Limits, Outcome, Pipeline, Verdict, World, ticks};
use crate::drop_reason::DropReason;
use crate::host_spec::{
    EndpointSpec, Entry, EntryKey, GuestConfig, LocationSpec, PortLimits, PortMode, PortNic, PortPolicy, PortSpec,
    VniEndpoint,
};
use crate::id::{AttachmentId, NetworkAclId, SecurityGroupId};
use crate::net::{GATEWAY_MAC, Mac};
use crate::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};

const SEGMENT: u32 = 7;
const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// An id with this number.
fn id<T: std::str::FromStr>(prefix: &str, number: u64) -> T {
    format!("{prefix}-{number:017x}").parse().unwrap_or_else(|_| panic!("{prefix} {number} is an id"))
}

fn group_id(number: u64) -> SecurityGroupId {
    id("sg", number)
}

fn acl_id(number: u64) -> NetworkAclId {
    id("acl", number)
}

/// An interface of the scene. Its number is that of its port, its group and its MAC.
#[derive(Clone, Copy)]
struct Guest {
    number: u64,
    ip: Ipv4Addr,
}

const A: Guest = Guest { number: 1, ip: Ipv4Addr::new(10, 0, 1, 10) };
const B: Guest = Guest { number: 2, ip: Ipv4Addr::new(10, 0, 1, 11) };
const C: Guest = Guest { number: 3, ip: Ipv4Addr::new(10, 0, 2, 10) };
const R: Guest = Guest { number: 4, ip: Ipv4Addr::new(10, 0, 2, 20) };

impl Guest {
    fn port(self) -> AttachmentId {
        id("eni-attach", self.number)
    }

    fn mac(self) -> Mac {
        Mac::local(self.number)
    }

    fn group(self) -> SecurityGroupId {
        group_id(self.number)
    }

    fn ip6(self) -> IpAddr {
        let [_, _, subnet, host] = self.ip.octets();
        format!("2001:db8:{subnet}::{host}").parse().unwrap()
    }

    fn is_here(self) -> bool {
        self.number != R.number
    }

    fn spec(self) -> PortSpec {
        let [_, _, subnet, _] = self.ip.octets();
        PortSpec {
            vni: id("eni", self.number),
            instance: id("i", self.number),
            segment: SEGMENT,
            mac: self.mac(),
            addresses: vec![self.ip.into(), self.ip6()],
            prefixes: Vec::new(),
            subnet: format!("10.0.{subnet}.0/24").parse().unwrap(),
            subnet6: Some(format!("2001:db8:{subnet}::/64").parse().unwrap()),
            gateway: Ipv4Addr::new(10, 0, subnet, 1),
            mtu: 1450,
            device: String::from("eth0"),
            default_route: true,
            mode: PortMode::Active,
            generation: 1,
            policy: PortPolicy {
                groups: vec![self.group()],
                source_dest_check: true,
                state_filtering: true,
                ..PortPolicy::default()
            },
            limits: PortLimits::default(),
            guest_config: GuestConfig::default(),
            route_table: 0,
            nic: PortNic::default(),
        }
    }

    fn endpoint(self) -> VniEndpoint {
        VniEndpoint {
            mac: self.mac(),
            port: self.is_here().then(|| self.port()),
            alt_port: None,
            vtep: (!self.is_here()).then_some(OTHER_HOST),
            incoming_from: None,
            moved: false,
            mtu: 1450,
            generation: 1,
            groups: vec![self.group()],
        }
    }
}

/// A host in the middle of a test.
struct Scene {
    entries: BTreeMap<EntryKey, Entry>,
    pipeline: Pipeline,
    now: u64,
    rules: u64,
}

impl Scene {
    /// No rule anywhere: nothing passes.
    fn closed() -> Scene {
        let limits = Limits { flows_per_interface: 100, max_flows: 1000 };
        let mut scene = Scene { entries: BTreeMap::new(), pipeline: Pipeline::new(limits), now: 1_000_000, rules: 0 };
        for guest in [A, B, C, R] {
            if guest.is_here() {
                scene.entries.insert(EntryKey::Port(guest.port()), Entry::Port(Box::new(guest.spec())));
            }
            for address in [guest.ip.into(), guest.ip6()] {
                let endpoint = Entry::Endpoint(EndpointSpec::Vni(guest.endpoint()));
                scene.entries.insert(EntryKey::Endpoint(SEGMENT, address), endpoint);
            }
            let vtep = (!guest.is_here()).then_some(OTHER_HOST);
            let location = Entry::Location(LocationSpec { vtep, alt_vtep: None, route_table: 0 });
            scene.entries.insert(EntryKey::Location(SEGMENT, guest.mac()), location);
        }
        for gateway in ["10.0.1.1", "10.0.2.1", "fe80::1"] {
            let key = EntryKey::Endpoint(SEGMENT, gateway.parse().unwrap());
            scene.entries.insert(key, Entry::Endpoint(EndpointSpec::Gateway));
        }
        scene
    }

    /// Everybody may send and get everything.
    fn open() -> Scene {
        let mut scene = Scene::closed();
        for guest in [A, B, C] {
            scene.permit(guest, Direction::Egress, ProtocolMatch::Any, Remote::Any);
            scene.permit(guest, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        }
        scene
    }

    /// Adds a rule to a guest's own group.
    fn permit(&mut self, guest: Guest, direction: Direction, protocol: ProtocolMatch, remote: Remote) -> Rule {
        self.rules += 1;
        let rule = Rule { id: id("sgr", self.rules), direction, protocol, remote, local: None };
        self.rules_of(guest).push(rule.clone());
        rule
    }

    fn rules_of(&mut self, guest: Guest) -> &mut Vec<Rule> {
        let entry = self.entries.entry(EntryKey::Group(guest.group())).or_insert(Entry::Group(Vec::new()));
        let Entry::Group(rules) = entry else { panic!("a group") };
        rules
    }

    fn edit(&mut self, guest: Guest, edit: impl FnOnce(&mut PortSpec)) {
        let Some(Entry::Port(port)) = self.entries.get_mut(&EntryKey::Port(guest.port())) else { panic!("a port") };
        edit(port);
    }

    fn send(&mut self, from: Guest, frame: &[u8]) -> Outcome {
        self.pipeline.from_port(World::new(&self.entries), from.port(), frame, self.now)
    }

    /// A frame that R's host sends.
    fn arrive(&mut self, frame: &[u8]) -> Outcome {
        self.pipeline.from_overlay(World::new(&self.entries), SEGMENT, OTHER_HOST, frame, self.now)
    }

    /// Sends from one guest to another, whichever host the sender is on.
    fn say(&mut self, craft: &Craft) -> Outcome {
        let from = [A, B, C, R].into_iter().find(|guest| guest.mac() == craft.source_mac).expect("one of the scene's");
        if from.is_here() { self.send(from, &craft.bytes()) } else { self.arrive(&craft.bytes()) }
    }

    fn expect_pass(&mut self, craft: &Craft) {
        let outcome = self.say(craft);
        let passed = matches!(outcome.verdict, Verdict::Delivered { .. } | Verdict::Tunnelled { .. });
        assert!(passed, "{:?}\n{:#?}", outcome.verdict, outcome.trace);
    }

    fn expect_drop(&mut self, craft: &Craft, reason: DropReason) -> Outcome {
        let outcome = self.say(craft);
        assert_eq!(dropped(&outcome), Some(reason), "{:#?}", outcome.trace);
        outcome
    }

    fn wait(&mut self, seconds: u64) {
        self.now += ticks(seconds) + 1;
    }
}

fn dropped(outcome: &Outcome) -> Option<DropReason> {
    match outcome.verdict {
        Verdict::Dropped(refusal) => Some(refusal.reason),
        _ => None,
    }
}

/// A packet from one guest to another, as the sender's stack would frame it; from R, as its host would.
fn packet(from: Guest, to: Guest, protocol: u8, payload: Vec<u8>) -> Craft {
    let same_subnet = from.ip.octets()[2] == to.ip.octets()[2];
    let destination = match (same_subnet, from.is_here()) {
        (true, _) => to.mac(),
        (false, true) => GATEWAY_MAC,
        (false, false) => super::Hop::Routed.mac(),
    };
    Craft::new((from.mac(), from.ip.into()), (destination, to.ip.into()), protocol, payload)
}

fn datagram(from: Guest, to: Guest, port: u16) -> Craft {
    packet(from, to, UDP, udp(4000, port, 10))
}

fn echo(from: Guest, to: Guest, kind: u8, number: u32) -> Craft {
    packet(from, to, ICMP, icmp(kind, 0, number << 16, b"hello"))
}

fn segment(from: Guest, to: Guest, segment: &Segment) -> Craft {
    packet(from, to, TCP, super::craft::tcp(segment))
}

fn one_port(port: u16) -> ProtocolMatch {
    ProtocolMatch::Udp(PortRange::one(port))
}
