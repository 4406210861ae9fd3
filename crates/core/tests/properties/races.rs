//! Two commands decided on the same snapshot: the one that commits second is refused by the store, or harms nothing.

use pintle_core::command::{Command, CreateVni, GroupsChange, IpChoice, PrefixChoice, RulesChange, UpdateSubnet};
use pintle_core::model::{ReservedIp, Subnet, Vni};
use pintle_core::policy::Remote;
use pintle_core::txn::Compare;
use pintle_core::{Reply, record};
use proptest::prelude::*;

use super::config;
use super::ops::{Op, op, ops, small_world};
use super::sequences::{attempt, check_refusal, is_report};
use crate::common::build::{at, existing, group, ip, scene, subnet, tcp_in, vni, with_ipv6};
use crate::common::{Conflict, World};

/// Decides both on one snapshot, commits one after the other; the one that conflicts is decided again.
fn race(world: &mut World, first: &Op, second: &Op) {
    let commands = [first.command(&world.store), second.command(&world.store)];
    let decided = commands.clone().map(|command| (world.judge(command.clone()), command));
    for (judged, command) in decided {
        match judged {
            Ok((txn, _)) => {
                if world.commit(&txn).is_err() {
                    attempt(world, command);
                }
            }
            Err(refusal) => check_refusal(&refusal, is_report(&command), &format!("{command:?}")),
        }
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// The store's invariants are checked after each of the two commits.
    #[test]
    fn b17_of_two_racing_commands_the_second_conflicts_or_harms_nothing(
        before in ops(0..25),
        races in proptest::collection::vec((op(), op()), 1..30),
    ) {
        let mut world = small_world();
        for op in &before {
            let command = op.command(&world.store);
            attempt(&mut world, command);
        }
        for (first, second) in &races {
            race(&mut world, first, second);
        }
    }
}

/// Decides both on one snapshot; the first commits, and the second must not.
#[track_caller]
fn conflict(world: &World, first: Command, second: Command) -> Compare {
    let mut world = world.clone();
    let (one, _) = world.judge(first.clone()).unwrap();
    let (two, _) = world.judge(second.clone()).unwrap();
    world.commit(&one).unwrap();
    match world.commit(&two) {
        Err(Conflict(compare)) => compare,
        Ok(()) => panic!("{second:?} was committed although {first:?} overtook it"),
    }
}

#[test]
fn b17_two_requests_for_any_address_never_get_the_same_one() {
    let mut s = scene();
    let create = Command::CreateVni(vni(s.subnet));
    let compare = conflict(&s.world, create.clone(), create.clone());
    assert_eq!(compare, Compare::Absent { key: record::address_key(s.vpc, ip("10.0.0.4")) });
    let (one, two): (Vni, Vni) = (s.world.run(create.clone()), s.world.run(create));
    assert_ne!(s.world.address(one.primary_ip()), s.world.address(two.primary_ip()));
}

#[test]
fn b17_two_requests_for_one_address_or_one_reservation_conflict() {
    let mut s = scene();
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let kept = s.world.reserve(s.subnet, "10.0.0.50").id;
    for choice in [at("10.0.0.60"), IpChoice::Reserved(kept)] {
        conflict(&s.world, Command::AddVniIp(one, choice.clone()), Command::AddVniIp(two, choice.clone()));
        let create = Command::CreateVni(CreateVni { primary_ip: choice.clone(), ..vni(s.subnet) });
        conflict(&s.world, create.clone(), Command::AddVniIp(two, choice));
        conflict(&s.world, create.clone(), create);
    }
    let reserve = Command::AddVniIp(one, IpChoice::Reserved(kept));
    conflict(&s.world, Command::DeleteReservedIp(kept), reserve.clone());
    conflict(&s.world, reserve, Command::DeleteReservedIp(kept));
}

#[test]
fn b16_what_is_put_into_something_that_is_being_deleted_conflicts_in_either_order() {
    let mut s = scene();
    let empty = s.world.vpc(&[]).id;
    let (spare, free) = (s.world.host(3, "zone-1").id, s.world.vni(s.subnet).id);
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let bare = s.world.subnet(s.vpc, "10.0.9.0/24").id;
    let pairs = [
        (Command::DeleteSubnet(bare), Command::CreateVni(vni(bare))),
        (Command::DeleteSubnet(bare), Command::CreateReservedIp(crate::common::build::reservation(bare, None))),
        (Command::DeleteVpc(empty), subnet(empty, "zone-1", "10.0.0.0/24")),
        (Command::DeleteVpc(empty), Command::CreateInstance(crate::common::build::instance(empty, s.hosts[0]))),
        (Command::DeleteHost(spare), Command::CreateInstance(crate::common::build::instance(s.vpc, spare))),
        (Command::DeleteInstance(home), Command::Attach(home, existing(free))),
        (Command::StopInstance(home), Command::Attach(home, existing(free))),
        (Command::DeleteVni(free), Command::Attach(home, existing(free))),
        (Command::DeleteVni(free), Command::AddVniIp(free, at("10.0.0.60"))),
    ];
    for (one, two) in pairs {
        conflict(&s.world, one.clone(), two.clone());
        conflict(&s.world, two, one);
    }
}

#[test]
fn a15_a_move_and_whatever_would_pull_its_ends_away_conflict_in_either_order() {
    let mut s = scene();
    let moving = s.world.vni(s.subnet).id;
    let (home, away) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let third = s.world.instance(s.vpc, s.hosts[1]).id;
    let attachment = s.world.attach_now(home, moving).id;
    let start = Command::MoveVni { vni: moving, to: away, nic: None };
    for other in [
        Command::MoveVni { vni: moving, to: third, nic: None },
        Command::Detach { attachment, force: false },
        Command::Detach { attachment, force: true },
        Command::DeleteInstance(home),
        Command::DeleteInstance(away),
        Command::StopInstance(home),
        Command::StopInstance(away),
    ] {
        conflict(&s.world, start.clone(), other.clone());
        conflict(&s.world, other, start.clone());
    }
}

#[test]
fn d01_a_group_and_whatever_would_need_it_conflict_in_either_order() {
    let mut s = scene();
    let needed = group(&mut s.world, s.vpc, vec![]);
    let other = group(&mut s.world, s.vpc, vec![]);
    let free = s.world.vni(s.subnet).id;
    let delete = Command::DeleteSecurityGroup(needed);
    for command in [
        Command::CreateVni(CreateVni { security_groups: vec![needed], ..vni(s.subnet) }),
        Command::ChangeVniGroups(free, GroupsChange::Add(needed)),
        Command::QuarantineVni(free, vec![needed]),
        Command::ChangeRules(other, RulesChange::add(vec![tcp_in(22, Remote::Group(needed))])),
    ] {
        conflict(&s.world, delete.clone(), command.clone());
        conflict(&s.world, command, delete.clone());
    }
    let add = |port| Command::ChangeRules(other, RulesChange::add(vec![tcp_in(port, Remote::Any)]));
    conflict(&s.world, add(1), add(2));
}

#[test]
fn b12_an_address_and_a_prefix_over_it_conflict_in_either_order() {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    for (prefix, address) in [("10.0.0.64/28", "10.0.0.70"), ("2001:db8:0:0:5::/80", "2001:db8::5:0:0:1")] {
        let delegate = Command::AddVniPrefix(one, PrefixChoice::Net(prefix.parse().unwrap()));
        let take = Command::AddVniIp(two, at(address));
        conflict(&s.world, delegate.clone(), take.clone());
        conflict(&s.world, take, delegate.clone());
        let again = Command::AddVniPrefix(two, PrefixChoice::Net(prefix.parse().unwrap()));
        conflict(&s.world, delegate, again);
    }
    let take = Command::AddVniIp(one, at("2001:db8::9"));
    let drop_range = UpdateSubnet { ipv6: Some(None), ..UpdateSubnet::default() };
    conflict(&s.world, Command::UpdateSubnet(s.subnet, drop_range), take);
}

#[test]
fn two_subnets_that_overlap_and_two_equal_names_conflict() {
    let s = scene();
    conflict(&s.world, subnet(s.vpc, "zone-1", "10.1.0.0/24"), subnet(s.vpc, "zone-1", "10.1.0.0/16"));
    let named = Command::CreateVni(CreateVni { name: Some("web".to_owned()), ..vni(s.subnet) });
    conflict(&s.world, named.clone(), named);
}

#[test]
fn requests_that_have_nothing_to_do_with_each_other_do_not_conflict() {
    let mut s = scene();
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let (home, away) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let pairs = [
        (Command::AddVniIp(one, at("10.0.0.60")), Command::AddVniIp(two, at("10.0.0.61"))),
        (Command::Attach(home, existing(one)), Command::Attach(away, existing(two))),
        (Command::RenameSubnet(s.subnet, "x".to_owned()), Command::RenameInstance(home, "x".to_owned())),
        (Command::DeleteVni(one), Command::DeleteVni(two)),
    ];
    for (first, second) in pairs {
        let mut world = s.world.clone();
        let decided = [first, second].map(|command| world.judge(command).unwrap());
        for (txn, reply) in decided {
            assert_eq!(world.commit(&txn), Ok(()), "{reply:?}");
        }
    }
}

#[test]
fn a_refused_or_overtaken_request_has_changed_nothing() {
    let mut s = scene();
    let before = s.world.store.content().len();
    let create = Command::CreateVni(vni(s.subnet));
    let (_, reply) = s.world.judge(create.clone()).unwrap();
    assert!(matches!(reply, Reply::Vni(_)));
    assert_eq!(s.world.store.content().len(), before);
    let (txn, _) = s.world.judge(create.clone()).unwrap();
    s.world.run::<Vni>(create);
    let after = s.world.store.clone();
    assert!(s.world.commit(&txn).is_err());
    assert_eq!(s.world.store.content(), after.content());
    assert_eq!(s.world.all::<ReservedIp>().len(), 6);
    assert_eq!(s.world.all::<Subnet>().len(), 1);
}
