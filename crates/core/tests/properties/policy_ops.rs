//! Random commands about policy, IPv6 and the public network; the second half of [`super::ops`].

use ipnet::IpNet;
use pintle_core::command::{
    AclEntryChange, AclPlace, AclRulePut, AclRulesChange, Command, CreateFloatingIp, CreateFlowLog, CreateNetworkAcl,
    CreatePrefixList, CreatePublicGateway, CreatePublicPool, CreateSecurityGroup, FloatingIpChoice, GroupsChange,
    Ipv6Range, NewAclRule, NewRule, PrefixChoice, RulesChange, UpdatePrefixList, UpdateSubnet, UpdateVpc,
};
use pintle_core::host_spec::Ipv6Assignment;
use pintle_core::id::{NetworkAclId, RuleId, SecurityGroupId};
use pintle_core::legality::Manner;
use pintle_core::model::{
    Attachment, DestinationKind, DhcpOptions, FileFormat, FloatingIp, FlowDestination, FlowField, FlowLog,
    FlowLogTarget, IpFamily, NetworkAcl, PrefixList, PrefixListEntry, PublicGateway, PublicPool, SecurityGroup, Subnet,
    TrafficType, Vni, Vpc,
};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote};
use pintle_core::record::Record;

use super::ops::{What, ZONES, listed, pick, prefer};
use crate::common::Store;
use crate::common::build::net;

const POOLS: [&str; 3] = ["198.51.100.0/30", "198.51.100.4/31", "203.0.113.0/29"];

/// The command that this kind is in a world.
pub(super) fn command(what: What, store: &Store, [a, b, c, d]: [u8; 4], name: Option<String>) -> Command {
    let vni = || pick::<Vni>(store, a);
    let groups = || (0..c % 3).map(|more| group_near(store, a, b.wrapping_add(more))).collect::<Vec<_>>();
    match what {
        What::UpdateVpc => Command::UpdateVpc(pick::<Vpc>(store, a), update_vpc(b, name)),
        What::UpdateSubnet => Command::UpdateSubnet(pick::<Subnet>(store, a), update_subnet(store, b, c, name)),
        What::MoveIp => Command::MoveVniIp(listed(store, a, b), pick::<Vni>(store, c)),
        What::AddPrefix => Command::AddVniPrefix(vni(), prefix(b, c)),
        What::RemovePrefix => {
            let own = store.record(&Vni::key_of(vni())).and_then(|vni: Vni| vni.prefixes.first().copied());
            Command::RemoveVniPrefix(vni(), own.unwrap_or(IpNet::V4(net("10.0.0.16/28"))))
        }
        What::VniGroups => {
            let group = group_near(store, a, b);
            let change = match d % 4 {
                0 => GroupsChange::Add(group),
                1 => GroupsChange::Remove(group),
                _ => GroupsChange::Set(groups()),
            };
            Command::ChangeVniGroups(vni(), change)
        }
        What::Quarantine => Command::QuarantineVni(vni(), groups()),
        What::Release => Command::ReleaseVni(prefer(store, a, b, |vni: &Vni| vni.quarantine.is_some())),
        What::Flush => Command::FlushVni(vni()),
        What::Shadow => Command::ShadowVni(vni(), (!d.is_multiple_of(3)).then(groups)),
        What::EndAdoption => Command::EndAdoption(prefer(store, a, b, |one: &Attachment| one.adopting)),
        What::Group => Command::CreateSecurityGroup(CreateSecurityGroup {
            vpc: pick::<Vpc>(store, a),
            name,
            description: "x".repeat(usize::from(b)),
            rules: (!c.is_multiple_of(2)).then(|| vec![rule(store, b, d)]),
        }),
        What::Rules => Command::ChangeRules(pick::<SecurityGroup>(store, a), rules_change(store, a, b, c, d)),
        What::DeleteGroup => Command::DeleteSecurityGroup(prefer(store, a, b, |group: &SecurityGroup| !group.default)),
        What::Acl => Command::CreateNetworkAcl(CreateNetworkAcl {
            vpc: pick::<Vpc>(store, a),
            name,
            rules: (0..b % 4).map(|more| acl_rule(c.wrapping_add(more), None)).collect(),
        }),
        What::AclRules => {
            let id = pick::<NetworkAcl>(store, a);
            Command::ChangeAclRules(id, acl_change(store, id, b, c, d))
        }
        What::DeleteAcl => Command::DeleteNetworkAcl(prefer(store, a, b, |acl: &NetworkAcl| !acl.default)),
        What::List => Command::CreatePrefixList(CreatePrefixList {
            name,
            family: IpFamily::V4,
            max_entries: u32::from(a % 5),
            entries: (0..b % 4).map(|more| entry(c.wrapping_add(more))).collect(),
        }),
        What::UpdateList => Command::UpdatePrefixList(pick::<PrefixList>(store, a), update_list(store, a, b, c, name)),
        What::RestoreList => {
            let id = pick::<PrefixList>(store, a);
            let current = store.record(&PrefixList::key_of(id)).map_or(1, |list: PrefixList| list.version);
            let version = if b.is_multiple_of(4) { u32::from(b) % (current + 1) } else { current.saturating_sub(1) };
            Command::RestorePrefixList { id, version, current }
        }
        What::FlowLog => Command::CreateFlowLog(flow_log(store, a, b, c, d)),
        What::DeleteFlowLog => Command::DeleteFlowLog(pick::<FlowLog>(store, a)),
        What::DeleteList => Command::DeletePrefixList(pick::<PrefixList>(store, a)),
        What::Pool => Command::CreatePublicPool(CreatePublicPool {
            name,
            zone: ZONES[usize::from(a.is_multiple_of(4))].to_owned(),
            cidrs: vec![net(POOLS[usize::from(b) % POOLS.len()])],
        }),
        _ => public(what, store, [a, b, c, d], name),
    }
}

