//! Network ACLs: an order that is never in doubt, by place or by number.

use pintle_core::Refusal;
use pintle_core::command::{AclPlace, AclRulePut, AclRulesChange, Command, CreateNetworkAcl, NewAclRule, UpdateSubnet};
use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::limits::RULES_PER_ACL;
use pintle_core::model::{IpFamily, NetworkAcl, Subnet, Vpc};
use pintle_core::policy::{AclAction, Direction, IcmpMatch, PortRange, ProtocolMatch};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{Scene, create_subnet, scene};
use crate::common::{World, says};

/// A rule that is known by its name, and by its number if it has one.
fn rule(name: &str, number: Option<u16>) -> NewAclRule {
    let name = Some(name.to_owned());
    NewAclRule { name, number, ..NewAclRule::allow_all(Direction::Ingress, IpFamily::V4) }
}

fn acl(s: &mut Scene, rules: Vec<NewAclRule>) -> NetworkAcl {
    s.world.run(Command::CreateNetworkAcl(CreateNetworkAcl { vpc: s.vpc, name: None, rules }))
}

fn edit(remove: Vec<AclRuleId>, replace: Vec<(AclRuleId, AclRulePut)>, add: Vec<AclRulePut>) -> AclRulesChange {
    AclRulesChange::Edit { remove, replace, add }
}

fn put(rule: NewAclRule, place: AclPlace) -> AclRulePut {
    AclRulePut { rule, place }
}

fn change(world: &mut World, id: NetworkAclId, change: AclRulesChange) -> String {
    names(&world.run(Command::ChangeAclRules(id, change)))
}

