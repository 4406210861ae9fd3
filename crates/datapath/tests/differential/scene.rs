//! Random hosts: what a host may be told of a few VPCs with the same addresses, and how that changes.

mod routes;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use pintle_core::host_spec::{
    EndpointSpec, Entry, EntryKey, GuestConfig, LocationSpec, OWN_TABLE, PortLimits, PortMode, PortNic, PortPolicy,
    PortSpec, VniEndpoint,
};
use pintle_core::id::{
    AclRuleId, AttachmentId, InstanceId, NetworkAclId, PrefixListId, RuleId, SecurityGroupId, VniId,
};
use pintle_core::net::Mac;
use pintle_core::policy::{
    AclAction, AclRule, Direction, FlowTimeouts, IcmpMatch, PortRange, ProtocolMatch, Remote, Rule,
};

use super::random::Random;
pub use vlans::tagged;

/// Ports that talks and rules have in common.
pub const PORTS: [u16; 6] = [22, 53, 80, 443, 4000, 40_000];
/// Other hosts.
pub const VTEPS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3)];
/// Ports on this host, at most.
pub const MAX_HERE: usize = 6;

/// An interface of the scene.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Which device and slot it has, if it is here: `number` + 1.
    pub number: usize,
    pub segment: u32,
    pub subnet: u8,
    pub mac: Mac,
    pub addresses: Vec<IpAddr>,
    pub prefixes: Vec<ipnet::IpNet>,
    pub here: bool,
    /// The number of its subnet's route table.
    pub table: u8,
}

impl Guest {
    pub fn port(&self) -> AttachmentId {
        AttachmentId::from_bits(self.number as u64 + 1)
    }

    pub fn address(&self, random: &mut Random, ipv6: bool) -> Option<IpAddr> {
        let fitting: Vec<IpAddr> = self.addresses.iter().copied().filter(|ip| ip.is_ipv6() == ipv6).collect();
        if fitting.is_empty() { None } else { Some(random.pick(&fitting)) }
    }
}

/// A host and what it was told.
#[derive(Debug, Clone)]
pub struct Scene {
    pub entries: BTreeMap<EntryKey, Entry>,
    pub guests: Vec<Guest>,
    /// By segment and subnet: the number of the subnet's route table, 0 where the VPC has none.
    tables: BTreeMap<(u32, u8), u8>,
    rules: u64,
}

fn group_id(segment: u32, number: usize) -> SecurityGroupId {
    SecurityGroupId::from_bits(u64::from(segment) * 10 + number as u64)
}

fn acl_id(segment: u32, number: usize) -> NetworkAclId {
    NetworkAclId::from_bits(u64::from(segment) * 10 + number as u64)
}

fn list_id(number: usize) -> PrefixListId {
    PrefixListId::from_bits(number as u64 + 1)
}

fn net(text: &str) -> ipnet::IpNet {
    text.parse().expect("a network")
}

fn subnet6(subnet: u8) -> ipnet::Ipv6Net {
    format!("2001:db8:{subnet}::/64").parse().expect("a network")
}

impl Scene {
    pub fn new(random: &mut Random) -> Scene {
        let (entries, tables) = (BTreeMap::new(), BTreeMap::new());
        let mut scene = Scene { entries, guests: Vec::new(), tables, rules: 0 };
        let segments: Vec<u32> = (0..random.between(1, 3)).map(|n| 100 * (n as u32 + 1)).collect();
        let dual_stack: Vec<bool> = (0..2).map(|_| random.chance(75)).collect();
        for list in 0..2 {
            let nets = (0..random.below(4)).map(|_| random_net(random)).collect();
            scene.entries.insert(EntryKey::PrefixList(list_id(list)), Entry::PrefixList(nets));
        }
        for segment in &segments {
            for group in 0..4 {
                let rules = scene.random_rules(random, *segment);
                scene.entries.insert(EntryKey::Group(group_id(*segment, group)), Entry::Group(rules));
            }
            let acl = scene.random_acl(random);
            scene.entries.insert(EntryKey::Acl(acl_id(*segment, 0)), Entry::Acl(acl));
            for subnet in 1..=2 {
                let gateway = IpAddr::from([10, 0, subnet, 1]);
                scene.entries.insert(EntryKey::Endpoint(*segment, gateway), Entry::Endpoint(EndpointSpec::Gateway));
            }
        }
        for segment in &segments {
            // Two subnets share a table, have one each, or do without.
            let has_tables = random.chance(50);
            for subnet in 1..=2 {
                let table = if has_tables { random.between(1, 2) as u8 } else { OWN_TABLE };
                scene.tables.insert((*segment, subnet), table);
            }
        }
        let here = random.between(2, MAX_HERE);
        for number in 0..here + random.between(1, 4) {
            let segment = random.pick(&segments);
            scene.add_guest(random, number, segment, &dual_stack, number < here);
        }
        for segment in &segments {
            scene.add_routes(random, *segment);
        }
        if random.chance(40) {
            scene.add_vlans(random);
        }
        scene
    }

