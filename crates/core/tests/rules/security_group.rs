//! Security groups: made with the VPC, edited as a whole or in part, kept while somebody needs them.

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateSecurityGroup, CreateVpc, GroupsChange, NewRange, NewRule, RulesChange, UpdateSecurityGroup,
};
use pintle_core::id::{RuleId, SecurityGroupId, VpcId};
use pintle_core::limits::RULES_PER_GROUP;
use pintle_core::model::{SecurityGroup, Vni, Vpc};
use pintle_core::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch, Remote};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{group, scene, tcp_in};
use crate::common::{World, says};

fn edit(world: &mut World, group: SecurityGroupId, change: RulesChange) -> SecurityGroup {
    world.run(Command::ChangeRules(group, change))
}

fn add(world: &mut World, group: SecurityGroupId, rule: NewRule) -> RuleId {
    edit(world, group, RulesChange::add(vec![rule])).rules.last().unwrap().id
}

#[test]
fn d02_a_vpc_begins_with_a_group_that_lets_its_members_in_and_everything_out() {
    let s = scene();
    let default: SecurityGroup = s.world.get(s.world.get::<Vpc>(s.vpc).default_group);
    assert!(default.default && default.vpc == s.vpc);
    let says: Vec<_> = default.rules.iter().map(|rule| (rule.direction, rule.protocol, rule.remote)).collect();
    let members = (Direction::Ingress, ProtocolMatch::Any, Remote::Group(default.id));
    assert_eq!(says, [members, (Direction::Egress, ProtocolMatch::Any, Remote::Any)]);
}

#[test]
fn d02_where_tables_route_the_default_group_lets_out_what_the_vpc_has_a_version_of() {
    let mut world = World::new();
    let v6 = vec!["fd00:1::/56".parse().unwrap()];
    for (ipv6_cidrs, provided_ipv6, out) in [
        (Vec::new(), false, &["0.0.0.0/0"][..]),
        (v6, false, &["0.0.0.0/0", "::/0"]),
        (Vec::new(), true, &["0.0.0.0/0", "::/0"]),
    ] {
        let cidrs = vec!["10.0.0.0/16".parse().unwrap()];
        let create = CreateVpc { cidrs, ipv6_cidrs, provided_ipv6, route_tables: true, ..CreateVpc::default() };
        let vpc: Vpc = world.run(Command::CreateVpc(create));
        let group: SecurityGroup = world.get(vpc.default_group);
        let says: Vec<_> = group.rules.iter().map(|rule| (rule.direction, rule.remote)).collect();
        let out = out.iter().map(|net| (Direction::Egress, Remote::Net(net.parse().unwrap())));
        let members = (Direction::Ingress, Remote::Group(group.id));
        assert_eq!(says, [members].into_iter().chain(out).collect::<Vec<_>>());
    }
}

#[test]
fn d02_a_first_ipv6_range_is_let_out_by_a_default_group_that_nobody_has_changed() {
    let nets = |world: &World, vpc: &Vpc| {
        let group: SecurityGroup = world.get(vpc.default_group);
        let egress = group.rules.iter().filter(|rule| rule.direction == Direction::Egress);
        egress.map(|rule| rule.remote).collect::<Vec<_>>()
    };
    let [v4, v6] = ["0.0.0.0/0", "::/0"].map(|net| Remote::Net(net.parse().unwrap()));
    for (changed, tables, expected) in
        [(false, true, vec![v4, v6]), (true, true, vec![]), (false, false, vec![Remote::Any])]
    {
        let mut world = World::new();
        let cidrs = vec!["10.0.0.0/16".parse().unwrap()];
        let create = CreateVpc { cidrs, route_tables: tables, ..CreateVpc::default() };
        let vpc: Vpc = world.run(Command::CreateVpc(create));
        if changed {
            world.run::<SecurityGroup>(Command::ChangeRules(vpc.default_group, RulesChange::Set(Vec::new())));
        }
        for number in 1..=2 {
            world.run::<super::vpc_range::Range>(Command::AddVpcRange(vpc.id, NewRange::ProvidedIpv6));
            assert_eq!(nets(&world, &vpc), expected, "range {number}");
        }
    }
}

