//! Policy as entries: a change costs what it touches.

use std::collections::BTreeSet;

use pintle_core::command::{
    Command, CreatePrefixList, CreateVni, GroupsChange, NewRule, PrefixChoice, RulesChange, UpdateInstance,
    UpdatePrefixList, UpdateSecurityGroup, UpdateSubnet, UpdateVni, UpdateVpc,
};
use pintle_core::compile::{HostEntries, Subject};
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortSpec, RouteSpec, VniEndpoint};
use pintle_core::id::{AttachmentId, HostId, SecurityGroupId, VniId};
use pintle_core::model::{
    Attachment, DhcpOptions, Instance, IpFamily, NetworkAcl, PrefixList, PrefixListEntry, SecurityGroup, Vni,
    VniLimits, Vpc,
};
use pintle_core::policy::{Direction, Remote};

use super::effects::{hear, told};
use super::told::whole;
use crate::common::build::{Scene, at, existing, group, ip, scene, tcp_in, vni, with_ipv6};

/// Two interfaces, one on each host.
fn pair() -> (Scene, [VniId; 2], [AttachmentId; 2]) {
    let mut s = scene();
    let homes = s.hosts.map(|host| s.world.instance(s.vpc, host).id);
    let vnis = ["10.0.0.100", "10.0.0.200"].map(|address| s.world.vni_at(s.subnet, address).id);
    let attachments = [0, 1].map(|at| s.world.attach_now(homes[at], vnis[at]).id);
    (s, vnis, attachments)
}

fn port(s: &Scene, host: usize, id: AttachmentId) -> PortSpec {
    match &whole(&s.world.store)[&s.hosts[host]][&EntryKey::Port(id)] {
        Entry::Port(port) => (**port).clone(),
        other => panic!("{other:?}"),
    }
}

fn endpoint(s: &Scene, host: usize, address: &str) -> VniEndpoint {
    let segment = s.world.get::<Vpc>(s.vpc).segment;
    match &whole(&s.world.store)[&s.hosts[host]][&EntryKey::Endpoint(segment, ip(address))] {
        Entry::Endpoint(EndpointSpec::Vni(endpoint)) => endpoint.clone(),
        other => panic!("{other:?}"),
    }
}

/// The keys of which a host's entries differ, by host.
fn difference(before: &HostEntries, after: &HostEntries) -> BTreeSet<(HostId, EntryKey)> {
    let mut keys = BTreeSet::new();
    for (host, entries) in before.iter().chain(after) {
        for key in entries.keys() {
            let of = |all: &HostEntries| all.get(host).and_then(|own| own.get(key)).cloned();
            if of(before) != of(after) {
                keys.insert((*host, *key));
            }
        }
    }
    keys
}

fn change(s: &mut Scene, command: Command) -> BTreeSet<(HostId, EntryKey)> {
    let before = whole(&s.world.store);
    s.world.attempt(command).unwrap();
    difference(&before, &whole(&s.world.store))
}

#[test]
fn d06_a_change_of_a_groups_rules_is_one_entry_on_each_host_of_the_vpc() {
    let (mut s, _, _) = pair();
    let default = s.world.get::<Vpc>(s.vpc).default_group;
    let mut told = told(&s);
    let rule = Command::ChangeRules(default, RulesChange::add(vec![tcp_in(22, Remote::Any)]));
    assert_eq!(hear(&mut s, &mut told, rule), [Subject::Group(default)].into());
    let one_more = Command::ChangeRules(default, RulesChange::add(vec![tcp_in(23, Remote::Any)]));
    let expected = s.hosts.map(|host| (host, EntryKey::Group(default))).into();
    assert_eq!(change(&mut s, one_more), expected);
}

#[test]
fn d06_a_change_of_membership_is_the_entries_of_that_interface_only() {
    let (mut s, vnis, attachments) = pair();
    let more = group(&mut s.world, s.vpc, vec![]);
    let mut told = told(&s);
    let join = Command::ChangeVniGroups(vnis[0], GroupsChange::Add(more));
    assert_eq!(hear(&mut s, &mut told, join), [Subject::Vni(vnis[0])].into());
    let leave = Command::ChangeVniGroups(vnis[0], GroupsChange::Remove(more));
    let segment = s.world.get::<Vpc>(s.vpc).segment;
    let way = EntryKey::Endpoint(segment, ip("10.0.0.100"));
    let expected = [(s.hosts[0], EntryKey::Port(attachments[0])), (s.hosts[0], way), (s.hosts[1], way)];
    assert_eq!(change(&mut s, leave), expected.into());
}

