//! Attachments: one interface, one instance, one zone, one VPC; the primary one for life.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVni, UpdateVni};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, MAX_PER_INSTANCE, ProtocolStateFiltering, ReservedIp, Vni};
use pintle_core::refusal::Noun;

use crate::common::build::{at, existing, new, scene, subnet, vni};
use crate::common::says;

#[test]
fn a16_an_interface_is_attached_only_within_its_zone() {
    let mut s = scene();
    let far = s.world.run::<pintle_core::model::Subnet>(subnet(s.vpc, "zone-2", "10.0.1.0/24")).id;
    let vni_far = s.world.vni(far).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let refusal = s.world.refused(Command::Attach(home, existing(vni_far)));
    assert!(matches!(refusal, Refusal::WrongZone { .. }), "{refusal:?}");
    says(&refusal, &[&vni_far.to_string(), "'zone-2'", &home.to_string(), "'zone-1'", "one zone"]);
    assert!(matches!(s.world.refused(Command::Attach(home, new(vni(far)))), Refusal::WrongZone { .. }));
}

#[test]
fn an_interface_is_attached_only_within_its_vpc() {
    let mut s = scene();
    let other = s.world.vpc(&[]).id;
    let home = s.world.instance(other, s.hosts[0]).id;
    let stranger = s.world.vni(s.subnet).id;
    let refusal = s.world.refused(Command::Attach(home, existing(stranger)));
    let expected = Refusal::WrongVpc { vni: stranger, vni_vpc: s.vpc, instance: home, instance_vpc: other };
    assert_eq!(refusal, expected);
    says(&refusal, &[&stranger.to_string(), &s.vpc.to_string(), &home.to_string(), &other.to_string()]);
}

#[test]
fn an_attached_interface_cannot_be_attached_again_anywhere() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let (home, other) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let attachment = s.world.attach_now(home, vni).id;
    let expected = Refusal::AlreadyAttached { vni, attachment, instance: home };
    for target in [home, other] {
        assert_eq!(s.world.refused(Command::Attach(target, existing(vni))), expected);
    }
    says(&expected, &[&vni.to_string(), &attachment.to_string(), &home.to_string(), "move or detach it"]);
    s.world.detach(attachment);
    assert_eq!(s.world.refused(Command::Attach(other, existing(vni))), expected, "the host has not let go");
}

#[test]
fn a17_the_primary_attachment_stays_with_its_instance_even_by_force() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance_with(s.vpc, s.hosts[0], vni).id;
    let attachment = s.world.get::<Vni>(vni).attachment.unwrap();
    let expected = Refusal::PrimaryAttachment { attachment, instance: home };
    for force in [false, true] {
        assert_eq!(s.world.refused(Command::Detach { attachment, force }), expected);
    }
    s.world.run::<Instance>(Command::StopInstance(home));
    assert_eq!(s.world.refused(Command::Detach { attachment, force: true }), expected);
    says(&expected, &[&attachment.to_string(), &home.to_string(), "can't be detached or moved"]);
}

#[test]
fn a04_an_interface_that_goes_with_its_target_goes_with_its_attachment_and_no_word_keeps_it() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let set = |auto_delete| UpdateVni { auto_delete: Some(auto_delete), ..UpdateVni::default() };
    let (kept, goes) = (s.world.vni(s.subnet), s.world.vni(s.subnet));
    let attachments = [kept.id, goes.id].map(|vni| s.world.attach_now(home, vni).id);
    s.world.run::<Vni>(Command::UpdateVni(goes.id, set(true)));
    for attachment in attachments {
        s.world.run::<Attachment>(Command::DeleteAttachment(attachment));
    }
    assert_eq!(s.world.get::<Vni>(goes.id).lifecycle, Lifecycle::Deleting);
    s.world.run::<Vni>(Command::UpdateVni(goes.id, set(false)));
    // Its address is its own until the host has let go.
    assert_eq!(s.world.get::<ReservedIp>(goes.primary_ip()).bound_to, Some(goes.id));
    for attachment in attachments {
        s.world.done(Command::AttachmentGone(attachment));
    }
    assert_eq!((s.world.find::<Vni>(goes.id), s.world.find::<ReservedIp>(goes.primary_ip())), (None, None));
    let kept: Vni = s.world.get(kept.id);
    assert_eq!((kept.attachment, kept.lifecycle), (None, Lifecycle::Stable));
}

#[test]
fn u01_an_interface_that_is_attached_again_may_go_on_with_its_connections_for_a_moment() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let (old, new) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let first = s.world.attach_now(old, vni);
    assert!(!first.adopting, "nothing began elsewhere");
    s.world.detach(first.id);
    s.world.hosts_let_go();
    let again = s.world.attach_now(new, vni);
    assert!(again.adopting);
    s.world.done(Command::EndAdoption(again.id));
    assert!(!s.world.get::<Attachment>(again.id).adopting);
}

