//! Prefix lists: counted by what they may hold, changed only by those who know what is there.

use pintle_core::command::{Command, CreatePrefixList, NewRule, RulesChange, UpdatePrefixList};
use pintle_core::id::PrefixListId;
use pintle_core::limits::MAX_PREFIX_LIST_ENTRIES;
use pintle_core::model::{IpFamily, PrefixList, PrefixListEntry, PrefixListState, SecurityGroup};
use pintle_core::policy::{Direction, IcmpMatch, ProtocolMatch, Remote};
use pintle_core::refusal::{Holder, Noun};
use pintle_core::{Refusal, query};

use crate::common::build::{group, scene, tcp_in};
use crate::common::{World, says};

fn entry(net: &str) -> PrefixListEntry {
    PrefixListEntry { net: net.parse().unwrap(), description: String::new() }
}

fn create(max_entries: u32, nets: &[&str]) -> Command {
    let entries = nets.iter().map(|net| entry(net)).collect();
    Command::CreatePrefixList(CreatePrefixList { name: None, family: IpFamily::V4, max_entries, entries })
}

fn list(world: &mut World, max_entries: u32, nets: &[&str]) -> PrefixListId {
    world.run::<PrefixList>(create(max_entries, nets)).id
}

fn shown(list: &PrefixList) -> (u32, Vec<String>) {
    (list.version, list.entries.iter().map(|entry| entry.net.to_string()).collect())
}

fn change(version: u32, add: &[&str], remove: &[&str]) -> UpdatePrefixList {
    UpdatePrefixList {
        current_version: Some(version),
        add: add.iter().map(|net| entry(net)).collect(),
        remove: remove.iter().map(|net| net.parse().unwrap()).collect(),
        ..UpdatePrefixList::default()
    }
}

#[test]
fn each_change_of_its_entries_is_a_version_and_an_old_one_is_refused() {
    let mut world = World::new();
    let id = list(&mut world, 4, &["192.0.2.0/24", "10.0.0.0/8"]);
    assert_eq!(shown(&world.get(id)), (1, vec!["10.0.0.0/8".to_owned(), "192.0.2.0/24".to_owned()]));
    let after: PrefixList = world.run(Command::UpdatePrefixList(id, change(1, &["10.0.0.0/9"], &["192.0.2.0/24"])));
    assert_eq!(shown(&after), (2, vec!["10.0.0.0/8".to_owned(), "10.0.0.0/9".to_owned()]));
    let refusal = world.refused(Command::UpdatePrefixList(id, change(1, &["10.0.0.0/10"], &[])));
    assert_eq!(refusal, Refusal::WrongVersion { noun: Noun::PrefixList, id: id.to_string(), given: 1, current: 2 });
    let blind = UpdatePrefixList { current_version: None, ..change(2, &["10.0.0.0/10"], &[]) };
    says(&world.refused(Command::UpdatePrefixList(id, blind)), &["field 'current_version'"]);
    let rename = UpdatePrefixList { name: Some("partners".to_owned()), ..UpdatePrefixList::default() };
    let renamed: PrefixList = world.run(Command::UpdatePrefixList(id, rename));
    assert_eq!((renamed.version, renamed.name.as_str()), (2, "partners"));
}

#[test]
fn entries_are_networks_of_its_ip_version_and_no_more_than_announced() {
    let mut world = World::new();
    for (command, needles) in [
        (create(0, &[]), ["field 'max_entries'", "1000"]),
        (create(1001, &[]), ["field 'max_entries'", "1000"]),
        (create(1, &["10.0.0.0/8", "192.0.2.0/24"]), ["2 entries", "the limit is 1"]),
        (create(9, &["10.0.0.1/8"]), ["field 'entries'", "10.0.0.0/8"]),
        (create(9, &["2001:db8::/64"]), ["field 'entries'", "IPv4"]),
        (create(9, &["10.0.0.0/8", "10.0.0.0/8"]), ["field 'entries'", "twice"]),
    ] {
        says(&world.refused(command), &needles);
    }
    let id = list(&mut world, 2, &["10.0.0.0/8", "192.0.2.0/24"]);
    says(&world.refused(Command::UpdatePrefixList(id, change(1, &["10.0.0.0/9"], &[]))), &["3 entries", "limit is 2"]);
    says(&world.refused(Command::UpdatePrefixList(id, change(1, &[], &["9.0.0.0/8"]))), &["field 'remove'", "not in"]);
    // More than any list can have is refused before one of them is looked for.
    let many = vec!["10.0.0.0/8"; MAX_PREFIX_LIST_ENTRIES as usize + 1];
    says(&world.refused(Command::UpdatePrefixList(id, change(1, &many, &[]))), &["1001 entries", "limit is 1000"]);
}

