//! Attachments and instances, from what hosts report to what is stored.

use pintle_core::Command;
use pintle_core::command::{CreateInstance, CreateVni, NewAttachment, VniChoice};
use pintle_core::host_protocol::{AgentMessage, Applied, DriftReport, Resume};
use pintle_core::host_spec::EntryKey;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Namespace, ReservedIp, Vni};
use pintle_server::sessions::MAX_DRIFT;

use crate::support::{FakeHost, Plane, check_addresses, expected_entries, settle};

#[tokio::test(start_paused = true)]
async fn r04_an_attachment_is_stable_once_its_host_has_applied_it_and_peers_hear_of_it_only_then() {
    let plane = Plane::new(1);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let there = plane.instance(vpc, h2.id).await;
    let here = plane.instance(vpc, h1.id).await;
    plane.attach(there, plane.vni(subnet).await).await;
    settle().await;
    h1.silent(true);
    let vni = plane.vni(subnet).await;
    let attachment = plane.attach(here, vni).await;
    settle().await;
    let record = plane.get::<Vni>(vni);
    let address = plane.get::<ReservedIp>(record.primary_ip()).address;
    assert!(h1.port(attachment).is_some(), "its host has been told");
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Pending);
    assert_eq!(
        h2.location(record.mac).and_then(|location| location.vtep),
        Some(FakeHost::vtep(1)),
        "heard from then on"
    );
    assert_eq!(h2.endpoint(address), None, "but nobody is told the way before it leads anywhere");
    h1.silent(false);
    h1.report();
    settle().await;
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Stable);
    assert_eq!(plane.get::<Vni>(vni).lifecycle, Lifecycle::Stable);
    assert_eq!(h2.endpoint(address).and_then(|endpoint| endpoint.vtep), Some(FakeHost::vtep(1)));
    assert_eq!(plane.get::<Instance>(here).lifecycle, Lifecycle::Stable);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shown_and_a_later_success_clears_it() {
    let plane = Plane::new(2);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    h1.state().all_ports_fail = Some("device eth0 exists already".into());
    let instance = plane.instance(vpc, h1.id).await;
    let vni = plane.vni(subnet).await;
    let attachment = plane.attach(instance, vni).await;
    settle().await;
    let failed = plane.attachment(attachment);
    assert_eq!(failed.lifecycle, Lifecycle::Failed);
    assert_eq!(failed.failure.as_deref(), Some("device eth0 exists already"));
    assert_eq!(plane.get::<Vni>(vni).lifecycle, Lifecycle::Failed);

    let before = plane.revision();
    (0..5).for_each(|_| h1.report());
    settle().await;
    assert_eq!(plane.revision(), before, "the same failure again is no news");

    h1.state().all_ports_fail = None;
    h1.report();
    settle().await;
    let healed = plane.attachment(attachment);
    assert_eq!((healed.lifecycle, healed.failure), (Lifecycle::Stable, None));

    h1.state().failing.insert(EntryKey::Port(attachment), "the device was deleted and can't be made again".into());
    h1.report();
    settle().await;
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Failed, "also when it had been realised");
    h1.state().failing.clear();
    h1.report();
    settle().await;
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Stable);
}

#[tokio::test(start_paused = true)]
async fn p10_a_host_speaks_for_its_own_ports_only() {
    let plane = Plane::new(3);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let instance = plane.instance(vpc, h1.id).await;
    let attachment = plane.attach(instance, plane.vni(subnet).await).await;
    settle().await;
    h2.state().failing.insert(EntryKey::Port(attachment), "says another host".into());
    h2.state().failing.insert(EntryKey::Instance(instance), "says another host".into());
    h2.report();
    settle().await;
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Stable);
    assert_eq!(plane.get::<Instance>(instance).lifecycle, Lifecycle::Stable);
    let ahead =
        AgentMessage::Applied(Applied { revision: plane.revision() + 1, failures: Vec::new(), pending: Vec::new() });
    let bye = h2.say(ahead).expect_err("nothing like that was sent");
    assert!(bye.reason.contains("'revision'"), "{}", bye.reason);
}