fn public(what: What, store: &Store, [a, b, c, d]: [u8; 4], name: Option<String>) -> Command {
    let target = || {
        let vni = pick::<Vni>(store, b);
        FloatingIpChoice { vni, ip: (c.is_multiple_of(3)).then(|| listed(store, b, d)), manner: Manner::PerAddress }
    };
    match what {
        What::FloatingIp => Command::CreateFloatingIp(CreateFloatingIp {
            name,
            zone: (!a.is_multiple_of(5)).then(|| ZONES[usize::from(a.is_multiple_of(7))].to_owned()),
            address: (c.is_multiple_of(4)).then(|| std::net::Ipv4Addr::new(198, 51, 100, d % 8)),
            target: (b.is_multiple_of(2)).then(target),
        }),
        What::Associate => Command::AssociateFloatingIp {
            id: pick::<FloatingIp>(store, a),
            target: target(),
            reassociate: d.is_multiple_of(2),
            displace: c.is_multiple_of(2),
        },
        What::Disassociate => Command::DisassociateFloatingIp(pick::<FloatingIp>(store, a)),
        What::DeleteFloatingIp if b.is_multiple_of(2) => Command::ReleaseFloatingIp(pick::<FloatingIp>(store, a)),
        What::DeleteFloatingIp => Command::DeleteFloatingIp(pick::<FloatingIp>(store, a)),
        What::Gateway => Command::CreatePublicGateway(CreatePublicGateway {
            name,
            vpc: pick::<Vpc>(store, a),
            zone: ZONES[usize::from(b.is_multiple_of(6))].to_owned(),
            floating_ip: (c.is_multiple_of(3)).then(|| pick::<FloatingIp>(store, c)),
            host: None,
        }),
        What::DeleteGateway => Command::DeletePublicGateway(pick::<PublicGateway>(store, a)),
        What::DeletePool => Command::DeletePublicPool(pick::<PublicPool>(store, a)),
        other => panic!("{other:?} is not about policy or the public network"),
    }
}

/// Mostly a group of the VPC of an interface.
fn group_near(store: &Store, vni: u8, by: u8) -> SecurityGroupId {
    let vni: Option<Vni> = store.record(&Vni::key_of(pick::<Vni>(store, vni)));
    prefer(store, by, by, |group: &SecurityGroup| vni.as_ref().is_some_and(|vni| vni.vpc == group.vpc))
}