#[test]
fn d02_a_default_group_without_room_does_not_stand_in_the_way_of_an_ipv6_range() {
    let mut world = World::new();
    let create = CreateVpc { cidrs: vec!["10.0.0.0/16".parse().unwrap()], route_tables: true, ..CreateVpc::default() };
    let vpc: Vpc = world.run(Command::CreateVpc(create));
    let begun = world.get::<SecurityGroup>(vpc.default_group).rules.len();
    let more = (begun..RULES_PER_GROUP).map(|port| tcp_in(port as u16, Remote::Any)).collect();
    let full = edit(&mut world, vpc.default_group, RulesChange::add(more));
    world.run::<super::vpc_range::Range>(Command::AddVpcRange(vpc.id, NewRange::ProvidedIpv6));
    assert_eq!(world.get::<SecurityGroup>(vpc.default_group), full);
    assert_eq!(world.get::<Vpc>(vpc.id).ipv6_cidrs.len(), 1);
}

#[test]
fn d02_an_interface_without_groups_gets_the_default_one_and_a_new_group_lets_everything_out_and_nothing_in() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet);
    assert_eq!(vni.security_groups, [s.world.get::<Vpc>(s.vpc).default_group]);
    let made: SecurityGroup = s.world.run(Command::CreateSecurityGroup(CreateSecurityGroup {
        vpc: s.vpc,
        name: None,
        description: String::new(),
        rules: None,
    }));
    let directions: Vec<_> = made.rules.iter().map(|rule| rule.direction).collect();
    assert_eq!(directions, [Direction::Egress]);
    let bare = CreateSecurityGroup { vpc: s.vpc, name: None, description: String::new(), rules: Some(Vec::new()) };
    assert!(s.world.run::<SecurityGroup>(Command::CreateSecurityGroup(bare)).rules.is_empty());
}

#[test]
fn d01_the_default_group_goes_with_its_vpc_and_not_before() {
    let mut s = scene();
    let id = s.world.get::<Vpc>(s.vpc).default_group;
    let refusal = s.world.refused(Command::DeleteSecurityGroup(id));
    says(&refusal, &[&id.to_string(), "default", &s.vpc.to_string(), "goes with its VPC"]);
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    group(&mut world, vpc, vec![tcp_in(22, Remote::Any)]);
    world.run::<Vpc>(Command::DeleteVpc(vpc));
    assert!(world.store.content().is_empty());
}

#[test]
fn d01_a_group_that_is_needed_names_who_needs_it() {
    let mut s = scene();
    let needed = group(&mut s.world, s.vpc, vec![]);
    let vni = s.world.vni(s.subnet).id;
    s.world.run::<Vni>(Command::ChangeVniGroups(vni, GroupsChange::Add(needed)));
    let in_use = |s: &mut World| match s.refused(Command::DeleteSecurityGroup(needed)) {
        Refusal::InUse { noun: Noun::SecurityGroup, holder, .. } => holder,
        other => panic!("{other}"),
    };
    assert_eq!(in_use(&mut s.world), Holder::Vni(vni));
    s.world.run::<Vni>(Command::ChangeVniGroups(vni, GroupsChange::Remove(needed)));
    for command in [Command::QuarantineVni(vni, vec![needed]), Command::ShadowVni(vni, Some(vec![needed]))] {
        s.world.run::<Vni>(command);
        assert_eq!(in_use(&mut s.world), Holder::Vni(vni));
    }
    s.world.run::<Vni>(Command::ReleaseVni(vni));
    s.world.run::<Vni>(Command::ShadowVni(vni, None));
    let other = group(&mut s.world, s.vpc, vec![tcp_in(22, Remote::Group(needed))]);
    assert_eq!(in_use(&mut s.world), Holder::SecurityGroup(other));
    edit(&mut s.world, other, RulesChange::Set(vec![]));
    s.world.run::<SecurityGroup>(Command::DeleteSecurityGroup(needed));
}