#[tokio::test(start_paused = true)]
async fn a22_a_detachment_ends_when_the_host_has_nothing_left_of_it() {
    let plane = Plane::new(4);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let instance = plane.instance(vpc, h1.id).await;
    let vni = plane.vni(subnet).await;
    let attachment = plane.attach(instance, vni).await;
    settle().await;

    h1.silent(true);
    plane.run(Command::Detach { attachment, force: false }).await;
    settle().await;
    assert_eq!(h1.port(attachment), None);
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Deleting, "the host has not said so");
    h1.silent(false);
    h1.state().failing.insert(EntryKey::Port(attachment), "the device can't be removed".into());
    h1.report();
    settle().await;
    assert!(plane.find::<Attachment>(attachment).is_some(), "something is left there");
    h1.state().failing.clear();
    h1.report();
    settle().await;
    assert!(plane.find::<Attachment>(attachment).is_none());
    assert_eq!(plane.get::<Vni>(vni).attachment, None);
    plane.run(Command::DeleteVni(vni)).await;
    settle().await;
    assert_eq!(h1.entries().len(), 1, "only the instance is left: {:?}", h1.entries());
    check_addresses(&plane, "after the end");
}

#[tokio::test(start_paused = true)]
async fn a_forced_detachment_waits_for_nobody() {
    let plane = Plane::new(5);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let peer = plane.instance(vpc, h2.id).await;
    plane.attach(peer, plane.vni(subnet).await).await;
    let instance = plane.instance(vpc, h1.id).await;
    let vni = plane.vni(subnet).await;
    let attachment = plane.attach(instance, vni).await;
    settle().await;
    let mac = plane.get::<Vni>(vni).mac;
    assert!(h2.location(mac).is_some());
    let _left = h1.disconnect().await;
    plane.run(Command::Detach { attachment, force: true }).await;
    settle().await;
    assert!(plane.find::<Attachment>(attachment).is_none());
    assert_eq!(h2.location(mac), None, "every other host refuses it");
    let elsewhere = plane.attach(peer, vni).await;
    settle().await;
    assert_eq!(plane.attachment(elsewhere).lifecycle, Lifecycle::Stable);
}