fn update_vpc(by: u8, name: Option<String>) -> UpdateVpc {
    let ranges = ["2001:db8::/63", "2001:db8::/64", "2001:db8:0:1::/64", "fd00::/64", "2001:db8::1/64"];
    UpdateVpc {
        name,
        ipv6_cidrs: (by.is_multiple_of(2)).then(|| vec![ranges[usize::from(by / 2) % ranges.len()].parse().unwrap()]),
        dhcp: (by.is_multiple_of(3)).then(|| DhcpOptions {
            domain: Some(["a.example", "b.example", "-"][usize::from(by) % 3].to_owned()),
            ..DhcpOptions::default()
        }),
        ..UpdateVpc::default()
    }
}

fn update_subnet(store: &Store, b: u8, c: u8, name: Option<String>) -> UpdateSubnet {
    let range = [None, Some(Ipv6Range::Auto), Some(Ipv6Range::Net("2001:db8::/64".parse().unwrap()))];
    UpdateSubnet {
        name,
        ipv6: (b.is_multiple_of(2)).then(|| range[usize::from(b / 2) % 3]),
        ipv6_assignment: [None, Some(Ipv6Assignment::Slaac), Some(Ipv6Assignment::Dhcpv6)][usize::from(c) % 3],
        auto_assign_ipv6: (c.is_multiple_of(4)).then_some(c.is_multiple_of(8)),
        acl: (b.is_multiple_of(3)).then(|| pick::<NetworkAcl>(store, c)),
        public_gateway: (c.is_multiple_of(2)).then(|| {
            let some = !store.records::<PublicGateway>().is_empty() && !c.is_multiple_of(8);
            some.then(|| pick::<PublicGateway>(store, b))
        }),
        ..UpdateSubnet::default()
    }
}

fn prefix(b: u8, c: u8) -> PrefixChoice {
    let nets = ["10.0.0.16/28", "10.0.0.0/28", "2001:db8::/80", "2001:db8:0:0:1::/80", "10.0.0.17/28"];
    match b % 3 {
        0 => PrefixChoice::Auto(IpFamily::V4),
        1 => PrefixChoice::Auto(IpFamily::V6),
        _ => PrefixChoice::Net(nets[usize::from(c) % nets.len()].parse().unwrap()),
    }
}

fn protocol(by: u8) -> ProtocolMatch {
    match by % 4 {
        0 => ProtocolMatch::Any,
        1 => ProtocolMatch::Tcp(PortRange { first: 80, last: 80 + u16::from(by / 4) }),
        2 => ProtocolMatch::Udp(PortRange { first: 9, last: u16::from(by / 4) }),
        _ => ProtocolMatch::Number(by),
    }
}

fn direction(by: u8) -> Direction {
    if by.is_multiple_of(2) { Direction::Ingress } else { Direction::Egress }
}

fn rule(store: &Store, a: u8, b: u8) -> NewRule {
    let remote = match b % 5 {
        0 => Remote::Any,
        1 => Remote::Net(net("192.0.2.0/24").into()),
        2 => Remote::PrefixList(pick::<PrefixList>(store, a)),
        _ => Remote::Group(pick::<SecurityGroup>(store, a)),
    };
    let local = (a.is_multiple_of(7)).then(|| net("10.0.0.4/30").into());
    NewRule { direction: direction(a), protocol: protocol(b), remote, local, description: None }
}

fn rules_change(store: &Store, a: u8, b: u8, c: u8, d: u8) -> RulesChange {
    let group: Option<SecurityGroup> = store.record(&SecurityGroup::key_of(pick::<SecurityGroup>(store, a)));
    let own: Vec<RuleId> = group.iter().flat_map(|group| &group.rules).map(|rule| rule.id).collect();
    let one = |by: u8| own.get(usize::from(by)).copied();
    match d % 4 {
        0 => RulesChange::Set((0..c % 3).map(|more| rule(store, b.wrapping_add(more), c)).collect()),
        1 => RulesChange::remove(one(b % 3).into_iter().collect()),
        2 if !own.is_empty() => RulesChange::replace(own[usize::from(b) % own.len()], rule(store, b, c)),
        _ => RulesChange::add(vec![rule(store, b, c)]),
    }
}