    fn add_guest(&mut self, random: &mut Random, number: usize, segment: u32, dual_stack: &[bool], here: bool) {
        let subnet = random.between(1, 2) as u8;
        let mut addresses: Vec<IpAddr> = vec![IpAddr::from([10, 0, subnet, 10 + number as u8])];
        if random.chance(30) {
            addresses.push(IpAddr::from([10, 0, subnet, 50 + number as u8]));
        }
        if dual_stack[usize::from(subnet) - 1] && random.chance(85) {
            addresses.push(format!("2001:db8:{subnet}::{:x}", 16 + number).parse().expect("an address"));
        }
        let mac = Mac::local(u64::from(segment) << 8 | number as u64);
        let table = self.tables[&(segment, subnet)];
        let guest = Guest { number, segment, subnet, mac, addresses, prefixes: Vec::new(), here, table };
        let groups = random_groups(random, segment);
        if here {
            let port = random_port(random, &guest, dual_stack, groups.clone());
            self.entries.insert(EntryKey::Port(guest.port()), Entry::Port(Box::new(port)));
        }
        let vtep = (!here).then(|| random.pick(&VTEPS));
        let endpoint = VniEndpoint {
            mac,
            port: here.then(|| guest.port()),
            alt_port: None,
            vtep,
            incoming_from: None,
            moved: false,
            mtu: random.pick(&[1450, 1450, 1450, 1400, 1280]),
            generation: 1,
            groups,
        };
        for address in &guest.addresses {
            let key = EntryKey::Endpoint(segment, *address);
            self.entries.insert(key, Entry::Endpoint(EndpointSpec::Vni(endpoint.clone())));
        }
        let location = LocationSpec { vtep, alt_vtep: None, route_table: table };
        self.entries.insert(EntryKey::Location(segment, mac), Entry::Location(location));
        self.guests.push(guest);
    }

    fn port_mut(&mut self, number: usize) -> Option<&mut PortSpec> {
        match self.entries.get_mut(&EntryKey::Port(self.guests[number].port())) {
            Some(Entry::Port(port)) => Some(port),
            _ => None,
        }
    }

    fn random_rules(&mut self, random: &mut Random, segment: u32) -> Vec<Rule> {
        let count = random.pick(&[0, 1, 2, 3, 4, 6, 10]);
        let mut rules = Vec::new();
        // Most groups permit much, or too few packets would get far enough to be interesting.
        for direction in [Direction::Ingress, Direction::Egress] {
            if random.chance(55) {
                self.rules += 1;
                let protocol =
                    random.pick(&[ProtocolMatch::Any, ProtocolMatch::Any, ProtocolMatch::Tcp(PortRange::ALL)]);
                let remote = if random.chance(70) { Remote::Any } else { Remote::Net(net("10.0.0.0/8")) };
                rules.push(Rule { id: RuleId::from_bits(self.rules), direction, protocol, remote, local: None });
            }
        }
        for _ in 0..count {
            self.rules += 1;
            rules.push(Rule {
                id: RuleId::from_bits(self.rules),
                direction: random.pick(&[Direction::Ingress, Direction::Egress]),
                protocol: random_protocol(random),
                remote: random_remote(random, segment),
                local: random.chance(10).then(|| random_net(random)),
            });
        }
        rules
    }

