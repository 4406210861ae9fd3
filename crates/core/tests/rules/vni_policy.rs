//! An interface's own policy: groups, quarantine, flush, shadow, timeouts, limits.

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateInstance, CreateVni, GroupsChange, NewAttachment, UpdateInstance, UpdateVni,
};
use pintle_core::id::SecurityGroupId;
use pintle_core::model::{Instance, Vni, VniLimits};
use pintle_core::policy::FlowTimeouts;
use pintle_core::refusal::Noun;

use crate::common::build::{Scene, existing, group, instance, scene, vni};
use crate::common::{World, says};

fn groups(s: &mut Scene, count: usize) -> Vec<SecurityGroupId> {
    (0..count).map(|_| group(&mut s.world, s.vpc, vec![])).collect()
}

fn set(world: &mut World, vni: pintle_core::id::VniId, change: GroupsChange) -> Vec<SecurityGroupId> {
    world.run::<Vni>(Command::ChangeVniGroups(vni, change)).security_groups
}

#[test]
fn d01_groups_belong_to_the_interface_one_to_five_of_them() {
    let mut s = scene();
    let some = groups(&mut s, 6);
    let create = |security_groups| Command::CreateVni(CreateVni { security_groups, ..vni(s.subnet) });
    let (five, six, twice) = (create(some[..5].to_vec()), create(some.clone()), create(vec![some[0], some[0]]));
    let made: Vni = s.world.run(five);
    assert_eq!(made.security_groups, some[..5]);
    says(&s.world.refused(six), &["field 'security_groups'", "6", "limit is 5"]);
    says(&s.world.refused(twice), &["field 'security_groups'", &some[0].to_string(), "twice"]);
    let full = s.world.refused(Command::ChangeVniGroups(made.id, GroupsChange::Add(some[5])));
    assert!(matches!(full, Refusal::Limit { limit: 5, .. }), "{full}");

    assert_eq!(set(&mut s.world, made.id, GroupsChange::Remove(some[1])), [some[0], some[2], some[3], some[4]]);
    assert_eq!(set(&mut s.world, made.id, GroupsChange::Set(vec![some[5], some[0]])), [some[5], some[0]]);
    s.world.ignored_reply(Command::ChangeVniGroups(made.id, GroupsChange::Add(some[0])));
    let absent = s.world.refused(Command::ChangeVniGroups(made.id, GroupsChange::Remove(some[1])));
    assert_eq!(absent, Refusal::NotFound { noun: Noun::SecurityGroup, id: some[1].to_string() });
    set(&mut s.world, made.id, GroupsChange::Remove(some[5]));
    for change in [GroupsChange::Remove(some[0]), GroupsChange::Set(vec![])] {
        let refusal = s.world.refused(Command::ChangeVniGroups(made.id, change));
        says(&refusal, &["field 'security_groups'", "at least one"]);
    }
}

#[test]
fn d22_quarantine_is_one_command_and_release_brings_back_what_was() {
    let mut s = scene();
    let forensic = groups(&mut s, 1);
    let before = s.world.vni(s.subnet);
    let none: Vni = s.world.run(Command::QuarantineVni(before.id, vec![]));
    assert_eq!((none.effective_groups(), none.judged), (&[][..], 1), "nothing passes, flows that exist are judged");
    let some: Vni = s.world.run(Command::QuarantineVni(before.id, forensic.clone()));
    assert_eq!((some.effective_groups(), some.judged), (&forensic[..], 2));
    s.world.ignored_reply(Command::QuarantineVni(before.id, forensic));
    assert_eq!(some.security_groups, before.security_groups, "its own groups are kept");
    let after: Vni = s.world.run(Command::ReleaseVni(before.id));
    assert_eq!((after.quarantine.clone(), after.judged), (None, 3), "what only the quarantine let in ends");
    assert_eq!(after.effective_groups(), before.security_groups);
    s.world.ignored_reply(Command::ReleaseVni(before.id));
}

