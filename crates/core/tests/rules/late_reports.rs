//! What hosts say late, twice, or about things that are no more: never an error, never a wrong state.

use pintle_core::command::{Command, UpdateVni};
use pintle_core::id::AttachmentId;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Move, Vni};

use crate::common::build::{Scene, scene};

struct One {
    s: Scene,
    vni: Vni,
    home: Instance,
    attachment: Attachment,
}

fn attached() -> One {
    let mut s = scene();
    let vni = s.world.vni(s.subnet);
    let home = s.world.instance(s.vpc, s.hosts[0]);
    let attachment = s.world.attach(home.id, vni.id);
    One { s, vni, home, attachment }
}

#[test]
fn q11_reports_of_other_generations_are_ignored() {
    let mut one = attached();
    let id = one.attachment.id;
    for generation in [0, 2, u32::MAX] {
        one.s.world.ignored(Command::AttachmentRealised(id, generation));
        one.s.world.ignored(Command::AttachmentFailed(id, generation, "stale".to_owned()));
    }
    one.s.world.realise(id);
    assert_eq!(one.s.world.get::<Attachment>(id).lifecycle, Lifecycle::Stable);
    assert_eq!(one.s.world.get::<Vni>(one.vni.id).lifecycle, Lifecycle::Stable);
    one.s.world.ignored(Command::AttachmentRealised(id, 1));
}

#[test]
fn a28_a_failure_is_shown_until_a_later_success() {
    let mut one = attached();
    let id = one.attachment.id;
    one.s.world.fail(id, "no such namespace");
    let failed: Attachment = one.s.world.get(id);
    assert_eq!((failed.lifecycle, failed.failure.as_deref()), (Lifecycle::Failed, Some("no such namespace")));
    assert_eq!(one.s.world.get::<Vni>(one.vni.id).lifecycle, Lifecycle::Failed);
    one.s.world.ignored(Command::AttachmentFailed(id, 1, "no such namespace".to_owned()));
    one.s.world.fail(id, "another reason");
    one.s.world.realise(id);
    let mended: Attachment = one.s.world.get(id);
    assert_eq!((mended.lifecycle, mended.failure), (Lifecycle::Stable, None));
    assert_eq!(one.s.world.get::<Vni>(one.vni.id).lifecycle, Lifecycle::Stable);
}

/// The host realised it just before it heard of the stop: what it says must not keep the instance from starting again.
#[test]
fn f06_a_report_that_crosses_a_stop_does_not_count() {
    let mut one = attached();
    let (home, id) = (one.home.id, one.attachment.id);
    one.s.world.run::<Instance>(Command::StopInstance(home));
    one.s.world.ignored(Command::AttachmentRealised(id, 1));
    one.s.world.ignored(Command::AttachmentFailed(id, 1, "it went away".to_owned()));
    one.s.world.ignored(Command::InstanceRealised(home));
    one.s.world.ignored(Command::InstanceFailed(home, "it went away".to_owned()));
    assert_eq!(one.s.world.get::<Attachment>(id).lifecycle, Lifecycle::Waiting);
    one.s.world.run::<Instance>(Command::StartInstance(home));
    assert_eq!(one.s.world.get::<Attachment>(id).lifecycle, Lifecycle::Pending);
}

#[test]
fn a28_nothing_comes_back_from_deleting() {
    let mut one = attached();
    let (home, id) = (one.home.id, one.attachment.id);
    one.s.world.detach(id);
    one.s.world.ignored(Command::AttachmentRealised(id, 1));
    one.s.world.ignored(Command::AttachmentFailed(id, 1, "late".to_owned()));
    one.s.world.run::<Instance>(Command::DeleteInstance(home));
    one.s.world.ignored(Command::InstanceRealised(home));
    one.s.world.ignored(Command::InstanceFailed(home, "late".to_owned()));
}

#[test]
fn a_live_attachment_is_not_gone_because_a_host_says_so() {
    let mut one = attached();
    one.s.world.ignored(Command::AttachmentGone(one.attachment.id));
    one.s.world.ignored(Command::InstanceGone(one.home.id));
    let nobody = AttachmentId::new(&mut one.s.world.ids);
    one.s.world.ignored(Command::AttachmentGone(nobody));
    one.s.world.ignored(Command::AttachmentRealised(nobody, 1));
    one.s.world.ignored(Command::AttachmentFailed(nobody, 1, "late".to_owned()));
}

/// The old host was cut off when the interface left it. By the time it says so, the interface has been deleted.
#[test]
fn b16_a_host_that_was_left_can_let_go_of_an_interface_that_is_no_more() {
    for with_instance in [false, true] {
        let mut one = attached();
        let old = one.attachment.id;
        one.s.world.realise(old);
        let target = one.s.world.instance(one.s.vpc, one.s.hosts[1]).id;
        let moving: Move = one.s.world.run(Command::MoveVni { vni: one.vni.id, to: target, nic: None });
        one.s.world.finish_move(one.vni.id);
        if with_instance {
            let on = UpdateVni { auto_delete: Some(true), ..UpdateVni::default() };
            one.s.world.run::<Vni>(Command::UpdateVni(one.vni.id, on));
            one.s.world.run::<Instance>(Command::DeleteInstance(target));
            one.s.world.done(Command::AttachmentGone(moving.to));
        } else {
            one.s.world.run::<Attachment>(Command::Detach { attachment: moving.to, force: true });
            one.s.world.run::<Vni>(Command::DeleteVni(one.vni.id));
        }
        assert_eq!(one.s.world.find::<Vni>(one.vni.id), None);
        one.s.world.done(Command::AttachmentGone(old));
        assert_eq!(one.s.world.find::<Attachment>(old), None);
        one.s.world.delete_instance(one.home.id);
    }
}

#[test]
fn f16_a_late_word_from_the_side_that_was_left_changes_nothing() {
    let mut one = attached();
    let old = one.attachment.id;
    one.s.world.realise(old);
    let target = one.s.world.instance(one.s.vpc, one.s.hosts[1]).id;
    one.s.world.run::<Move>(Command::MoveVni { vni: one.vni.id, to: target, nic: None });
    one.s.world.finish_move(one.vni.id);
    one.s.world.ignored(Command::AttachmentRealised(old, 1));
    one.s.world.ignored(Command::AttachmentFailed(old, 1, "late".to_owned()));
}
