//! EFA interfaces: a card takes one, where its instance's type has a place for it, while the instance is stopped.

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateInstance, CreateVni, NewAttachment, NewLaunch, Seat, UpdateInstance, VniChoice,
};
use pintle_core::id::{InstanceId, VniId};
use pintle_core::model::{Attachment, Instance, Vni};

use crate::common::build::{Scene, existing, instance, new, scene, vni};
use crate::common::says;

fn efa(s: &Scene) -> CreateVni {
    CreateVni { efa: true, ..vni(s.subnet) }
}

fn made(s: &mut Scene) -> VniId {
    let create = efa(s);
    s.world.run::<Vni>(Command::CreateVni(create)).id
}

fn launched(s: &mut Scene, kind: &str, primary: CreateVni) -> Result<InstanceId, Refusal> {
    let launch = NewLaunch { kind: Some(kind.to_owned()), image: "ami-1".to_owned(), ..NewLaunch::default() };
    let create =
        CreateInstance { primary: Some(new(primary)), launch: Some(Box::new(launch)), ..instance(s.vpc, s.hosts[0]) };
    s.world.attempt(Command::CreateInstance(create)).map(|reply| match reply {
        pintle_core::Reply::Instance(instance) => instance.id,
        other => panic!("{other:?}"),
    })
}

fn stopped(s: &mut Scene, kind: &str) -> InstanceId {
    let primary = vni(s.subnet);
    let home = launched(s, kind, primary).unwrap();
    s.world.run::<Instance>(Command::StopInstance(home));
    s.world.done(Command::InstanceStopped(home));
    home
}

fn on_card(vni: VniId, card: u8) -> NewAttachment {
    NewAttachment { seat: Seat { card, index: None }, ..existing(vni) }
}

#[test]
fn f10_a_card_takes_one_efa_interface_and_it_counts_as_an_interface() {
    let mut s = scene();
    let home = stopped(&mut s, "p4d.24xlarge");
    let ids: Vec<VniId> = (0..5).map(|_| made(&mut s)).collect();
    for card in 0..4 {
        let attachment: Attachment = s.world.run(Command::Attach(home, on_card(ids[usize::from(card)], card)));
        assert_eq!(attachment.card, card);
        let second = s.world.refused(Command::Attach(home, on_card(ids[4], card)));
        says(&second, &["EFA interface count 2", &format!("network card {card} of p4d.24xlarge"), "the limit is 1"]);
    }
    // It has one of its card's places, which are 15.
    for place in 1..=14 {
        let plain = s.world.vni(s.subnet).id;
        let attached = s.world.attempt(Command::Attach(home, on_card(plain, 1)));
        assert_eq!(attached.is_ok(), place <= 14, "{attached:?}");
    }
    let plain = s.world.vni(s.subnet).id;
    says(&s.world.refused(Command::Attach(home, on_card(plain, 1))), &["Interface count 16", "network card 1"]);
}

#[test]
fn f10_only_some_types_take_efa_interfaces() {
    let mut s = scene();
    let home = stopped(&mut s, "m5.large");
    let one = made(&mut s);
    let refused = s.world.refused(Command::Attach(home, existing(one)));
    says(&refused, &["field 'efa'", "network card 0 of m5.large", &home.to_string()]);
    let primary = efa(&s);
    says(&launched(&mut s, "t3.micro", primary).unwrap_err(), &["field 'efa'", "t3.micro"]);
    let untyped = CreateInstance { primary: Some(new(efa(&s))), ..instance(s.vpc, s.hosts[0]) };
    says(&s.world.refused(Command::CreateInstance(untyped)), &["an instance without a type"]);
    // A type without such a place is nothing that an instance with one can become.
    let home = stopped(&mut s, "c5n.18xlarge");
    s.world.run::<Attachment>(Command::Attach(home, existing(one)));
    let kind = UpdateInstance { kind: Some("m5.large".to_owned()), ..UpdateInstance::default() };
    says(&s.world.refused(Command::UpdateInstance(home, kind)), &["field 'efa'", "m5.large"]);
}

#[test]
fn f10_efa_interfaces_come_and_go_while_their_instance_is_stopped() {
    let mut s = scene();
    let primary = efa(&s);
    let home = launched(&mut s, "c5n.18xlarge", primary).unwrap();
    let one = made(&mut s);
    let running = |refusal: &Refusal| says(refusal, &[&home.to_string(), "is running", "stop it first"]);
    running(&s.world.refused(Command::Attach(home, existing(one))));
    let other = stopped(&mut s, "c5n.18xlarge");
    let attachment: Attachment = s.world.run(Command::Attach(other, existing(one)));
    s.world.run::<Attachment>(Command::Detach { attachment: attachment.id, force: false });
    s.world.done(Command::AttachmentGone(attachment.id));
    let mut both = CreateInstance {
        primary: Some(new(vni(s.subnet))),
        attachments: vec![NewAttachment::of(VniChoice::Existing(one))],
        ..instance(s.vpc, s.hosts[0])
    };
    let launch = NewLaunch { kind: Some("c5n.18xlarge".to_owned()), image: "ami-1".to_owned(), ..NewLaunch::default() };
    both.launch = Some(Box::new(launch));
    let third: Instance = s.world.run(Command::CreateInstance(both));
    let held = s.world.get::<Vni>(one).attachment.unwrap();
    let refused = s.world.refused(Command::Detach { attachment: held, force: false });
    says(&refused, &[&third.id.to_string(), "is running"]);
    running(&s.world.refused(Command::MoveVni { vni: one, to: home, nic: None }));
}
