//! Instances: on a host of their zone, running or stopped, gone with what goes with them.

use std::collections::BTreeSet;

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateInstance, CreateVni, UpdateVni};
use pintle_core::id::{HostId, InstanceId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, InstanceState, Namespace, ReservedIp, Vni};
use pintle_core::refusal::Noun;

use crate::common::build::{existing, instance, new, scene, vni};
use crate::common::says;

#[test]
fn without_a_host_the_least_loaded_one_of_the_zone_is_chosen() {
    let mut s = scene();
    s.world.host(3, "zone-2");
    let anywhere = CreateInstance { host: None, zone: Some("zone-1".to_owned()), ..instance(s.vpc, s.hosts[0]) };
    let mut load = std::collections::BTreeMap::<HostId, usize>::new();
    for _ in 0..6 {
        let made: Instance = s.world.run(Command::CreateInstance(anywhere.clone()));
        *load.entry(made.host).or_default() += 1;
    }
    assert_eq!(load, [(s.hosts[0], 3), (s.hosts[1], 3)].into());
}

#[test]
fn a_place_that_cannot_be_is_refused_with_what_is_missing() {
    let mut s = scene();
    let refusal = |s: &mut crate::common::build::Scene, change: &dyn Fn(&mut CreateInstance)| {
        let mut create = instance(s.vpc, s.hosts[0]);
        change(&mut create);
        s.world.refused(Command::CreateInstance(create))
    };
    let nowhere = refusal(&mut s, &|create| (create.host, create.zone) = (None, Some("zone-9".to_owned())));
    assert_eq!(nowhere, Refusal::NoHost { zone: "zone-9".to_owned() });
    says(&nowhere, &["'zone-9'", "pintle agent"]);
    says(&refusal(&mut s, &|create| create.host = None), &["field 'zone'", "needed when no host is named"]);
    let wrong = refusal(&mut s, &|create| create.zone = Some("zone-2".to_owned()));
    says(&wrong, &["field 'zone'", "'zone-2'", "'zone-1'"]);
    let nobody = HostId::new(&mut s.world.ids);
    let unknown = refusal(&mut s, &|create| create.host = Some(nobody));
    assert_eq!(unknown, Refusal::NotFound { noun: Noun::Host, id: nobody.to_string() });
    for path in ["", "netns/web", "/a\0b"] {
        let bad = refusal(&mut s, &|create| create.namespace = Namespace::Path(path.to_owned()));
        says(&bad, &["field 'namespace.path'", "absolute path"]);
    }
    says(&refusal(&mut s, &|create| create.namespace = Namespace::Pid(0)), &["field 'namespace.pid'", "'0'"]);
    let nobody = refusal(&mut s, &|create| create.namespace = Namespace::Tap { owner: Some(u32::MAX) });
    says(&nobody, &["field 'namespace.tap.owner'", "'4294967295'", "id of a user"]);
}

#[test]
fn i16_a_virtual_machine_is_an_instance_whose_interfaces_are_taps() {
    let mut s = scene();
    for owner in [None, Some(0), Some(1000)] {
        let namespace = Namespace::Tap { owner };
        let create = CreateInstance {
            namespace: namespace.clone(),
            attachments: vec![new(vni(s.subnet)), new(vni(s.subnet))],
            ..instance(s.vpc, s.hosts[0])
        };
        let made: Instance = s.world.run(Command::CreateInstance(create));
        assert!(made.namespace == namespace && made.namespace.is_tap());
        let taps: BTreeSet<String> = s.world.all::<Attachment>().iter().map(Attachment::host_device).collect();
        assert_eq!(taps.len(), s.world.all::<Attachment>().len(), "each has a device of its own");
        assert!(taps.iter().all(|tap| tap.starts_with("pt") && tap.len() == 15), "{taps:?}");
    }
}

