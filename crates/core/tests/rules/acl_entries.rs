//! Network ACLs by numbers: EC2's way to change them.

use pintle_core::Refusal;
use pintle_core::command::{AclEntryChange, AclRulesChange, Command, CreateNetworkAcl, NewAclRule};
use pintle_core::id::{AclAssociationId, NetworkAclId};
use pintle_core::model::{IpFamily, NetworkAcl, Subnet, Vpc};
use pintle_core::policy::{AclAction, Direction};
use pintle_core::query;
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{scene, with_ipv6};
use crate::common::{World, says};

fn rule(number: impl Into<Option<u16>>, direction: Direction) -> NewAclRule {
    NewAclRule { number: number.into(), ..NewAclRule::allow_all(direction, IpFamily::V4) }
}

fn entry(id: NetworkAclId, change: AclEntryChange) -> Command {
    Command::ChangeAclRules(id, AclRulesChange::Entry(change))
}

fn numbers(world: &World, id: NetworkAclId, direction: Direction) -> Vec<u16> {
    world.get::<NetworkAcl>(id).numbers(direction).into_iter().map(|(number, _)| number).collect()
}

#[test]
fn d15_rules_come_change_and_go_by_their_numbers() {
    let mut s = scene();
    let create = CreateNetworkAcl { vpc: s.vpc, name: None, rules: Vec::new() };
    let id = s.world.run::<NetworkAcl>(Command::CreateNetworkAcl(create)).id;
    let ingress = Direction::Ingress;
    for number in [200, 100, 150] {
        s.world.run::<NetworkAcl>(entry(id, AclEntryChange::Add(rule(number, ingress))));
    }
    s.world.run::<NetworkAcl>(entry(id, AclEntryChange::Add(rule(150, Direction::Egress))));
    assert_eq!(numbers(&s.world, id, ingress), [100, 150, 200]);
    match s.world.refused(entry(id, AclEntryChange::Add(rule(150, ingress)))) {
        Refusal::DuplicateRule { holder, .. } => assert_eq!(holder, Holder::NetworkAcl(id)),
        other => panic!("{other}"),
    }
    let before: NetworkAcl = s.world.get(id);
    let deny = NewAclRule { action: AclAction::Deny, ..rule(150, ingress) };
    let after: NetworkAcl = s.world.run(entry(id, AclEntryChange::Replace(deny)));
    let at = |acl: &NetworkAcl| acl.rules.iter().find(|rule| rule.number == Some(150)).unwrap().rule.clone();
    assert_eq!((at(&after).id, at(&after).action), (at(&before).id, AclAction::Deny));
    s.world.run::<NetworkAcl>(entry(id, AclEntryChange::Remove(ingress, 100)));
    assert_eq!(numbers(&s.world, id, ingress), [150, 200]);
    for change in [AclEntryChange::Remove(ingress, 100), AclEntryChange::Replace(rule(7, ingress))] {
        let refusal = s.world.refused(entry(id, change));
        assert!(matches!(refusal, Refusal::NotFound { noun: Noun::NetworkAclRule, .. }), "{refusal}");
    }
    says(&s.world.refused(entry(id, AclEntryChange::Add(rule(None, ingress)))), &["field 'number'"]);
}

#[test]
fn d15_rules_without_numbers_get_numbers_that_say_their_places() {
    let mut s = scene();
    let ingress = |number: Option<u16>| rule(number, Direction::Ingress);
    let mut of = |given: &[Option<u16>]| {
        let rules = given.iter().map(|number| ingress(*number)).collect();
        let create = CreateNetworkAcl { vpc: s.vpc, name: None, rules };
        let id = s.world.run::<NetworkAcl>(Command::CreateNetworkAcl(create)).id;
        numbers(&s.world, id, Direction::Ingress)
    };
    assert_eq!(of(&[None, None]), [100, 200]);
    assert_eq!(of(&[None, Some(150), None]), [100, 150, 200]);
    assert_eq!(of(&[None, None, Some(3)]), [1, 2, 3]);
    // No room between, no room at the end: the order is what matters.
    assert_eq!(of(&[Some(1), None, Some(2)]), [1, 2, 3]);
    assert_eq!(of(&[Some(5), Some(32_766), None]), [1, 2, 3]);
    let many: Vec<Option<u16>> = vec![None; 200];
    assert!(of(&many).is_sorted());
}

#[test]
fn d15_the_first_change_of_a_default_acl_forgets_the_ip_version_that_its_vpc_has_not() {
    let mut s = scene();
    let id = s.world.get::<Vpc>(s.vpc).default_acl;
    assert_eq!(numbers(&s.world, id, Direction::Ingress), [100, 101]);
    s.world.run::<NetworkAcl>(entry(id, AclEntryChange::Add(rule(101, Direction::Ingress))));
    assert_eq!(numbers(&s.world, id, Direction::Ingress), [100, 101]);
    assert_eq!(s.world.get::<NetworkAcl>(id).rules.iter().filter(|rule| rule.is_first_ipv6()).count(), 1, "out");

    // With IPv6 it is a rule like any other.
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let id = s.world.get::<Vpc>(s.vpc).default_acl;
    s.world.refused(entry(id, AclEntryChange::Add(rule(101, Direction::Ingress))));
    s.world.run::<NetworkAcl>(entry(id, AclEntryChange::Remove(Direction::Ingress, 101)));
    assert_eq!(numbers(&s.world, id, Direction::Ingress), [100]);
}

#[test]
fn d15_each_acl_makes_another_bond_with_a_subnet() {
    let mut s = scene();
    let default = s.world.get::<Vpc>(s.vpc).default_acl;
    let create = CreateNetworkAcl { vpc: s.vpc, name: None, rules: Vec::new() };
    let other = s.world.run::<NetworkAcl>(Command::CreateNetworkAcl(create)).id;
    let bonds = [default, other].map(|acl| AclAssociationId::of(s.subnet, acl));
    assert_ne!(bonds[0], bonds[1]);
    let by = pintle_core::Actor::Operator;
    let subnet = |world: &World, bond| query::subnet_of_association(&world.store, &by, bond).unwrap().map(|it| it.id);
    assert_eq!(bonds.map(|bond| subnet(&s.world, bond)), [Some(s.subnet), None]);
    let update = pintle_core::command::UpdateSubnet { acl: Some(other), ..Default::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, update));
    assert_eq!(bonds.map(|bond| subnet(&s.world, bond)), [None, Some(s.subnet)]);
}