    fn random_acl(&mut self, random: &mut Random) -> Vec<AclRule> {
        let mut rules = Vec::new();
        for _ in 0..random.between(1, 6) {
            self.rules += 1;
            let source = random_net(random);
            let everywhere = if source.addr().is_ipv4() { net("0.0.0.0/0") } else { net("::/0") };
            let destination = if random.chance(60) { everywhere } else { random_net(random) };
            rules.push(AclRule {
                id: AclRuleId::from_bits(self.rules),
                action: if random.chance(80) { AclAction::Allow } else { AclAction::Deny },
                direction: random.pick(&[Direction::Ingress, Direction::Egress]),
                protocol: if random.chance(40) { ProtocolMatch::Any } else { random_protocol(random) },
                source_ports: if random.chance(80) { PortRange::ALL } else { random_ports(random) },
                source: if random.chance(60) { everywhere } else { source },
                destination,
            });
        }
        for (direction, all) in
            [(Direction::Ingress, "0.0.0.0/0"), (Direction::Egress, "0.0.0.0/0"), (Direction::Ingress, "::/0")]
        {
            if random.chance(75) {
                self.rules += 1;
                let (id, protocol) = (AclRuleId::from_bits(self.rules), ProtocolMatch::Any);
                let (action, source, destination) = (AclAction::Allow, net(all), net(all));
                rules.push(AclRule {
                    id,
                    action,
                    direction,
                    protocol,
                    source_ports: PortRange::ALL,
                    source,
                    destination,
                });
            }
        }
        for rule in &mut rules {
            if !matches!(rule.protocol, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_)) {
                rule.source_ports = PortRange::ALL;
            }
        }
        rules
    }

    /// One change, as a host may be told it.
    pub fn change(&mut self, random: &mut Random) {
        let number = random.below(self.guests.len());
        let segment = self.guests[number].segment;
        match random.below(16) {
            10..=15 => self.change_routing(random, segment),
            0 | 1 => {
                let group = random.below(4);
                let rules = self.random_rules(random, segment);
                self.entries.insert(EntryKey::Group(group_id(segment, group)), Entry::Group(rules));
            }
            2 => {
                let acl = self.random_acl(random);
                self.entries.insert(EntryKey::Acl(acl_id(segment, 0)), Entry::Acl(acl));
            }
            3 => {
                let nets = (0..random.below(4)).map(|_| random_net(random)).collect();
                self.entries.insert(EntryKey::PrefixList(list_id(random.below(2))), Entry::PrefixList(nets));
            }
            4 => self.change_groups(random, number),
            5 => self.move_remote(random, number),
            _ => {
                let groups = random_groups(random, segment);
                let what = random.below(6);
                if let Some(port) = self.port_mut(number) {
                    change_port(random, port, groups, what);
                }
            }
        }
    }

    /// Membership, in the port and in the endpoints at once.
    fn change_groups(&mut self, random: &mut Random, number: usize) {
        let guest = self.guests[number].clone();
        let groups = random_groups(random, guest.segment);
        if let Some(port) = self.port_mut(number) {
            port.policy.groups = groups.clone();
        }
        for address in guest.addresses {
            if let Some(Entry::Endpoint(EndpointSpec::Vni(endpoint))) =
                self.entries.get_mut(&EntryKey::Endpoint(guest.segment, address))
            {
                endpoint.groups = groups.clone();
            }
        }
    }

    /// An interface of another host turns up on a third one.
    fn move_remote(&mut self, random: &mut Random, number: usize) {
        let guest = self.guests[number].clone();
        if guest.here {
            return;
        }
        let vtep = Some(random.pick(&VTEPS));
        for address in guest.addresses {
            if let Some(Entry::Endpoint(EndpointSpec::Vni(endpoint))) =
                self.entries.get_mut(&EntryKey::Endpoint(guest.segment, address))
            {
                endpoint.vtep = vtep;
            }
        }
        let location = Entry::Location(LocationSpec { vtep, alt_vtep: None, route_table: guest.table });
        self.entries.insert(EntryKey::Location(guest.segment, guest.mac), location);
    }

    /// The ports of this host.
    pub fn ports(&self) -> impl Iterator<Item = AttachmentId> {
        self.entries.keys().filter_map(|key| if let EntryKey::Port(id) = key { Some(*id) } else { None })
    }

    /// All sets of groups that interfaces have.
    pub fn group_sets(&self) -> (BTreeSet<Vec<SecurityGroupId>>, BTreeSet<Vec<SecurityGroupId>>) {
        let (mut policies, mut identities) = (BTreeSet::new(), BTreeSet::new());
        for entry in self.entries.values() {
            match entry {
                Entry::Port(port) => {
                    policies.insert(pintle_core::pipeline::policy::groups(port).to_vec());
                }
                Entry::Endpoint(EndpointSpec::Vni(endpoint)) => {
                    identities.insert(endpoint.groups.clone());
                }
                _ => {}
            }
        }
        (policies, identities)
    }
}

fn change_port(random: &mut Random, port: &mut PortSpec, groups: Vec<SecurityGroupId>, what: usize) {
    let policy = &mut port.policy;
    match what {
        0 => policy.state_filtering ^= true,
        1 => policy.judged += 1,
        2 => {
            policy.quarantine = if policy.quarantine.is_some() { None } else { Some(groups) };
            policy.judged += 1;
        }
        3 => policy.adopting ^= true,
        4 => policy.allow_ip_spoofing ^= true,
        _ => port.mode = if random.chance(85) { PortMode::Active } else { PortMode::Fenced },
    }
}