#[tokio::test(start_paused = true)]
async fn a04_deleting_an_instance_takes_what_goes_with_it_and_leaves_the_rest() {
    let plane = Plane::new(6);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let stays = plane.vni(subnet).await;
    let new = CreateVni { subnet: Some(subnet), ..CreateVni::default() };
    let create = CreateInstance {
        name: None,
        vpc,
        host: Some(h1.id),
        zone: None,
        namespace: Namespace::Made,
        bandwidth_kbps: None,
        ips_per_interface: None,
        launch: None,
        primary: Some(NewAttachment::of(VniChoice::New(Box::new(new)))),
        attachments: vec![NewAttachment::of(VniChoice::Existing(stays))],
        ..CreateInstance::of(vpc)
    };
    let pintle_core::Reply::Instance(instance) = plane.run(Command::CreateInstance(create)).await else { panic!() };
    settle().await;
    assert_eq!(plane.vnis().len(), 2);
    plane.run(Command::DeleteInstance(instance.id)).await;
    settle().await;
    assert!(plane.find::<Instance>(instance.id).is_none());
    assert_eq!(plane.vnis().iter().map(|vni| vni.id).collect::<Vec<_>>(), [stays]);
    assert!(plane.all::<Attachment>().is_empty());
    assert!(h1.entries().is_empty(), "{:?}", h1.entries());
    check_addresses(&plane, "after the instance's end");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_instance_has_no_ports_and_a_started_one_has_them_again() {
    let plane = Plane::new(7);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let instance = plane.instance(vpc, h1.id).await;
    let attachment = plane.attach(instance, plane.vni(subnet).await).await;
    settle().await;
    for _ in 0..3 {
        plane.run(Command::StopInstance(instance)).await;
        settle().await;
        assert_eq!(h1.port(attachment), None);
        assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Waiting);
        plane.run(Command::StartInstance(instance)).await;
        settle().await;
        assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Stable);
        // At once, so that reports about the old state cross commands about the new one.
        plane.run(Command::StopInstance(instance)).await;
        plane.run(Command::StartInstance(instance)).await;
        settle().await;
        assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Stable);
        assert_eq!(plane.get::<Instance>(instance).lifecycle, Lifecycle::Stable);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_host_reports_is_kept_in_bounds() {
    let plane = Plane::new(8);
    let [h1] = plane.hosts().await;
    for n in 0..3 * MAX_DRIFT {
        let report = DriftReport { key: None, message: format!("{n} {}", "x".repeat(5000)), repaired: true };
        h1.say(AgentMessage::Drift(vec![report])).expect("taken");
    }
    let status = plane.sessions.status(h1.id).expect("connected");
    assert_eq!(status.drift.len(), MAX_DRIFT);
    assert!(status.drift.iter().all(|drift| drift.report.message.len() < 1100));
    assert!(status.drift.last().expect("some").report.message.starts_with("299 "));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_removed_is_told_and_leaves_nothing() {
    let plane = Plane::new(9);
    let [h1, h2] = plane.hosts().await;
    settle().await;
    plane.run(Command::DeleteHost(h1.id)).await;
    settle().await;
    let bye = h1.state().bye.clone().expect("told");
    assert!(bye.fatal && bye.reason.contains("removed"), "{bye:?}");
    assert_eq!(plane.sessions.status(h1.id), None);
    assert_eq!(plane.sessions.list().iter().map(|status| status.host).collect::<Vec<_>>(), [h2.id]);
}

#[tokio::test(start_paused = true)]
async fn an_underlay_that_changes_reaches_every_peer() {
    let plane = Plane::new(10);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let mut macs = Vec::new();
    for host in [&h1, &h2] {
        let instance = plane.instance(vpc, host.id).await;
        let vni = plane.vni(subnet).await;
        plane.attach(instance, vni).await;
        macs.push(plane.get::<Vni>(vni).mac);
    }
    settle().await;
    let moved = "198.51.100.9".parse().expect("an address");
    let command =
        h1.say(AgentMessage::Underlay { vtep: moved, underlay_mtu: 9000 }).expect("taken").expect("a command");
    plane.run(command).await;
    settle().await;
    assert_eq!(h2.location(macs[0]).and_then(|location| location.vtep), Some(moved));
    for host in [&h1, &h2] {
        assert_eq!(Some(&host.entries()), expected_entries(&plane).get(&host.id));
    }
}

#[tokio::test(start_paused = true)]
async fn b16_a_host_that_is_gone_for_good_keeps_nothing_and_is_told_if_it_comes_back_all_the_same() {
    let plane = Plane::new(11);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let (instance, vni) = (plane.instance(vpc, h1.id).await, plane.vni(subnet).await);
    let attachment = plane.attach(instance, vni).await;
    settle().await;
    let (id, left) = (h1.id, h1.disconnect().await);
    plane.run(Command::DeleteInstance(instance)).await;
    settle().await;
    assert_eq!(plane.attachment(attachment).lifecycle, Lifecycle::Deleting, "nobody says that it is gone");
    plane.run(Command::DeleteLostHost(id)).await;
    settle().await;
    assert!(plane.find::<Instance>(instance).is_none() && plane.get::<Vni>(vni).attachment.is_none());
    plane.run(Command::DeleteVni(vni)).await;

    // It was only cut off: in the same life of the server it must not go on from where it was.
    plane.register(1).await;
    let back = FakeHost::connect(&plane.sessions, 1, Some(left));
    settle().await;
    assert_eq!(back.entries(), std::collections::BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn r05_what_an_earlier_session_told_may_be_reported_in_the_next() {
    let plane = Plane::new(12);
    let vpc = plane.vpc().await;
    let [h1] = plane.hosts().await;
    plane.instance(vpc, h1.id).await;
    settle().await;
    // The session breaks while the host is at work: its greeting says where it was, its report where it has got to.
    let mut left = h1.disconnect().await;
    let reached = left.revision;
    left.revision -= 1;
    left.silent = true;
    let resume = Resume { epoch: left.epoch.clone(), revision: left.revision };
    let (mut link, _outbox, _) = plane.sessions.open(&FakeHost::hello(1, Some(resume)));
    let report = AgentMessage::Applied(Applied { revision: reached, failures: Vec::new(), pending: Vec::new() });
    assert_eq!(link.take(report), Ok(None));
}