#[test]
fn a_reference_counts_as_what_the_list_may_hold_also_when_it_grows() {
    let mut s = scene();
    let big = list(&mut s.world, 200, &[]);
    let id = group(&mut s.world, s.vpc, (0..50).map(|port| tcp_in(port, Remote::Any)).collect());
    let refer = RulesChange::add(vec![tcp_in(443, Remote::PrefixList(big))]);
    s.world.run::<SecurityGroup>(Command::ChangeRules(id, refer));
    let refusal = s.world.refused(Command::ChangeRules(id, RulesChange::add(vec![NewRule::ALL_OUT])));
    says(&refusal, &[&id.to_string(), "251 rules", "max_entries"]);
    let grow = UpdatePrefixList { max_entries: Some(201), ..UpdatePrefixList::default() };
    says(&s.world.refused(Command::UpdatePrefixList(big, grow)), &[&id.to_string(), "251 rules"]);
    let shrink = UpdatePrefixList { max_entries: Some(199), ..UpdatePrefixList::default() };
    s.world.run::<PrefixList>(Command::UpdatePrefixList(big, shrink));
    s.world.run::<SecurityGroup>(Command::ChangeRules(id, RulesChange::add(vec![NewRule::ALL_OUT])));
}

#[test]
fn a_list_that_a_rule_refers_to_names_the_group_and_fits_the_rule() {
    let mut s = scene();
    let pl = list(&mut s.world, 2, &["10.0.0.0/8"]);
    let id = group(&mut s.world, s.vpc, vec![tcp_in(443, Remote::PrefixList(pl))]);
    match s.world.refused(Command::DeletePrefixList(pl)) {
        Refusal::InUse { noun: Noun::PrefixList, holder, .. } => assert_eq!(holder, Holder::SecurityGroup(id)),
        other => panic!("{other}"),
    }
    let protocol = ProtocolMatch::Icmpv6(IcmpMatch::Any);
    let misfit =
        NewRule { direction: Direction::Ingress, protocol, remote: Remote::PrefixList(pl), ..NewRule::ALL_OUT };
    says(&s.world.refused(Command::ChangeRules(id, RulesChange::add(vec![misfit]))), &["field 'remote'", "IPv4"]);
    s.world.run::<SecurityGroup>(Command::DeleteSecurityGroup(id));
    s.world.run::<PrefixList>(Command::DeletePrefixList(pl));
}

#[test]
fn what_a_list_held_comes_back_as_a_new_version() {
    let mut world = World::new();
    let id = list(&mut world, 4, &["10.0.0.0/8"]);
    world.run::<PrefixList>(Command::UpdatePrefixList(id, change(1, &["192.0.2.0/24"], &["10.0.0.0/8"])));
    world.run::<PrefixList>(Command::UpdatePrefixList(id, change(2, &["203.0.113.0/24"], &[])));
    let kept = |world: &World, version| {
        let found = query::prefix_list_version(&world.store, &world.get(id), version).unwrap()?;
        Some(found.iter().map(|entry| entry.net.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(kept(&world, 1), Some(vec!["10.0.0.0/8".to_owned()]));
    assert_eq!(kept(&world, 3).map(|nets| nets.len()), Some(2));
    assert_eq!(kept(&world, 4), None);
    let restore = |version, current| Command::RestorePrefixList { id, version, current };
    assert!(matches!(world.refused(restore(1, 2)), Refusal::WrongVersion { current: 3, .. }));
    for version in [0, 3, 4] {
        says(&world.refused(restore(version, 3)), &["field 'version'", "former version"]);
    }
    let back: PrefixList = world.run(restore(1, 3));
    assert_eq!(shown(&back), (4, vec!["10.0.0.0/8".to_owned()]));
    assert_eq!(back.state, PrefixListState::Restored);
    // It must still have room.
    let shrink = UpdatePrefixList { max_entries: Some(1), ..UpdatePrefixList::default() };
    assert_eq!(world.run::<PrefixList>(Command::UpdatePrefixList(id, shrink)).version, 4);
    says(&world.refused(restore(3, 4)), &["2 entries", "limit is 1"]);
    world.run::<PrefixList>(Command::DeletePrefixList(id));
    assert!(world.store.content().is_empty());
}
