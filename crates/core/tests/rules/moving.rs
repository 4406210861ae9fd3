//! Moves: step by step, never without a side that can speak, never twice at once.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVni};
use pintle_core::id::{AttachmentId, InstanceId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, MAX_PER_INSTANCE, Move, MoveStep, Subnet, Vni};
use pintle_core::refusal::Noun;

use crate::common::build::{Scene, at, scene, subnet, vni};
use crate::common::says;

struct Moving {
    s: Scene,
    vni: VniId,
    old: AttachmentId,
    from: InstanceId,
    to: InstanceId,
}

/// An interface on one host, and an instance on another that it could move to.
fn attached() -> Moving {
    let mut s = scene();
    let create = CreateVni { ips: vec![at("10.0.0.50")], allow_ip_spoofing: Some(true), ..vni(s.subnet) };
    let vni = s.world.run::<Vni>(Command::CreateVni(create)).id;
    let (from, to) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let old = s.world.attach_now(from, vni).id;
    Moving { s, vni, old, from, to }
}

fn start(m: &mut Moving) -> Move {
    m.s.world.run(Command::MoveVni { vni: m.vni, to: m.to, nic: None })
}

#[test]
fn a15_a_move_goes_step_by_step_and_hands_over_at_its_end() {
    let mut m = attached();
    let before: Vni = m.s.world.get(m.vni);
    let moving = start(&mut m);
    assert_eq!((moving.step, moving.from, moving.started_at), (MoveStep::Prepare, m.old, m.s.world.now));
    let new: Attachment = m.s.world.get(moving.to);
    assert_eq!((new.instance, new.generation, new.lifecycle), (m.to, 2, Lifecycle::Pending));
    assert_eq!(m.s.world.get::<Vni>(m.vni).lifecycle, Lifecycle::Updating);
    m.s.world.realise(new.id);
    for (step, next) in
        [(MoveStep::Prepare, MoveStep::Open), (MoveStep::Open, MoveStep::Drain), (MoveStep::Drain, MoveStep::Settle)]
    {
        m.s.world.done(Command::AdvanceMove(m.vni, step));
        assert_eq!(m.s.world.get::<Move>(m.vni).step, next);
        assert_eq!(m.s.world.get::<Vni>(m.vni).attachment, Some(m.old), "the old side is its attachment until the end");
    }
    m.s.world.done(Command::AdvanceMove(m.vni, MoveStep::Settle));
    assert_eq!(m.s.world.find::<Move>(m.vni), None);
    assert_eq!(m.s.world.get::<Attachment>(m.old).lifecycle, Lifecycle::Deleting);
    let after: Vni = m.s.world.get(m.vni);
    assert_eq!(after, Vni { attachment: Some(new.id), generation: 2, ..before }, "a06_: nothing else has changed");
    m.s.world.hosts_let_go();
    assert_eq!(m.s.world.find::<Attachment>(m.old), None);
    assert_eq!(m.s.world.get::<Vni>(m.vni), after, "the old attachment's end does not concern it");
}

#[test]
fn a_step_that_was_reported_late_or_early_is_ignored() {
    let mut m = attached();
    m.s.world.ignored(Command::AdvanceMove(m.vni, MoveStep::Prepare));
    start(&mut m);
    for step in [MoveStep::Open, MoveStep::Drain, MoveStep::Settle] {
        m.s.world.ignored(Command::AdvanceMove(m.vni, step));
    }
    m.s.world.done(Command::AdvanceMove(m.vni, MoveStep::Prepare));
    m.s.world.ignored(Command::AdvanceMove(m.vni, MoveStep::Prepare));
    m.s.world.done(Command::AdvanceMove(m.vni, MoveStep::Open));
    m.s.world.ignored(Command::AbortMove(m.vni, "too late".to_owned()));
}

#[test]
fn a_move_can_be_given_up_until_the_old_side_falls_silent() {
    let mut m = attached();
    let before: Vni = m.s.world.get(m.vni);
    let moving = start(&mut m);
    m.s.world.done(Command::AdvanceMove(m.vni, MoveStep::Prepare));
    m.s.world.done(Command::AbortMove(m.vni, "host lost".to_owned()));
    assert_eq!(m.s.world.get::<Vni>(m.vni), Vni { generation: 2, ..before });
    assert_eq!(m.s.world.get::<Attachment>(moving.to).failure.as_deref(), Some("host lost"));
    m.s.world.hosts_let_go();
    assert_eq!(start(&mut m).step, MoveStep::Prepare, "it can be tried again");
}