fn names(acl: &NetworkAcl) -> String {
    acl.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn named(acl: &NetworkAcl, name: &str) -> AclRuleId {
    acl.rules.iter().find(|rule| rule.name == name).unwrap().rule.id
}

#[test]
fn d15_a_vpc_begins_with_an_acl_that_lets_everything_pass_and_subnets_get_it() {
    let s = scene();
    let vpc: Vpc = s.world.get(s.vpc);
    assert_eq!(s.world.get::<Subnet>(s.subnet).acl, vpc.default_acl);
    let acl: NetworkAcl = s.world.get(vpc.default_acl);
    let says: Vec<_> = acl.rules.iter().map(|one| (one.rule.direction, one.rule.source.to_string())).collect();
    let (ingress, egress) = (Direction::Ingress, Direction::Egress);
    let expected = [(ingress, "0.0.0.0/0"), (egress, "0.0.0.0/0"), (ingress, "::/0"), (egress, "::/0")];
    assert_eq!(says, expected.map(|(direction, net)| (direction, net.to_owned())));
    assert!(acl.rules.iter().all(|one| one.rule.action == AclAction::Allow && one.rule.protocol == ProtocolMatch::Any));
}

#[test]
fn d15_a_rule_goes_before_another_or_last() {
    let mut s = scene();
    let made = acl(&mut s, vec![rule("a", None), rule("b", None)]);
    let (a, b) = (named(&made, "a"), named(&made, "b"));
    let w = &mut s.world;
    let add = |name, place| edit(vec![], vec![], vec![put(rule(name, None), place)]);
    assert_eq!(change(w, made.id, add("c", AclPlace::Before(a))), "c a b");
    assert_eq!(change(w, made.id, add("d", AclPlace::Before(b))), "c a d b");
    assert_eq!(change(w, made.id, add("e", AclPlace::Natural)), "c a d b e");
    let moved = edit(vec![], vec![(a, put(rule("a", None), AclPlace::Last))], vec![]);
    assert_eq!(change(w, made.id, moved), "c d b e a");
    let stays = edit(vec![], vec![(b, put(rule("bb", None), AclPlace::Natural))], vec![]);
    assert_eq!(change(w, made.id, stays), "c d bb e a");
    assert_eq!(named(&w.get(made.id), "bb"), b, "the id stays");
    let gone = edit(vec![b], vec![], vec![]);
    assert_eq!(change(w, made.id, gone), "c d e a");
}

#[test]
fn d15_a_rule_with_a_number_goes_where_its_number_says() {
    let mut s = scene();
    let made = acl(&mut s, vec![rule("n10", Some(10)), rule("n30", Some(30))]);
    let add = |rule| edit(vec![], vec![], vec![put(rule, AclPlace::Natural)]);
    assert_eq!(change(&mut s.world, made.id, add(rule("n20", Some(20)))), "n10 n20 n30");
    let other_way = NewAclRule { direction: Direction::Egress, ..rule("e5", Some(10)) };
    assert_eq!(change(&mut s.world, made.id, add(other_way)), "n10 n20 n30 e5");
    let n10 = named(&made, "n10");
    let renumbered = edit(vec![], vec![(n10, put(rule("n10", Some(25)), AclPlace::Natural))], vec![]);
    assert_eq!(change(&mut s.world, made.id, renumbered), "n20 n10 n30 e5");

    let refusals = [
        (add(rule("twin", Some(20))), "another ingress rule has this number"),
        (edit(vec![], vec![], vec![put(rule("x", Some(7)), AclPlace::Last)]), "by that number"),
        (add(rule("x", Some(0))), "1 to 32766"),
        (add(rule("x", Some(32_767))), "1 to 32766"),
        (AclRulesChange::Set(vec![rule("x", Some(2)), rule("y", Some(1))]), "in the order of their numbers"),
    ];
    for (change, needle) in refusals {
        says(&s.world.refused(Command::ChangeAclRules(made.id, change)), &["field 'number'", needle]);
    }
}

#[test]
fn d15_a_whole_set_keeps_the_ids_of_what_stays() {
    let mut s = scene();
    let made = acl(&mut s, vec![rule("a", None), rule("b", None)]);
    let set = AclRulesChange::Set(vec![rule("b", None), rule("c", None)]);
    assert_eq!(change(&mut s.world, made.id, set.clone()), "b c");
    assert_eq!(named(&s.world.get(made.id), "b"), named(&made, "b"));
    s.world.ignored_reply(Command::ChangeAclRules(made.id, set));
    assert_eq!(change(&mut s.world, made.id, AclRulesChange::Set(vec![])), "");
}

#[test]
fn d15_a_rule_says_something_that_can_match() {
    let mut s = scene();
    let made = acl(&mut s, vec![rule("a", None)]);
    let base = rule("x", None);
    let ports = PortRange { first: 9, last: 1 };
    for (bad, needles) in [
        (NewAclRule { source: "10.0.0.1/8".parse().unwrap(), ..base.clone() }, ["field 'source'", "10.0.0.0/8"]),
        (NewAclRule { destination: "::/0".parse().unwrap(), ..base.clone() }, ["field 'destination'", "IPv6"]),
        (NewAclRule { protocol: ProtocolMatch::Icmpv6(IcmpMatch::Any), ..base.clone() }, ["field 'source'", "IPv6"]),
        (NewAclRule { source_ports: PortRange::one(1), ..base.clone() }, ["field 'source_ports'", "only TCP and UDP"]),
        (NewAclRule { source_ports: ports, ..base.clone() }, ["field 'source_ports'", "9-1"]),
        (NewAclRule { protocol: ProtocolMatch::Udp(ports), ..base.clone() }, ["field 'ports'", "9-1"]),
        (NewAclRule { name: Some("BAD".to_owned()), ..base.clone() }, ["field 'name'", "BAD"]),
    ] {
        let add = edit(vec![], vec![], vec![put(bad, AclPlace::Natural)]);
        says(&s.world.refused(Command::ChangeAclRules(made.id, add)), &needles);
    }
    let twin = edit(vec![], vec![], vec![put(rule("a", None), AclPlace::Natural)]);
    let refusal = s.world.refused(Command::ChangeAclRules(made.id, twin));
    assert!(matches!(refusal, Refusal::NameTaken { noun: Noun::NetworkAclRule, .. }), "{refusal}");
    let absent: AclRuleId = "acl-rule-00000000000000001".parse().unwrap();
    for change in [edit(vec![absent], vec![], vec![]), edit(vec![], vec![], vec![put(base, AclPlace::Before(absent))])]
    {
        says(&s.world.refused(Command::ChangeAclRules(made.id, change)), &["network ACL rule", "not found"]);
    }
}

#[test]
fn v01_an_acl_has_200_rules_and_no_more() {
    let mut s = scene();
    let many = |count: usize| (0..count).map(|n| rule(&format!("r{n}"), None)).collect::<Vec<_>>();
    let made = acl(&mut s, many(RULES_PER_ACL));
    let change = AclRulesChange::Set(many(RULES_PER_ACL + 1));
    says(&s.world.refused(Command::ChangeAclRules(made.id, change)), &[&made.id.to_string(), "201", "200"]);
    // More than any ACL can have is refused before one of them is looked at.
    let bad = || vec![rule("bad", Some(0)); RULES_PER_ACL + 1];
    let added = bad().into_iter().map(|rule| put(rule, AclPlace::Natural)).collect();
    for change in [AclRulesChange::Set(bad()), edit(vec![], vec![], added)] {
        says(&s.world.refused(Command::ChangeAclRules(made.id, change)), &[&made.id.to_string(), "201", "200"]);
    }
}

#[test]
fn d15_a_subnet_has_one_acl_of_its_vpc_and_an_acl_in_use_names_the_subnet() {
    let mut s = scene();
    let made = acl(&mut s, vec![]);
    let give = |subnet, acl| Command::UpdateSubnet(subnet, UpdateSubnet { acl: Some(acl), ..UpdateSubnet::default() });
    assert_eq!(s.world.run::<Subnet>(give(s.subnet, made.id)).acl, made.id);
    match s.world.refused(Command::DeleteNetworkAcl(made.id)) {
        Refusal::InUse { noun: Noun::NetworkAcl, holder, .. } => assert_eq!(holder, Holder::Subnet(s.subnet)),
        other => panic!("{other}"),
    }
    let vpc = s.world.vpc(&[]).id;
    let theirs = s.world.get::<Vpc>(vpc).default_acl;
    let expected = Refusal::OtherVpc { noun: Noun::NetworkAcl, id: theirs.to_string(), vpc, needed: s.vpc };
    assert_eq!(s.world.refused(give(s.subnet, theirs)), expected);

    let create = |acl| CreateSubnetWith { acl }.command(&s);
    let (with, against) = (create(made.id), create(theirs));
    assert_eq!(s.world.refused(against), expected);
    let second: Subnet = s.world.run(with);
    let default = s.world.get::<Vpc>(s.vpc).default_acl;
    s.world.run::<Subnet>(give(s.subnet, default));
    s.world.run::<Subnet>(Command::DeleteSubnet(second.id));
    s.world.run::<NetworkAcl>(Command::DeleteNetworkAcl(made.id));
    says(&s.world.refused(Command::DeleteNetworkAcl(default)), &["default", "goes with its VPC"]);
}

struct CreateSubnetWith {
    acl: NetworkAclId,
}

impl CreateSubnetWith {
    fn command(self, s: &Scene) -> Command {
        let create = create_subnet(s.vpc, "zone-1", "10.1.0.0/24");
        Command::CreateSubnet(pintle_core::command::CreateSubnet { acl: Some(self.acl), ..create })
    }
}