#[test]
fn a18_an_instance_has_at_most_fifteen_attachments_and_a_freed_index_is_used_again() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachments: Vec<AttachmentId> = (0..MAX_PER_INSTANCE)
        .map(|_| {
            let vni = s.world.vni(s.subnet).id;
            s.world.attach_now(home, vni).id
        })
        .collect();
    let extra = s.world.vni(s.subnet).id;
    let refusal = s.world.refused(Command::Attach(home, existing(extra)));
    assert!(matches!(refusal, Refusal::Limit { limit: 15, .. }), "{refusal:?}");
    says(&refusal, &[&home.to_string(), "network attachments", "the limit is 15"]);
    s.world.detach(attachments[6]);
    assert!(matches!(s.world.refused(Command::Attach(home, existing(extra))), Refusal::Limit { .. }));
    s.world.hosts_let_go();
    assert_eq!(s.world.attach(home, extra).index, 6);
}

#[test]
fn a06_a14_what_an_interface_is_survives_detach_and_attach_elsewhere() {
    let mut s = scene();
    let create = CreateVni {
        ips: vec![at("10.0.0.50"), at("10.0.0.51")],
        allow_ip_spoofing: Some(true),
        protocol_state_filtering: Some(ProtocolStateFiltering::Disabled),
        ..vni(s.subnet)
    };
    let before: Vni = s.world.run(Command::CreateVni(create));
    let (home, other) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let attachment = s.world.attach_now(home, before.id).id;
    s.world.detach(attachment);
    s.world.hosts_let_go();
    let attachment = s.world.attach_now(other, before.id).id;
    let after: Vni = s.world.get(before.id);
    assert_eq!(after, Vni { attachment: Some(attachment), generation: 2, ..before });
}

#[test]
fn f06_an_interface_can_be_attached_to_a_running_and_to_a_stopped_instance() {
    let mut s = scene();
    let (hot, warm) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    assert_eq!(s.world.attach(home, hot).lifecycle, Lifecycle::Pending);
    s.world.run::<Instance>(Command::StopInstance(home));
    let waiting = s.world.attach(home, warm);
    assert_eq!(waiting.lifecycle, Lifecycle::Waiting);
    s.world.run::<Instance>(Command::StartInstance(home));
    assert_eq!(s.world.get::<Attachment>(waiting.id).lifecycle, Lifecycle::Pending);
    s.world.realise(waiting.id);
    assert_eq!(s.world.get::<Vni>(warm).lifecycle, Lifecycle::Stable);
}

#[test]
fn a22_detaching_waits_for_the_host_and_the_interface_is_free_after_it() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment = s.world.attach_now(home, vni).id;
    for _ in 0..2 {
        assert_eq!(s.world.detach(attachment).lifecycle, Lifecycle::Deleting, "asking twice is asking once");
    }
    assert_eq!(s.world.get::<Vni>(vni).attachment, Some(attachment));
    s.world.done(Command::AttachmentGone(attachment));
    let free: Vni = s.world.get(vni);
    assert_eq!((free.attachment, free.lifecycle), (None, Lifecycle::Stable));
    s.world.ignored(Command::AttachmentGone(attachment));
}

#[test]
fn f07_detaching_by_force_does_not_wait_for_the_host() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let (home, other) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let old = s.world.attach_now(home, vni);
    let on = UpdateVni { auto_delete: Some(true), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(vni, on));
    let shown: Attachment = s.world.run(Command::Detach { attachment: old.id, force: true });
    assert_eq!(shown.lifecycle, Lifecycle::Deleting);
    assert_eq!(s.world.find::<Attachment>(old.id), None);
    let new = s.world.attach(other, vni);
    assert!(new.generation > old.generation, "the new one outranks what the cut-off host still claims");
}

#[test]
fn f07_force_ends_a_detach_that_was_asked_for_before() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment = s.world.attach_now(home, vni).id;
    s.world.detach(attachment);
    s.world.run::<Attachment>(Command::Detach { attachment, force: true });
    assert_eq!(s.world.get::<Vni>(vni).attachment, None);
}

#[test]
fn what_is_not_there_cannot_be_detached_or_attached_to() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let attachment = AttachmentId::new(&mut s.world.ids);
    let refusal = s.world.refused(Command::Detach { attachment, force: true });
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Attachment, id: attachment.to_string() });
    let nobody = InstanceId::new(&mut s.world.ids);
    let refusal = s.world.refused(Command::Attach(nobody, existing(vni)));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Instance, id: nobody.to_string() });
}