#[test]
fn d22_a_quarantined_interface_is_a_member_of_its_quarantines_groups_only() {
    let (mut s, vnis, attachments) = pair();
    let own = s.world.get::<Vpc>(s.vpc).default_group;
    let forensic = group(&mut s.world, s.vpc, vec![]);
    s.world.run::<Vni>(Command::QuarantineVni(vnis[0], vec![forensic]));
    let policy = port(&s, 0, attachments[0]).policy;
    assert_eq!((policy.groups, policy.quarantine, policy.judged), (vec![own], Some(vec![forensic]), 1));
    assert_eq!(endpoint(&s, 1, "10.0.0.100").groups, [forensic]);
    s.world.run::<Vni>(Command::QuarantineVni(vnis[0], vec![]));
    assert_eq!(endpoint(&s, 1, "10.0.0.100").groups, []);
    s.world.run::<Vni>(Command::ReleaseVni(vnis[0]));
    assert_eq!(endpoint(&s, 1, "10.0.0.100").groups, [own]);
}

#[test]
fn d16_groups_are_sorted_and_rules_keep_their_order_and_ids() {
    let (mut s, vnis, attachments) = pair();
    let groups: Vec<SecurityGroupId> = (0..4).map(|_| group(&mut s.world, s.vpc, vec![])).collect();
    s.world.run::<Vni>(Command::ChangeVniGroups(vnis[0], GroupsChange::Set(groups.clone())));
    s.world.run::<Vni>(Command::ShadowVni(vnis[0], Some(groups[1..3].to_vec())));
    let mut sorted = groups.clone();
    sorted.sort();
    let policy = port(&s, 0, attachments[0]).policy;
    assert_eq!(policy.groups, sorted);
    assert!(policy.shadow.is_some_and(|shadow| shadow.len() == 2 && shadow.is_sorted()));
    assert_eq!(endpoint(&s, 1, "10.0.0.100").groups, sorted);
    let rules = vec![tcp_in(9, Remote::Any), NewRule::ALL_OUT, tcp_in(1, Remote::Group(groups[0]))];
    let set: SecurityGroup = s.world.run(Command::ChangeRules(groups[3], RulesChange::Set(rules)));
    let key = EntryKey::Group(groups[3]);
    assert_eq!(whole(&s.world.store)[&s.hosts[1]][&key], Entry::Group(set.rules));
}

#[test]
fn a_prefix_list_is_where_a_group_refers_to_it_and_nowhere_else() {
    let (mut s, _, _) = pair();
    let entries = vec![PrefixListEntry { net: "192.0.2.0/24".parse().unwrap(), description: "x".to_owned() }];
    let create = CreatePrefixList { name: None, family: IpFamily::V4, max_entries: 2, entries };
    let list: PrefixList = s.world.run(Command::CreatePrefixList(create));
    let key = EntryKey::PrefixList(list.id);
    let mut told = told(&s);
    let knows = |s: &Scene| s.hosts.map(|host| whole(&s.world.store)[&host].get(&key).cloned());
    assert_eq!(knows(&s), [None, None]);
    let default = s.world.get::<Vpc>(s.vpc).default_group;
    let refer = Command::ChangeRules(default, RulesChange::add(vec![tcp_in(443, Remote::PrefixList(list.id))]));
    assert_eq!(hear(&mut s, &mut told, refer), [Subject::Group(default), Subject::PrefixList(list.id)].into());
    let nets = Entry::PrefixList(vec!["192.0.2.0/24".parse().unwrap()]);
    assert_eq!(knows(&s), [Some(nets.clone()), Some(nets)]);
    let remove = vec!["192.0.2.0/24".parse().unwrap()];
    let update = UpdatePrefixList { current_version: Some(1), remove, ..UpdatePrefixList::default() };
    let update = Command::UpdatePrefixList(list.id, update);
    assert_eq!(hear(&mut s, &mut told, update), [Subject::PrefixList(list.id)].into());
    let forget = Command::ChangeRules(default, RulesChange::Set(vec![NewRule::ALL_OUT]));
    hear(&mut s, &mut told, forget);
    assert_eq!(knows(&s), [None, None]);
}