#[test]
fn f02_the_primary_attachment_comes_first_and_further_ones_can_follow() {
    let mut s = scene();
    let given = s.world.vni(s.subnet).id;
    let create = CreateInstance {
        primary: Some(new(vni(s.subnet))),
        attachments: vec![existing(given), new(vni(s.subnet))],
        ..instance(s.vpc, s.hosts[0])
    };
    let made: Instance = s.world.run(Command::CreateInstance(create));
    let later = s.world.vni(s.subnet).id;
    s.world.attach(made.id, later);
    let mut attachments = s.world.all::<Attachment>();
    attachments.sort_by_key(|attachment| attachment.index);
    let shape: Vec<_> = attachments.iter().map(|a| (a.device(), a.primary, a.generation)).collect();
    let expected = [("eth0", true), ("eth1", false), ("eth2", false), ("eth3", false)];
    assert_eq!(shape, expected.map(|(device, primary)| (device.to_owned(), primary, 1)));
    let goes: Vec<bool> = attachments.iter().map(|a| s.world.get::<Vni>(a.vni).auto_delete).collect();
    assert_eq!(goes, [true, false, true, false], "those made with the instance go with it");
}

#[test]
fn one_interface_cannot_be_named_twice_in_one_request() {
    let mut s = scene();
    let given = s.world.vni(s.subnet).id;
    let create = CreateInstance {
        primary: Some(existing(given)),
        attachments: vec![existing(given)],
        ..instance(s.vpc, s.hosts[0])
    };
    assert!(matches!(s.world.refused(Command::CreateInstance(create)), Refusal::AlreadyAttached { .. }));
}

#[test]
fn a02_an_interface_outlives_its_instance_with_all_its_addresses() {
    let mut s = scene();
    let create = CreateVni { ips: vec![crate::common::build::at("10.0.0.50")], ..vni(s.subnet) };
    let before: Vni = s.world.run(Command::CreateVni(create));
    let home = s.world.instance_with(s.vpc, s.hosts[0], before.id).id;
    s.world.delete_instance(home);
    let after: Vni = s.world.get(before.id);
    assert_eq!(after, Vni { generation: after.generation, ..before.clone() });
    for ip in before.ips {
        assert_eq!(s.world.get::<ReservedIp>(ip).bound_to, Some(before.id));
    }
}

#[test]
fn a03_f12_a_kept_interface_can_be_the_primary_one_of_a_new_instance() {
    let mut s = scene();
    let kept = s.world.vni(s.subnet).id;
    let first = s.world.instance_with(s.vpc, s.hosts[0], kept).id;
    s.world.run::<Instance>(Command::DeleteInstance(first));
    let early = CreateInstance { primary: Some(existing(kept)), ..instance(s.vpc, s.hosts[1]) };
    let refusal = s.world.refused(Command::CreateInstance(early));
    assert!(matches!(refusal, Refusal::AlreadyAttached { .. }), "the old host has not let go yet: {refusal:?}");
    s.world.hosts_let_go();
    let second = s.world.instance_with(s.vpc, s.hosts[1], kept);
    let attachment: Attachment = s.world.get(s.world.get::<Vni>(kept).attachment.unwrap());
    assert_eq!((attachment.instance, attachment.host, attachment.generation), (second.id, s.hosts[1], 2));
}

#[test]
fn a04_an_interface_with_auto_delete_goes_with_its_instance_and_frees_its_addresses() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.60").id;
    let create = CreateVni { ips: vec![pintle_core::command::IpChoice::Reserved(kept)], ..vni(s.subnet) };
    let made: Instance = s
        .world
        .run(Command::CreateInstance(CreateInstance { primary: Some(new(create)), ..instance(s.vpc, s.hosts[0]) }));
    let [vni] = s.world.all::<Vni>().try_into().unwrap();
    s.world.run::<Instance>(Command::DeleteInstance(made.id));
    assert!(s.world.find::<Vni>(vni.id).is_some(), "its host has not let go yet");
    s.world.hosts_let_go();
    assert_eq!(s.world.find::<Vni>(vni.id), None);
    assert_eq!(s.world.find::<ReservedIp>(vni.primary_ip()), None);
    assert_eq!(s.world.get::<ReservedIp>(kept).bound_to, None, "a reservation of the user's own stays");
}

#[test]
fn a04_auto_delete_turned_on_later_counts_too() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.attach_now(home, vni);
    let on = UpdateVni { auto_delete: Some(true), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(vni, on));
    s.world.delete_instance(home);
    assert_eq!(s.world.find::<Vni>(vni), None);
}

/// Detaching is a decision to keep the interface; that its host is slow to let go must not turn it around.
#[test]
fn a02_an_interface_that_was_detached_first_survives_the_instances_deletion() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment: Attachment = s.world.run(Command::Attach(home, new(vni(s.subnet))));
    assert!(s.world.get::<Vni>(attachment.vni).auto_delete);
    s.world.detach(attachment.id);
    s.world.run::<Instance>(Command::DeleteInstance(home));
    s.world.hosts_let_go();
    let vni: Vni = s.world.get(attachment.vni);
    assert_eq!((vni.attachment, vni.auto_delete), (None, false));
}