#[test]
fn a_move_given_up_while_preparing_leaves_the_interface_where_it_was() {
    let mut m = attached();
    let before: Vni = m.s.world.get(m.vni);
    let moving = start(&mut m);
    m.s.world.done(Command::AbortMove(m.vni, "no such namespace".to_owned()));
    assert_eq!(m.s.world.get::<Vni>(m.vni), Vni { generation: 2, ..before });
    let given_up: Attachment = m.s.world.get(moving.to);
    assert_eq!((given_up.lifecycle, given_up.failure.as_deref()), (Lifecycle::Deleting, Some("no such namespace")));
    m.s.world.ignored(Command::AbortMove(m.vni, "again".to_owned()));
    m.s.world.hosts_let_go();
    assert_eq!(m.s.world.get::<Vni>(m.vni).attachment, Some(m.old));
    assert_eq!(start(&mut m).step, MoveStep::Prepare, "it can be tried again");
}

/// Which side speaks after a move, and what it said last, is what the interface shows.
#[test]
fn after_a_move_the_interface_shows_the_state_of_the_side_that_speaks() {
    let mut m = attached();
    m.s.world.fail(m.old, "link lost");
    start(&mut m);
    m.s.world.done(Command::AbortMove(m.vni, "host away".to_owned()));
    assert_eq!(m.s.world.get::<Vni>(m.vni).lifecycle, Lifecycle::Failed, "the side that is left has still failed");

    m.s.world.hosts_let_go();
    let new = start(&mut m).to;
    m.s.world.fail(new, "no memory");
    m.s.world.finish_move(m.vni);
    assert_eq!(m.s.world.get::<Vni>(m.vni).lifecycle, Lifecycle::Failed);
    m.s.world.realise(new);
    assert_eq!(m.s.world.get::<Vni>(m.vni).lifecycle, Lifecycle::Stable);
}

#[test]
fn a17_the_primary_attachment_cannot_be_moved() {
    let mut m = attached();
    let vni = m.s.world.vni(m.s.subnet).id;
    let home = m.s.world.instance_with(m.s.vpc, m.s.hosts[0], vni).id;
    let refusal = m.s.world.refused(Command::MoveVni { vni, to: m.to, nic: None });
    assert!(matches!(refusal, Refusal::PrimaryAttachment { .. }), "{refusal:?}");
    says(&refusal, &[&home.to_string(), "can't be detached or moved"]);
}

#[test]
fn only_an_attached_interface_can_be_moved_and_only_elsewhere() {
    let mut m = attached();
    let free = m.s.world.vni(m.s.subnet).id;
    let refusal = m.s.world.refused(Command::MoveVni { vni: free, to: m.to, nic: None });
    assert_eq!(refusal, Refusal::NotAttached { vni: free });
    says(&refusal, &[&free.to_string(), "not attached; attach it first"]);
    let refusal = m.s.world.refused(Command::MoveVni { vni: m.vni, to: m.from, nic: None });
    assert_eq!(refusal, Refusal::AlreadyAttached { vni: m.vni, attachment: m.old, instance: m.from });

    m.s.world.detach(m.old);
    let refusal = m.s.world.refused(Command::MoveVni { vni: m.vni, to: m.to, nic: None });
    assert!(matches!(refusal, Refusal::WrongState { noun: Noun::Attachment, .. }), "{refusal:?}");
    says(&refusal, &[&m.old.to_string(), "deleting", "being detached already"]);
}