#[test]
fn d07_each_flush_counts_and_so_does_each_change_of_policy() {
    let mut s = scene();
    let made = s.world.vni(s.subnet);
    let group = groups(&mut s, 1)[0];
    let mut version = made.policy_version;
    let mut counts = |vni: Vni| std::mem::replace(&mut version, vni.policy_version) != vni.policy_version;
    assert!(counts(s.world.run(Command::FlushVni(made.id))));
    assert_eq!(s.world.run::<Vni>(Command::FlushVni(made.id)).judged, 2);
    assert!(counts(s.world.get(made.id)));
    assert!(counts(s.world.run(Command::ChangeVniGroups(made.id, GroupsChange::Add(group)))));
    assert!(counts(s.world.run(Command::ShadowVni(made.id, Some(vec![group])))));
    let update = |update| Command::UpdateVni(made.id, update);
    let policy = [
        UpdateVni { source_dest_check: Some(false), ..UpdateVni::default() },
        UpdateVni { allow_ip_spoofing: Some(true), ..UpdateVni::default() },
        UpdateVni { untracked_open: Some(true), ..UpdateVni::default() },
        UpdateVni { timeouts: Some(FlowTimeouts { udp: 40, ..FlowTimeouts::default() }), ..UpdateVni::default() },
    ];
    for one in policy {
        let shown = format!("{one:?}");
        assert!(counts(s.world.run(update(one))), "{shown}");
    }
    let other = [
        UpdateVni { name: Some("x".to_owned()), ..UpdateVni::default() },
        UpdateVni { limits: Some(VniLimits { priority: 1, ..VniLimits::default() }), ..UpdateVni::default() },
    ];
    for one in other {
        let shown = format!("{one:?}");
        assert!(!counts(s.world.run(update(one))), "{shown}");
    }
}

#[test]
fn e18_timeouts_are_in_the_ranges_that_ec2_has() {
    let mut s = scene();
    let made = s.world.vni(s.subnet);
    assert_eq!(made.timeouts, FlowTimeouts { tcp_established: 432_000, udp_stream: 180, udp: 30 });
    let default = FlowTimeouts::default();
    let least = FlowTimeouts { tcp_established: 60, udp_stream: 60, udp: 30 };
    let most = FlowTimeouts { tcp_established: 432_000, udp_stream: 180, udp: 60 };
    let update = |timeouts| Command::UpdateVni(made.id, UpdateVni { timeouts: Some(timeouts), ..UpdateVni::default() });
    for good in [least, most] {
        assert_eq!(s.world.run::<Vni>(update(good)).timeouts, good);
    }
    for (bad, field, range) in [
        (FlowTimeouts { tcp_established: 59, ..default }, "timeouts.tcp_established", "60 to 432000"),
        (FlowTimeouts { tcp_established: 432_001, ..default }, "timeouts.tcp_established", "60 to 432000"),
        (FlowTimeouts { udp_stream: 181, ..default }, "timeouts.udp_stream", "60 to 180"),
        (FlowTimeouts { udp: 29, ..default }, "timeouts.udp", "30 to 60"),
    ] {
        says(&s.world.refused(update(bad)), &[field, range]);
    }
}

#[test]
fn j01_limits_that_no_shaper_can_keep_are_refused() {
    let mut s = scene();
    let made = s.world.vni(s.subnet);
    let update = |limits| Command::UpdateVni(made.id, UpdateVni { limits: Some(limits), ..UpdateVni::default() });
    let none = VniLimits::default();
    for (bad, needles) in [
        (VniLimits { egress_kbps: Some(63), ..none }, ["field 'limits.egress_kbps'", "64"]),
        (VniLimits { ingress_kbps: Some(0), ..none }, ["field 'limits.ingress_kbps'", "64"]),
        (VniLimits { priority: 8, ..none }, ["field 'limits.priority'", "7 (last)"]),
    ] {
        says(&s.world.refused(update(bad)), &needles);
    }
    let slow = CreateInstance { bandwidth_kbps: Some(1), ..instance(s.vpc, s.hosts[0]) };
    says(&s.world.refused(Command::CreateInstance(slow)), &["field 'bandwidth_kbps'", "64"]);
    let home: Instance = s.world.run(Command::CreateInstance(instance(s.vpc, s.hosts[0])));
    let limit = UpdateInstance { bandwidth_kbps: Some(Some(100_000)), ..UpdateInstance::default() };
    assert_eq!(s.world.run::<Instance>(Command::UpdateInstance(home.id, limit)).bandwidth_kbps, Some(100_000));
    let still = NewAttachment { port_speed: Some(0), ..existing(made.id) };
    says(&s.world.refused(Command::Attach(home.id, still)), &["field 'port_speed'", "at least 1"]);
}