#[test]
fn d03_rules_are_added_replaced_and_removed_in_one_step_and_keep_their_ids() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![]);
    let before = edit(&mut s.world, id, RulesChange::add((1..=4).map(|port| tcp_in(port, Remote::Any)).collect()));
    let ids: Vec<RuleId> = before.rules.iter().map(|rule| rule.id).collect();
    let change = RulesChange::Edit {
        remove: vec![ids[0], ids[3]],
        replace: vec![(ids[1], tcp_in(22, Remote::Any))],
        // The port of the rule that goes.
        add: vec![tcp_in(1, Remote::Any), NewRule::ALL_OUT],
    };
    let after = edit(&mut s.world, id, change);
    let kept: Vec<RuleId> = after.rules.iter().map(|rule| rule.id).collect();
    assert_eq!((kept[..2].to_vec(), kept.len()), (vec![ids[1], ids[2]], 4));
    assert_eq!(after.rules[0].protocol, ProtocolMatch::Tcp(PortRange::one(22)));
    assert!(!ids.contains(&kept[2]), "a new rule is a new rule");

    let set = edit(&mut s.world, id, RulesChange::Set(vec![NewRule::ALL_OUT, tcp_in(9, Remote::Any)]));
    assert_eq!((set.rules[0].id, set.rules.len()), (kept[3], 2));
    s.world.ignored_reply(Command::ChangeRules(id, RulesChange::Set(vec![NewRule::ALL_OUT, tcp_in(9, Remote::Any)])));
}

#[test]
fn d03_a_change_that_fails_in_part_changes_nothing() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![tcp_in(22, Remote::Any)]);
    let own = s.world.get::<SecurityGroup>(id).rules[0].id;
    let absent: RuleId = "sgr-00000000000000001".parse().unwrap();
    for change in [
        RulesChange::remove(vec![own, absent]),
        RulesChange::remove(vec![own, own]),
        RulesChange::replace(absent, NewRule::ALL_OUT),
    ] {
        let refusal = s.world.refused(Command::ChangeRules(id, change));
        assert!(matches!(refusal, Refusal::NotFound { noun: Noun::SecurityGroupRule, .. }), "{refusal}");
    }
}

#[test]
fn d05_a_rule_says_something_that_can_match_and_the_refusal_says_what_can_not() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![]);
    let net = |text: &str| Remote::Net(text.parse().unwrap());
    let rule = |protocol, remote| NewRule { direction: Direction::Ingress, protocol, remote, ..NewRule::ALL_OUT };
    let backwards = PortRange { first: 443, last: 80 };
    let v4 = ProtocolMatch::Icmp(IcmpMatch::Code(3, 4));
    let v6 = ProtocolMatch::Icmpv6(IcmpMatch::Type(128));
    let local =
        |remote, local: &str| NewRule { local: Some(local.parse().unwrap()), ..rule(ProtocolMatch::Any, remote) };
    for (bad, needles) in [
        (rule(ProtocolMatch::Tcp(backwards), Remote::Any), ["field 'ports'", "443-80"]),
        (rule(ProtocolMatch::Any, net("10.0.0.1/8")), ["field 'remote'", "10.0.0.0/8"]),
        (rule(ProtocolMatch::Any, net("2001:db8::1/64")), ["field 'remote'", "2001:db8::/64"]),
        (rule(ProtocolMatch::Any, net("::ffff:10.0.0.0/104")), ["field 'remote'", "not mapped"]),
        (rule(v4, net("2001:db8::/64")), ["field 'remote'", "IPv4"]),
        (rule(v6, net("10.0.0.0/8")), ["field 'remote'", "IPv6"]),
        (rule(ProtocolMatch::Number(58), net("10.0.0.0/8")), ["field 'remote'", "IPv6"]),
        (local(net("10.0.0.0/8"), "2001:db8::/64"), ["field 'local'", "IPv6"]),
        (local(Remote::Any, "10.0.0.1/24"), ["field 'local'", "10.0.0.0/24"]),
    ] {
        let shown = format!("{bad:?}");
        let refusal = s.world.refused(Command::ChangeRules(id, RulesChange::add(vec![bad])));
        assert!(needles.iter().all(|needle| refusal.to_string().contains(needle)), "{shown}: {refusal}");
    }
    for good in [
        rule(v4, net("10.0.0.0/8")),
        rule(v6, net("2001:db8::/64")),
        rule(ProtocolMatch::Icmp(IcmpMatch::Any), Remote::Any),
        rule(ProtocolMatch::Number(50), net("0.0.0.0/0")),
        rule(ProtocolMatch::IcmpTcpUdp, Remote::Group(id)),
        rule(ProtocolMatch::Udp(PortRange::ALL), net("203.0.113.7/32")),
    ] {
        add(&mut s.world, id, good);
    }
}

