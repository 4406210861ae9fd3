//! What a tenant's groups and ACLs may have of rules, in each direction and for each IP version.

use pintle_core::command::{AclEntryChange, AclRulesChange, Command, CreateNetworkAcl, NewAclRule, NewRule};
use pintle_core::command::{CreatePrefixList, RulesChange, UpdatePrefixList};
use pintle_core::id::SecurityGroupId;
use pintle_core::limits::{ACL_RULES_PER_WAY, RULES_PER_WAY};
use pintle_core::model::{AccountId, IpFamily, NetworkAcl, Owner, PrefixList, SecurityGroup};
use pintle_core::policy::{Direction, Remote};
use pintle_core::refusal::Limited;
use pintle_core::{Refusal, Request};

use crate::common::build::{group, scene, tcp_in};
use crate::common::says;

fn tenant(command: Command) -> Request {
    Request::tenant(Owner::new(AccountId::FIRST, "local"), command)
}

fn add(group: SecurityGroupId, rules: Vec<NewRule>) -> Command {
    Command::ChangeRules(group, RulesChange::add(rules))
}

fn v4(port: usize) -> NewRule {
    tcp_in(port as u16, Remote::Net("10.0.0.0/8".parse().unwrap()))
}

fn v6(port: usize) -> NewRule {
    tcp_in(port as u16, Remote::Net("2001:db8::/32".parse().unwrap()))
}

#[test]
fn v02_a_tenant_has_60_rules_in_each_direction_for_each_ip_version() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, vec![]);
    s.world.run::<SecurityGroup>(tenant(add(id, (0..RULES_PER_WAY).map(v4).collect())));
    let refusal = s.world.refused(tenant(add(id, vec![v4(9999)])));
    says(&refusal, &[&id.to_string(), "61 ingress rules for IPv4", "the limit is 60"]);
    assert!(matches!(refusal, Refusal::Limit { of: Limited::RulesOfGroup, .. }));
    // Each way and each version counts by itself; what is for both counts in both.
    let out = NewRule { direction: Direction::Egress, ..v4(1) };
    s.world.run::<SecurityGroup>(tenant(add(id, (0..RULES_PER_WAY).map(v6).chain([out]).collect())));
    let members = tcp_in(1, Remote::Group(id));
    says(&s.world.refused(tenant(add(id, vec![members]))), &["61 ingress rules"]);
}

#[test]
fn v02_what_the_operator_made_larger_can_shrink() {
    let mut s = scene();
    let id = group(&mut s.world, s.vpc, (0..70).map(v4).collect());
    s.world.refused(tenant(add(id, vec![v4(9999)])));
    let some = s.world.get::<SecurityGroup>(id).rules[..2].iter().map(|rule| rule.id).collect();
    s.world.run::<SecurityGroup>(tenant(Command::ChangeRules(id, RulesChange::remove(some))));
    let change = RulesChange::replace(s.world.get::<SecurityGroup>(id).rules[0].id, v4(8888));
    s.world.run::<SecurityGroup>(tenant(Command::ChangeRules(id, change)));
}

#[test]
fn v02_a_prefix_list_counts_as_what_it_may_hold_also_when_it_grows() {
    let mut s = scene();
    let list: PrefixList = s.world.run(tenant(Command::CreatePrefixList(CreatePrefixList {
        name: None,
        family: IpFamily::V4,
        max_entries: 50,
        entries: Vec::new(),
    })));
    let id = group(&mut s.world, s.vpc, vec![tcp_in(443, Remote::PrefixList(list.id))]);
    says(&s.world.refused(tenant(add(id, (0..11).map(v4).collect()))), &["61 ingress rules for IPv4"]);
    s.world.run::<SecurityGroup>(tenant(add(id, (0..10).map(v4).chain([v6(1)]).collect())));
    let grow = |max| {
        let update = UpdatePrefixList { max_entries: Some(max), ..UpdatePrefixList::default() };
        Command::UpdatePrefixList(list.id, update)
    };
    says(&s.world.refused(tenant(grow(51))), &[&id.to_string(), "61 ingress rules for IPv4"]);
    s.world.run::<PrefixList>(grow(51));
}

#[test]
fn v02_a_tenants_network_acl_has_20_rules_a_direction() {
    let mut s = scene();
    let none = CreateNetworkAcl { vpc: s.vpc, name: None, rules: Vec::new() };
    let acl = s.world.run::<NetworkAcl>(tenant(Command::CreateNetworkAcl(none))).id;
    let entry = |direction, number| {
        let rule = NewAclRule { number: Some(number), ..NewAclRule::allow_all(direction, IpFamily::V4) };
        tenant(Command::ChangeAclRules(acl, AclRulesChange::Entry(AclEntryChange::Add(rule))))
    };
    for number in 1..=ACL_RULES_PER_WAY as u16 {
        s.world.run::<NetworkAcl>(entry(Direction::Ingress, number));
    }
    let refusal = s.world.refused(entry(Direction::Ingress, 999));
    says(&refusal, &[&acl.to_string(), "21 ingress rules", "the limit is 20"]);
    s.world.run::<NetworkAcl>(entry(Direction::Egress, 999));
    let many = (0..21).map(|_| NewAclRule::allow_all(Direction::Egress, IpFamily::V4)).collect();
    let create = CreateNetworkAcl { vpc: s.vpc, name: None, rules: many };
    says(&s.world.refused(tenant(Command::CreateNetworkAcl(create))), &["21 egress rules"]);
}