fn acl_rule(by: u8, number: Option<u16>) -> NewAclRule {
    let number = number.or((by.is_multiple_of(3)).then_some(u16::from(by)));
    NewAclRule { number, protocol: protocol(by), ..NewAclRule::allow_all(direction(by / 2), IpFamily::V4) }
}

fn acl_entry(b: u8, c: u8) -> AclEntryChange {
    let number = [1, 100, 101, 102, 200][usize::from(c) % 5];
    let rule = acl_rule(b, Some(number));
    match c % 3 {
        0 => AclEntryChange::Add(rule),
        1 => AclEntryChange::Replace(rule),
        _ => AclEntryChange::Remove(rule.direction, number),
    }
}

fn acl_change(store: &Store, id: NetworkAclId, b: u8, c: u8, d: u8) -> AclRulesChange {
    let acl: Option<NetworkAcl> = store.record(&NetworkAcl::key_of(id));
    let own: Vec<_> = acl.iter().flat_map(|acl| &acl.rules).map(|rule| rule.rule.id).collect();
    let some = |by: u8| own.get(usize::from(by) % own.len().max(1)).copied();
    let place = match (c % 3, some(c)) {
        (0, Some(id)) => AclPlace::Before(id),
        (1, _) => AclPlace::Last,
        _ => AclPlace::Natural,
    };
    let put = AclRulePut { rule: acl_rule(b, None), place };
    match d % 5 {
        4 => AclRulesChange::Entry(acl_entry(b, c)),
        0 => AclRulesChange::Set((0..c % 4).map(|more| acl_rule(b, Some(u16::from(more) + 1))).collect()),
        1 => AclRulesChange::Edit { remove: some(b).into_iter().collect(), replace: Vec::new(), add: Vec::new() },
        2 => AclRulesChange::Edit {
            remove: Vec::new(),
            replace: some(b).map(|id| (id, put)).into_iter().collect(),
            add: Vec::new(),
        },
        _ => AclRulesChange::Edit { remove: Vec::new(), replace: Vec::new(), add: vec![put] },
    }
}

fn flow_log(store: &Store, a: u8, b: u8, c: u8, d: u8) -> CreateFlowLog {
    let target = match a % 3 {
        0 => FlowLogTarget::Vpc(pick::<Vpc>(store, b)),
        1 => FlowLogTarget::Subnet(pick::<Subnet>(store, b)),
        _ => FlowLogTarget::Vni(pick::<Vni>(store, b)),
    };
    let (kind, name) = (DestinationKind::LogGroup, format!("group-{}", c % 3));
    CreateFlowLog {
        target,
        traffic: if d.is_multiple_of(2) { TrafficType::All } else { TrafficType::Reject },
        destination: FlowDestination { kind, name, role: None, cross_account_role: None },
        fields: FlowField::ALL.iter().copied().take(usize::from(d) % 5).collect(),
        interval: if d.is_multiple_of(7) { 61 } else { 60 },
        files: FileFormat::default(),
        collector: None,
    }
}

fn entry(by: u8) -> PrefixListEntry {
    let net = IpNet::new(std::net::Ipv4Addr::new(192, 0, 2, by % 16 * 16).into(), 28).unwrap();
    PrefixListEntry { net, description: String::new() }
}

fn update_list(store: &Store, a: u8, b: u8, c: u8, name: Option<String>) -> UpdatePrefixList {
    let list: Option<PrefixList> = store.record(&PrefixList::key_of(pick::<PrefixList>(store, a)));
    let first = list.iter().flat_map(|list| &list.entries).map(|entry| entry.net).next();
    UpdatePrefixList {
        current_version: list.map(|list| list.version + u32::from(b.is_multiple_of(9))),
        name,
        max_entries: (b.is_multiple_of(3)).then_some(u32::from(c)),
        add: (0..b % 3).map(|more| entry(c.wrapping_add(more))).collect(),
        remove: first.filter(|_| c.is_multiple_of(2)).into_iter().collect(),
    }
}