#[test]
fn d05_a_rule_is_there_once_and_its_twin_is_named() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![tcp_in(22, Remote::Any), tcp_in(23, Remote::Any)]);
    let rules = s.world.get::<SecurityGroup>(id).rules;
    for change in
        [RulesChange::add(vec![tcp_in(22, Remote::Any)]), RulesChange::replace(rules[1].id, tcp_in(22, Remote::Any))]
    {
        let refusal = s.world.refused(Command::ChangeRules(id, change));
        says(&refusal, &[&id.to_string(), &rules[0].id.to_string(), "already"]);
    }
    let twice = RulesChange::Set(vec![NewRule::ALL_OUT, NewRule::ALL_OUT]);
    assert!(matches!(s.world.refused(Command::ChangeRules(id, twice)), Refusal::DuplicateRule { .. }));
}

fn other_vpc(world: &mut World) -> (VpcId, SecurityGroupId) {
    let vpc = world.vpc(&[]).id;
    (vpc, group(world, vpc, vec![]))
}

#[test]
fn d06_a_group_of_another_vpc_is_no_remote_and_no_interface_has_it() {
    let mut s = scene();
    let (vpc, theirs) = other_vpc(&mut s.world);
    let id = group(&mut s.world, s.vpc, vec![]);
    let vni = s.world.vni(s.subnet).id;
    let expected = Refusal::OtherVpc { noun: Noun::SecurityGroup, id: theirs.to_string(), vpc, needed: s.vpc };
    for command in [
        Command::ChangeRules(id, RulesChange::add(vec![tcp_in(22, Remote::Group(theirs))])),
        Command::ChangeVniGroups(vni, GroupsChange::Set(vec![theirs])),
        Command::QuarantineVni(vni, vec![theirs]),
        Command::ShadowVni(vni, Some(vec![theirs])),
    ] {
        assert_eq!(s.world.refused(command), expected);
    }
    let absent: SecurityGroupId = "sg-00000000000000001".parse().unwrap();
    let rule = RulesChange::add(vec![tcp_in(22, Remote::Group(absent))]);
    says(&s.world.refused(Command::ChangeRules(id, rule)), &["security group", &absent.to_string(), "not found"]);
}

#[test]
fn v01_a_group_has_250_rules_and_no_more() {
    let mut s = scene();
    let many = |count: usize| (0..count).map(|port| tcp_in(port as u16, Remote::Any)).collect::<Vec<_>>();
    let id = group(&mut s.world, s.vpc, many(RULES_PER_GROUP));
    let one_more = RulesChange::add(vec![NewRule::ALL_OUT]);
    let refusal = s.world.refused(Command::ChangeRules(id, one_more));
    says(&refusal, &[&id.to_string(), "251", "250"]);
    let known = RulesChange::add(many(1));
    assert!(matches!(s.world.refused(Command::ChangeRules(id, known)), Refusal::DuplicateRule { .. }));
    // More than any group can have is refused before one is compared with another.
    let twins = || vec![NewRule::ALL_OUT; RULES_PER_GROUP + 1];
    for change in [RulesChange::add(twins()), RulesChange::Set(twins())] {
        says(&s.world.refused(Command::ChangeRules(id, change)), &[&id.to_string(), "251", "250"]);
    }
}