#[test]
fn a_move_needs_a_running_target_in_its_zone_and_vpc_with_room() {
    let mut m = attached();
    let (vni, w) = (m.vni, &mut m.s.world);
    let stopped = w.instance(m.s.vpc, m.s.hosts[1]).id;
    w.run::<Instance>(Command::StopInstance(stopped));
    let refusal = w.refused(Command::MoveVni { vni, to: stopped, nic: None });
    assert!(matches!(refusal, Refusal::WrongState { noun: Noun::Instance, .. }), "{refusal:?}");
    says(&refusal, &[&stopped.to_string(), "stopped", "start it first"]);

    let far = w.host(3, "zone-2").id;
    let away = w.instance(m.s.vpc, far).id;
    assert!(matches!(w.refused(Command::MoveVni { vni, to: away, nic: None }), Refusal::WrongZone { .. }));
    let other = w.vpc(&[]).id;
    w.run::<Subnet>(subnet(other, "zone-1", "10.0.0.0/24"));
    let foreign = w.instance(other, m.s.hosts[1]).id;
    assert!(matches!(w.refused(Command::MoveVni { vni, to: foreign, nic: None }), Refusal::WrongVpc { .. }));
    let nobody = InstanceId::new(&mut w.ids);
    assert!(matches!(
        w.refused(Command::MoveVni { vni, to: nobody, nic: None }),
        Refusal::NotFound { noun: Noun::Instance, .. }
    ));

    for _ in 0..MAX_PER_INSTANCE {
        let filler = w.vni(m.s.subnet).id;
        w.attach(m.to, filler);
    }
    assert!(matches!(w.refused(Command::MoveVni { vni, to: m.to, nic: None }), Refusal::Limit { limit: 15, .. }));
}

#[test]
fn while_it_moves_nothing_else_touches_its_attachments() {
    let mut m = attached();
    let third = m.s.world.instance(m.s.vpc, m.s.hosts[0]).id;
    let moving = start(&mut m);
    let expected = Refusal::Moving { vni: m.vni, from: m.old, to: moving.to };
    for step in [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain, MoveStep::Settle] {
        for command in [
            Command::MoveVni { vni: m.vni, to: third, nic: None },
            Command::MoveVni { vni: m.vni, to: m.to, nic: None },
            Command::Detach { attachment: m.old, force: false },
            Command::Detach { attachment: m.old, force: true },
            Command::Detach { attachment: moving.to, force: true },
            Command::DeleteInstance(m.from),
            Command::DeleteInstance(m.to),
            Command::StopInstance(m.from),
            Command::StopInstance(m.to),
        ] {
            let shown = format!("{command:?} at {step:?}");
            assert_eq!(m.s.world.refused(command), expected, "{shown}");
        }
        assert!(matches!(m.s.world.refused(Command::DeleteVni(m.vni)), Refusal::InUse { .. }));
        m.s.world.done(Command::AdvanceMove(m.vni, step));
    }
    says(&expected, &[&m.vni.to_string(), &m.old.to_string(), &moving.to.to_string(), "being moved"]);
}

#[test]
fn what_it_is_can_be_changed_while_it_moves() {
    let mut m = attached();
    start(&mut m);
    m.s.world.run::<pintle_core::model::ReservedIp>(Command::AddVniIp(m.vni, at("10.0.0.60")));
    let update = pintle_core::command::UpdateVni { allow_ip_spoofing: Some(false), ..Default::default() };
    m.s.world.run::<Vni>(Command::UpdateVni(m.vni, update));
    m.s.world.finish_move(m.vni);
    let after: Vni = m.s.world.get(m.vni);
    assert_eq!((after.ips.len(), after.allow_ip_spoofing), (3, false));
}

#[test]
fn a_move_back_does_not_wait_for_the_host_that_was_left() {
    let mut m = attached();
    start(&mut m);
    m.s.world.finish_move(m.vni);
    let back: Move = m.s.world.run(Command::MoveVni { vni: m.vni, to: m.from, nic: None });
    assert_eq!(m.s.world.get::<Attachment>(back.to).index, 1, "the old attachment still has its index");
    m.s.world.finish_move(m.vni);
    m.s.world.hosts_let_go();
    let [only] = m.s.world.all::<Attachment>().try_into().unwrap();
    assert_eq!((only.id, only.generation), (back.to, 3));
}

#[test]
fn two_interfaces_may_move_at_once() {
    let mut m = attached();
    let second = m.s.world.vni(m.s.subnet).id;
    m.s.world.attach_now(m.to, second);
    start(&mut m);
    m.s.world.run::<Move>(Command::MoveVni { vni: second, to: m.from, nic: None });
    m.s.world.finish_move(m.vni);
    m.s.world.finish_move(second);
    m.s.world.hosts_let_go();
    assert_eq!(m.s.world.all::<Attachment>().len(), 2);
}