#[test]
fn an_instance_is_gone_only_after_its_attachments() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance_with(s.vpc, s.hosts[0], vni).id;
    s.world.ignored(Command::InstanceGone(home));
    s.world.run::<Instance>(Command::DeleteInstance(home));
    s.world.ignored(Command::InstanceGone(home));
    let attachment = s.world.get::<Vni>(vni).attachment.unwrap();
    s.world.done(Command::AttachmentGone(attachment));
    s.world.done(Command::InstanceGone(home));
    assert_eq!(s.world.find::<Instance>(home), None);
}

#[test]
fn an_instance_on_its_way_out_takes_no_change() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let elsewhere = s.world.instance(s.vpc, s.hosts[1]).id;
    s.world.attach_now(elsewhere, vni);
    let other = s.world.vni(s.subnet).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.run::<Instance>(Command::DeleteInstance(home));
    s.world.run::<Instance>(Command::DeleteInstance(home));
    for command in [
        Command::StartInstance(home),
        Command::StopInstance(home),
        Command::Attach(home, existing(other)),
        Command::MoveVni { vni, to: home, nic: None },
    ] {
        let refusal = s.world.refused(command);
        assert!(matches!(refusal, Refusal::WrongState { noun: Noun::Instance, .. }), "{refusal:?}");
        says(&refusal, &[&home.to_string(), "deleting", "takes no change"]);
    }
}

#[test]
fn f06_stop_and_start_keep_the_attachments_and_show_that_they_wait() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance_with(s.vpc, s.hosts[0], vni).id;
    let attachment = s.world.get::<Vni>(vni).attachment.unwrap();
    s.world.done(Command::InstanceRealised(home));
    s.world.realise(attachment);
    let state = |s: &crate::common::build::Scene| {
        let home: Instance = s.world.get(home);
        (home.state, home.lifecycle, s.world.get::<Attachment>(attachment).lifecycle)
    };
    assert_eq!(state(&s), (InstanceState::Running, Lifecycle::Stable, Lifecycle::Stable));
    for _ in 0..2 {
        s.world.run::<Instance>(Command::StopInstance(home));
        assert_eq!(state(&s), (InstanceState::Stopped, Lifecycle::Updating, Lifecycle::Waiting));
    }
    s.world.done(Command::InstanceStopped(home));
    assert_eq!(state(&s), (InstanceState::Stopped, Lifecycle::Waiting, Lifecycle::Waiting));
    s.world.ignored(Command::InstanceStopped(home));
    for _ in 0..2 {
        s.world.run::<Instance>(Command::StartInstance(home));
        assert_eq!(state(&s), (InstanceState::Running, Lifecycle::Updating, Lifecycle::Pending));
    }
    s.world.ignored(Command::InstanceStopped(home));
    s.world.done(Command::InstanceRealised(home));
    s.world.realise(attachment);
    assert_eq!(state(&s), (InstanceState::Running, Lifecycle::Stable, Lifecycle::Stable));
}

#[test]
fn a_failure_is_shown_with_its_reason_and_cleared_by_success() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.done(Command::InstanceFailed(home, "no such namespace".to_owned()));
    let failed: Instance = s.world.get(home);
    assert_eq!((failed.lifecycle, failed.failure.as_deref()), (Lifecycle::Failed, Some("no such namespace")));
    s.world.ignored(Command::InstanceFailed(home, "no such namespace".to_owned()));
    s.world.done(Command::InstanceRealised(home));
    let mended: Instance = s.world.get(home);
    assert_eq!((mended.lifecycle, mended.failure), (Lifecycle::Stable, None));
    s.world.ignored(Command::InstanceRealised(home));
}

#[test]
fn reports_about_an_instance_that_is_not_there_are_ignored() {
    let mut s = scene();
    let nobody = InstanceId::new(&mut s.world.ids);
    s.world.ignored(Command::InstanceRealised(nobody));
    s.world.ignored(Command::InstanceFailed(nobody, "late".to_owned()));
    s.world.ignored(Command::InstanceGone(nobody));
}