#[test]
fn names_and_descriptions_are_checked() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![]);
    let update = |name: Option<&str>, description: Option<String>| {
        let name = name.map(str::to_owned);
        Command::UpdateSecurityGroup(id, UpdateSecurityGroup { name, description })
    };
    let refusal = s.world.refused(update(Some("default"), None));
    assert!(matches!(refusal, Refusal::NameTaken { noun: Noun::SecurityGroup, .. }), "{refusal}");
    for bad in ["x".repeat(256), "two\nlines".to_owned()] {
        says(&s.world.refused(update(None, Some(bad))), &["field 'description'", "255"]);
    }
    let changed: SecurityGroup = s.world.run(update(Some("web"), Some("Web servers".to_owned())));
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("web", "Web servers"));
}

#[test]
fn what_a_rule_is_for_is_kept_beside_it_and_makes_no_rule_another_one() {
    let mut s = scene();
    let told = |port, text: &str| NewRule { description: Some(text.to_owned()), ..tcp_in(port, Remote::Any) };
    let id = group(&mut s.world, s.vpc, vec![told(22, "ssh"), tcp_in(80, Remote::Any)]);
    let made: SecurityGroup = s.world.get(id);
    let (ssh, web) = (made.rules[0].id, made.rules[1].id);
    assert_eq!((made.description_of(ssh), made.description_of(web)), ("ssh", ""));
    let refusal = s.world.refused(Command::ChangeRules(id, RulesChange::add(vec![told(22, "other")])));
    assert!(matches!(refusal, Refusal::DuplicateRule { .. }), "{refusal}");

    // Said anew, not said, said to be nothing.
    let after = edit(&mut s.world, id, RulesChange::replace(web, told(80, "web")));
    assert_eq!(after.description_of(web), "web");
    let after = edit(&mut s.world, id, RulesChange::replace(web, tcp_in(8080, Remote::Any)));
    assert_eq!(after.description_of(web), "web");
    let after = edit(&mut s.world, id, RulesChange::Set(vec![tcp_in(8080, Remote::Any), told(22, "")]));
    assert_eq!((after.description_of(web), after.description_of(ssh), after.descriptions.len()), ("web", "", 1));
    assert!(edit(&mut s.world, id, RulesChange::remove(vec![web])).descriptions.is_empty());
    let long = RulesChange::add(vec![told(1, &"x".repeat(256))]);
    says(&s.world.refused(Command::ChangeRules(id, long)), &["field 'description'", "255"]);
}

#[test]
fn names_of_groups_are_those_of_ec2_and_unique_whatever_their_case() {
    let mut s = scene();
    let named = |name: &str| {
        let (name, description) = (Some(name.to_owned()), String::new());
        Command::CreateSecurityGroup(CreateSecurityGroup { vpc: s.vpc, name, description, rules: None })
    };
    let web: SecurityGroup = s.world.run(named("Web Servers/1"));
    let refusal = s.world.refused(named("WEB servers/1"));
    assert!(matches!(refusal, Refusal::NameTaken { holder, .. } if holder == web.id.to_string()));
    for bad in ["Web_\u{e9}", "two\nlines", ""] {
        says(&s.world.refused(named(bad)), &["field 'name'", "255"]);
    }
    let recased = UpdateSecurityGroup { name: Some("web SERVERS/1".to_owned()), description: None };
    assert_eq!(s.world.run::<SecurityGroup>(Command::UpdateSecurityGroup(web.id, recased)).name, "web SERVERS/1");
    assert!(matches!(s.world.refused(named("Web Servers/1")), Refusal::NameTaken { .. }));
    s.world.run::<SecurityGroup>(Command::DeleteSecurityGroup(web.id));
    s.world.run::<SecurityGroup>(named("Web Servers/1"));
}