#[test]
fn d15_an_acl_given_to_a_subnet_reaches_its_ports_and_no_others() {
    let (mut s, vnis, attachments) = pair();
    let other = s.world.subnet(s.vpc, "10.1.0.0/24").id;
    let stranger = s.world.vni(other).id;
    let home = s.world.get::<Attachment>(attachments[0]).instance;
    s.world.attach_now(home, stranger);
    let create = pintle_core::command::CreateNetworkAcl { vpc: s.vpc, name: None, rules: vec![] };
    let acl: NetworkAcl = s.world.run(Command::CreateNetworkAcl(create));
    let mut told = told(&s);
    let give = Command::UpdateSubnet(s.subnet, UpdateSubnet { acl: Some(acl.id), ..UpdateSubnet::default() });
    let concerned = [Subject::Subnet(s.subnet), Subject::Vni(vnis[0]), Subject::Vni(vnis[1])];
    assert_eq!(hear(&mut s, &mut told, give), concerned.into());
    assert_eq!(port(&s, 0, attachments[0]).policy.acl, Some(acl.id));
    assert_eq!(whole(&s.world.store)[&s.hosts[0]][&EntryKey::Acl(acl.id)], Entry::Acl(vec![]));
    let rename = Command::RenameSubnet(s.subnet, "x".to_owned());
    assert_eq!(hear(&mut s, &mut told, rename), [Subject::Subnet(s.subnet)].into());
}

#[test]
fn d23_names_and_descriptions_change_no_policy() {
    let (mut s, vnis, attachments) = pair();
    let default = s.world.get::<Vpc>(s.vpc).default_group;
    let vpc: Vpc = s.world.get(s.vpc);
    let instance = s.world.get::<Attachment>(attachments[0]).instance;
    let name = || Some("admin".to_owned());
    let update = UpdateSecurityGroup { name: name(), description: Some("Opens everything".to_owned()) };
    for command in [
        Command::UpdateSecurityGroup(default, update),
        Command::RenameNetworkAcl(vpc.default_acl, "admin".to_owned()),
        Command::UpdateVni(vnis[0], UpdateVni { name: name(), ..UpdateVni::default() }),
        Command::RenameVpc(s.vpc, "admin".to_owned()),
        Command::RenameSubnet(s.subnet, "admin".to_owned()),
        Command::RenameAttachment(attachments[0], "admin".to_owned()),
    ] {
        let shown = format!("{command:?}");
        assert_eq!(change(&mut s, command), BTreeSet::new(), "{shown}");
    }
    let before = port(&s, 0, attachments[0]).policy;
    s.world.run::<Instance>(Command::RenameInstance(instance, "admin".to_owned()));
    assert_eq!(port(&s, 0, attachments[0]).policy, before, "only the host name that DHCP tells");
}

#[test]
fn b12_a_delegated_prefix_is_a_route_through_its_interface_and_its_ports_own() {
    let (mut s, vnis, attachments) = pair();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    s.world.run::<pintle_core::model::ReservedIp>(Command::AddVniIp(vnis[0], at("2001:db8::100")));
    let segment = s.world.get::<Vpc>(s.vpc).segment;
    for (net, via) in [("10.0.0.64/28", "10.0.0.100"), ("2001:db8:0:0:5::/80", "2001:db8::100")] {
        let net: ipnet::IpNet = net.parse().unwrap();
        s.world.run::<ipnet::IpNet>(Command::AddVniPrefix(vnis[0], PrefixChoice::Net(net)));
        for host in s.hosts {
            let route = whole(&s.world.store)[&host][&EntryKey::Route(segment, 0, net)].clone();
            assert_eq!(route, Entry::Route(RouteSpec::Via(ip(via))));
        }
        assert!(port(&s, 0, attachments[0]).prefixes.contains(&net));
    }
    let spec = port(&s, 0, attachments[0]);
    assert_eq!(spec.addresses, [ip("10.0.0.100"), ip("2001:db8::100")]);
    assert_eq!(spec.subnet6, Some("2001:db8::/64".parse().unwrap()));
    assert_eq!(endpoint(&s, 1, "2001:db8::100"), endpoint(&s, 1, "10.0.0.100"));
}