fn random_groups(random: &mut Random, segment: u32) -> Vec<SecurityGroupId> {
    // Number 4 is one that this host has not been told of.
    let mut groups: Vec<SecurityGroupId> =
        (0..random.pick(&[0, 1, 2, 2, 2, 3, 3, 3])).map(|_| group_id(segment, random.below(5))).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn random_port(random: &mut Random, guest: &Guest, dual_stack: &[bool], groups: Vec<SecurityGroupId>) -> PortSpec {
    let subnet = guest.subnet;
    let bits = guest.number as u64 + 1;
    PortSpec {
        vni: VniId::from_bits(bits),
        instance: InstanceId::from_bits(bits),
        segment: guest.segment,
        mac: guest.mac,
        addresses: guest.addresses.clone(),
        prefixes: Vec::new(),
        subnet: format!("10.0.{subnet}.0/24").parse().expect("a network"),
        subnet6: dual_stack[usize::from(subnet) - 1].then(|| subnet6(subnet)),
        gateway: Ipv4Addr::new(10, 0, subnet, 1),
        mtu: random.pick(&[1450, 1450, 1400]),
        device: String::from("eth0"),
        default_route: true,
        mode: if random.chance(97) { PortMode::Active } else { random.pick(&[PortMode::Prepared, PortMode::Fenced]) },
        generation: 1,
        policy: PortPolicy {
            groups,
            acl: random.chance(30).then(|| acl_id(guest.segment, random.below(2))),
            allow_ip_spoofing: random.chance(12),
            source_dest_check: random.chance(80),
            state_filtering: random.chance(75),
            untracked_open: random.chance(30),
            timeouts: FlowTimeouts { tcp_established: 300, udp_stream: 100, udp: 40 },
            adopting: random.chance(12),
            ..PortPolicy::default()
        },
        limits: PortLimits::default(),
        guest_config: GuestConfig::default(),
        route_table: guest.table,
        nic: PortNic::default(),
    }
}

fn random_ports(random: &mut Random) -> PortRange {
    match random.below(4) {
        0 => PortRange::ALL,
        1 => PortRange { first: 1, last: 1000 },
        2 => PortRange { first: random.pick(&[0, 22, 53, 80]), last: random.pick(&[80, 443, 4000, 65_535]) },
        _ => PortRange::one(random.pick(&PORTS)),
    }
}

fn random_icmp(random: &mut Random) -> IcmpMatch {
    match random.below(3) {
        0 => IcmpMatch::Any,
        1 => IcmpMatch::Type(random.pick(&[0, 3, 8, 13, 128, 129])),
        _ => IcmpMatch::Code(random.pick(&[0, 8, 128]), random.pick(&[0, 0, 1])),
    }
}

pub fn random_protocol(random: &mut Random) -> ProtocolMatch {
    match random.below(20) {
        0..=3 => ProtocolMatch::Any,
        4 => ProtocolMatch::IcmpTcpUdp,
        5..=10 => ProtocolMatch::Tcp(random_ports(random)),
        11..=14 => ProtocolMatch::Udp(random_ports(random)),
        15 | 16 => ProtocolMatch::Icmp(random_icmp(random)),
        17 => ProtocolMatch::Icmpv6(random_icmp(random)),
        _ => ProtocolMatch::Number(random.pick(&[1, 6, 17, 47, 50, 58, 132])),
    }
}

fn random_remote(random: &mut Random, segment: u32) -> Remote {
    match random.below(10) {
        0..=2 => Remote::Any,
        3..=5 => Remote::Net(random_net(random)),
        6 => Remote::PrefixList(list_id(random.below(3))),
        _ => Remote::Group(group_id(segment, random.below(5))),
    }
}

pub fn random_net(random: &mut Random) -> ipnet::IpNet {
    let host = random.between(10, 19);
    let subnet = random.between(1, 2);
    match random.below(14) {
        0 => net("0.0.0.0/0"),
        1 => net("10.0.0.0/8"),
        2 => net("10.0.0.0/16"),
        3 => net(&format!("10.0.{subnet}.0/24")),
        4 => net(&format!("10.0.{subnet}.8/29")),
        5 | 6 => net(&format!("10.0.{subnet}.{host}/32")),
        7 => net("172.16.0.0/12"),
        8 => net("10.0.1.128/25"),
        9 => net("::/0"),
        10 => net("2001:db8::/32"),
        11 => net(&format!("2001:db8:{subnet}::/64")),
        12 => net(&format!("2001:db8:{subnet}::{:x}/128", host + 6)),
        _ => net("2001:db8:1::10/124"),
    }
}

impl Scene {
    /// The host of an interface that lives elsewhere.
    pub fn vtep_of(&self, guest: &Guest) -> Ipv4Addr {
        match self.entries.get(&EntryKey::Location(guest.segment, guest.mac)) {
            Some(Entry::Location(location)) => location.vtep.unwrap_or(VTEPS[0]),
            _ => VTEPS[0],
        }
    }
}