#[test]
fn j01_a_port_is_as_fast_as_the_slowest_of_its_own_limits_and_its_instances_is_beside_them() {
    let (mut s, vnis, attachments) = pair();
    let limits = VniLimits { egress_kbps: Some(50_000), ingress_kbps: None, priority: 3 };
    s.world.run::<Vni>(Command::UpdateVni(vnis[0], UpdateVni { limits: Some(limits), ..UpdateVni::default() }));
    let speed = pintle_core::command::UpdateAttachment { port_speed: Some(Some(100)), ..Default::default() };
    s.world.run::<Attachment>(Command::UpdateAttachment(attachments[0], speed));
    let instance = s.world.get::<Attachment>(attachments[0]).instance;
    let mut told = told(&s);
    let limit = UpdateInstance { bandwidth_kbps: Some(Some(70_000)), ..UpdateInstance::default() };
    let limit = Command::UpdateInstance(instance, limit);
    let concerned = [Subject::Instance(instance), Subject::Vni(vnis[0])];
    assert_eq!(hear(&mut s, &mut told, limit), concerned.into());
    let found = port(&s, 0, attachments[0]).limits;
    let rates = (found.egress_kbps, found.ingress_kbps, found.instance_kbps, found.priority);
    assert_eq!(rates, (Some(50_000), Some(100_000), Some(70_000), 3));
}

#[test]
fn guests_are_told_what_their_vpc_says_and_hear_when_that_changes() {
    let (mut s, vnis, attachments) = pair();
    let mut told = told(&s);
    let (dns, domain) = (vec![ip("10.0.0.2")], Some("corp.example".to_owned()));
    let dhcp = DhcpOptions { dns, domain, ..DhcpOptions::default() };
    let update = Command::UpdateVpc(s.vpc, UpdateVpc { dhcp: Some(dhcp), ..UpdateVpc::default() });
    assert_eq!(hear(&mut s, &mut told, update), [Subject::Vni(vnis[0]), Subject::Vni(vnis[1])].into());
    let told = port(&s, 0, attachments[0]).guest_config;
    let instance: Instance = s.world.get(s.world.get::<Attachment>(attachments[0]).instance);
    assert_eq!((told.dns, told.domain.as_deref()), (vec![ip("10.0.0.2")], Some("corp.example")));
    assert_eq!(told.hostname, Some(instance.name));
}

#[test]
fn a15_the_new_side_of_a_move_adopts_until_it_is_told_to_end() {
    let (mut s, vnis, attachments) = pair();
    let target = s.world.instance(s.vpc, s.hosts[1]).id;
    let moving: pintle_core::model::Move = s.world.run(Command::MoveVni { vni: vnis[0], to: target, nic: None });
    s.world.ignored(Command::EndAdoption(moving.to));
    let adopting = |s: &Scene, host, id| port(s, host, id).policy.adopting;
    assert!(adopting(&s, 1, moving.to) && !adopting(&s, 0, attachments[0]));
    s.world.finish_move(vnis[0]);
    assert!(adopting(&s, 1, moving.to));
    s.world.done(Command::EndAdoption(moving.to));
    assert!(!adopting(&s, 1, moving.to));
    s.world.ignored(Command::EndAdoption(moving.to));
}

#[test]
fn d19_a_port_and_its_policy_come_in_one_commit() {
    let mut s = scene();
    let own = group(&mut s.world, s.vpc, vec![tcp_in(22, Remote::Any)]);
    let create = CreateVni { security_groups: vec![own], ..vni(s.subnet) };
    let made: Vni = s.world.run(Command::CreateVni(create));
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let keys = change(&mut s, Command::Attach(home, existing(made.id)));
    let acl = s.world.get::<Vpc>(s.vpc).default_acl;
    assert!(keys.contains(&(s.hosts[0], EntryKey::Group(own))) && keys.contains(&(s.hosts[0], EntryKey::Acl(acl))));
    assert!(keys.iter().any(|(_, key)| matches!(key, EntryKey::Port(_))));
    let sorted: Vec<EntryKey> = keys.into_iter().map(|(_, key)| key).collect();
    let place = |wanted: fn(&EntryKey) -> bool| sorted.iter().position(wanted).unwrap();
    assert!(place(|key| matches!(key, EntryKey::Group(_))) < place(|key| matches!(key, EntryKey::Port(_))));
    let rule = &s.world.get::<SecurityGroup>(own).rules[0];
    assert_eq!(rule.direction, Direction::Ingress);
}
