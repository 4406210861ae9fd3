//! Bare metal servers: cards that come and go while they rest, VLANs of them, and interfaces that move on and off.

use std::collections::BTreeSet;

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateInstance, CreateVni, NewAttachment, UpdateAttachment, UpdateVni};
use pintle_core::id::{AttachmentId, InstanceId, VniId};
use pintle_core::model::{Attachment, Instance, InterfaceStyle, Move, Nic, ProtocolStateFiltering, Role, Vni};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{Scene, existing, instance, new, scene, vni};
use crate::common::says;

fn pci(vlans: &[u16]) -> Nic {
    Nic::Pci { allowed_vlans: vlans.iter().copied().collect() }
}

fn vlan(id: u16) -> Nic {
    Nic::Vlan { id, float: false }
}

/// A bare metal server whose primary card allows these VLANs.
fn metal(s: &mut Scene, host: usize, vlans: &[u16]) -> Instance {
    let primary = Some(NewAttachment { nic: pci(vlans), ..new(vni(s.subnet)) });
    let create = CreateInstance { role: Role::BareMetal, primary, ..instance(s.vpc, s.hosts[host]) };
    s.world.run(Command::CreateInstance(create))
}

fn attach(s: &mut Scene, server: InstanceId, nic: Nic) -> Command {
    let id = s.world.vni(s.subnet).id;
    Command::Attach(server, NewAttachment { nic, ..existing(id) })
}

fn allow(id: AttachmentId, vlans: &[u16]) -> Command {
    let allowed_vlans = Some(vlans.iter().copied().collect::<BTreeSet<_>>());
    Command::UpdateAttachment(id, UpdateAttachment { allowed_vlans, ..UpdateAttachment::default() })
}

fn primary(s: &Scene, server: InstanceId) -> AttachmentId {
    s.world.all::<Attachment>().into_iter().find(|one| one.instance == server && one.primary).unwrap().id
}

#[test]
fn f08_a_vlan_needs_a_card_that_allows_it_and_is_used_once() {
    let mut s = scene();
    let server = metal(&mut s, 0, &[10, 20]).id;
    let command = attach(&mut s, server, vlan(10));
    let first: Attachment = s.world.run(command);
    assert_eq!((first.nic.clone(), first.index, first.primary), (vlan(10), 8, false));
    let command = attach(&mut s, server, vlan(10));
    says(&s.world.refused(command), &["field 'vlan'", "'10'", &first.id.to_string()]);
    let command = attach(&mut s, server, vlan(30));
    says(&s.world.refused(command), &["field 'vlan'", "'30'", "allowed_vlans", &server.to_string()]);
    for number in [0, 4095] {
        let command = attach(&mut s, server, vlan(number));
        says(&s.world.refused(command), &["field 'vlan'", "from 1 to 4094"]);
    }
    s.world.detach(first.id);
    let command = attach(&mut s, server, vlan(10));
    s.world.refused(command);
    s.world.done(Command::AttachmentGone(first.id));
    let command = attach(&mut s, server, vlan(10));
    s.world.run::<Attachment>(command);
}

#[test]
fn f08_cards_come_and_go_while_their_server_rests() {
    let mut s = scene();
    let server = metal(&mut s, 0, &[10]).id;
    let command = attach(&mut s, server, pci(&[20]));
    says(&s.world.refused(command.clone()), &["bare metal server", "running", "stop it first"]);
    s.world.run::<Instance>(Command::StopInstance(server));
    let card: Attachment = s.world.run(command);
    assert_eq!(card.index, 1);
    let command = attach(&mut s, server, pci(&[10, 30]));
    says(&s.world.refused(command), &["field 'allowed_vlans'", "'10'", "on one card only"]);
    s.world.run::<Instance>(Command::StartInstance(server));
    let command = Command::Detach { attachment: card.id, force: false };
    says(&s.world.refused(command.clone()), &["running", "stop it first"]);
    let using = attach(&mut s, server, vlan(20));
    let user: Attachment = s.world.run(using);
    s.world.run::<Instance>(Command::StopInstance(server));
    match s.world.refused(command) {
        Refusal::InUse { noun: Noun::Attachment, holder: Holder::Attachment(id), .. } => assert_eq!(id, user.id),
        other => panic!("{other}"),
    }
    s.world.detach(user.id);
    s.world.done(Command::AttachmentGone(user.id));
    s.world.detach(card.id);
    s.world.done(Command::AttachmentGone(card.id));
}

#[test]
fn f08_what_a_card_allows_changes_but_not_below_what_is_used() {
    let mut s = scene();
    let server = metal(&mut s, 0, &[10, 20]).id;
    let card = primary(&s, server);
    let command = attach(&mut s, server, vlan(10));
    let user: Attachment = s.world.run(command);
    let changed: Attachment = s.world.run(allow(card, &[10, 30]));
    assert_eq!(changed.nic, pci(&[10, 30]));
    says(&s.world.refused(allow(card, &[30])), &["field 'allowed_vlans'", "10", &user.id.to_string()]);
    says(&s.world.refused(allow(card, &[10, 5000])), &["field 'allowed_vlans'", "'5000'", "from 1 to 4094"]);
    says(&s.world.refused(allow(user.id, &[1])), &["field 'allowed_vlans'", "'vlan' has none"]);
    let guest = s.world.instance(s.vpc, s.hosts[0]).id;
    let command = attach(&mut s, guest, vlan(10));
    says(&s.world.refused(command), &["field 'vlan'", "only bare metal servers"]);
    let command = attach(&mut s, guest, pci(&[10]));
    says(&s.world.refused(command), &["field 'allowed_vlans'", "only bare metal servers"]);
}

#[test]
fn f13_a_bare_metal_server_has_eight_cards_at_most() {
    let mut s = scene();
    let more = |count: usize, s: &mut Scene| {
        let mut attachments = Vec::new();
        for _ in 0..count {
            attachments.push(new(vni(s.subnet)));
        }
        let primary = Some(new(vni(s.subnet)));
        let role = Role::BareMetal;
        Command::CreateInstance(CreateInstance { role, primary, attachments, ..instance(s.vpc, s.hosts[0]) })
    };
    let command = more(8, &mut s);
    says(&s.world.refused(command), &["network cards", "the limit is 8"]);
    let command = more(7, &mut s);
    let server = s.world.run::<Instance>(command).id;
    s.world.run::<Instance>(Command::StopInstance(server));
    let command = attach(&mut s, server, pci(&[]));
    says(&s.world.refused(command), &["the limit is 8"]);
}

#[test]
fn f02_a_bare_metal_server_begins_with_a_card() {
    let mut s = scene();
    let none = CreateInstance { role: Role::BareMetal, ..instance(s.vpc, s.hosts[0]) };
    says(&s.world.refused(Command::CreateInstance(none.clone())), &["primary network attachment"]);
    let first = Some(NewAttachment { nic: vlan(10), ..new(vni(s.subnet)) });
    let command = Command::CreateInstance(CreateInstance { primary: first, ..none.clone() });
    says(&s.world.refused(command), &["field 'interface_type'", "'vlan'"]);
    let both = CreateInstance {
        primary: Some(NewAttachment { nic: pci(&[10]), ..new(vni(s.subnet)) }),
        attachments: vec![NewAttachment { nic: vlan(10), ..new(vni(s.subnet)) }],
        ..none
    };
    s.world.run::<Instance>(Command::CreateInstance(both));
}

fn move_to(vni: VniId, to: InstanceId, nic: Option<Nic>) -> Command {
    Command::MoveVni { vni, to, nic }
}

#[test]
fn a07_e03_an_interface_moves_between_kinds_and_keeps_what_it_is() {
    let mut s = scene();
    let guest = s.world.instance(s.vpc, s.hosts[0]).id;
    let server = metal(&mut s, 1, &[10, 20]).id;
    let made = s.world.vni(s.subnet);
    s.world.attach_now(guest, made.id);
    says(&s.world.refused(move_to(made.id, server, None)), &["field 'vlan'", "VLAN"]);
    let card = move_to(made.id, server, Some(pci(&[])));
    says(&s.world.refused(card), &["'pci'", "stop it first"]);
    s.world.run::<Move>(move_to(made.id, server, Some(Nic::Vlan { id: 10, float: true })));
    s.world.finish_move(made.id);
    s.world.hosts_let_go();
    let there: Attachment = s.world.get(s.world.get::<Vni>(made.id).attachment.unwrap());
    assert_eq!((there.instance, there.nic), (server, Nic::Vlan { id: 10, float: true }));
    // What an instance does not bear keeps it on bare metal.
    let nat = |on| UpdateVni { enable_infrastructure_nat: Some(on), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(made.id, nat(false)));
    let back = move_to(made.id, guest, None);
    says(&s.world.refused(back.clone()), &["field 'enable_infrastructure_nat'", "on an instance"]);
    s.world.run::<Vni>(Command::UpdateVni(made.id, nat(true)));
    let moving: Move = s.world.run(back);
    assert_eq!(s.world.get::<Attachment>(moving.to).nic, Nic::default());
    // Meanwhile it must be what both bear.
    says(&s.world.refused(Command::UpdateVni(made.id, nat(false))), &["on an instance"]);
    s.world.finish_move(made.id);
    let after: Vni = s.world.get(made.id);
    assert_eq!((after.mac, after.ips, after.security_groups), (made.mac, made.ips, made.security_groups));
    assert_eq!(after.protocol_state_filtering, ProtocolStateFiltering::Auto);
}

#[test]
fn f08_a_vlan_moves_to_another_server_that_allows_it() {
    let mut s = scene();
    let (here, there, narrow) =
        (metal(&mut s, 0, &[10]).id, metal(&mut s, 1, &[10, 20]).id, metal(&mut s, 1, &[20]).id);
    let made = s.world.vni(s.subnet).id;
    let nic = Nic::Vlan { id: 10, float: true };
    let old: Attachment = s.world.run(Command::Attach(here, NewAttachment { nic: nic.clone(), ..existing(made) }));
    s.world.realise(old.id);
    says(&s.world.refused(move_to(made, narrow, None)), &["field 'vlan'", "'10'"]);
    let moving: Move = s.world.run(move_to(made, there, None));
    assert_eq!(s.world.get::<Attachment>(moving.to).nic, nic);
    s.world.finish_move(made);
    let spare = s.world.vni(s.subnet).id;
    s.world.run::<Instance>(Command::StopInstance(here));
    let card: Attachment = s.world.run(Command::Attach(here, existing(spare)));
    s.world.run::<Instance>(Command::StartInstance(here));
    s.world.realise(card.id);
    says(&s.world.refused(move_to(spare, there, Some(vlan(20)))), &["'pci'", "can't be moved"]);
}

#[test]
fn a02_a03_a04_interfaces_outlive_a_bare_metal_server_unless_they_go_with_it() {
    let mut s = scene();
    let kept = s.world.vni(s.subnet);
    let create = CreateInstance {
        role: Role::BareMetal,
        primary: Some(existing(kept.id)),
        attachments: vec![new(CreateVni { name: Some("goes".to_owned()), ..vni(s.subnet) })],
        ..instance(s.vpc, s.hosts[0])
    };
    let server: Instance = s.world.run(Command::CreateInstance(create));
    s.world.delete_instance(server.id);
    let left: Vec<VniId> = s.world.all::<Vni>().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [kept.id]);
    let guest = s.world.instance(s.vpc, s.hosts[1]).id;
    s.world.attach(guest, kept.id);
}

#[test]
fn a12_an_instance_with_child_interfaces_takes_no_virtual_ones() {
    let mut s = scene();
    for role in [Role::Server, Role::BareMetal] {
        let old =
            |primary| CreateInstance { role, style: InterfaceStyle::Children, primary, ..instance(s.vpc, s.hosts[0]) };
        let given = s.world.vni(s.subnet).id;
        let command = Command::CreateInstance(old(Some(existing(given))));
        says(&s.world.refused(command), &["no virtual network interface can be attached to it"]);
    }
    let style = InterfaceStyle::Children;
    let create = CreateInstance { style, ..instance(s.vpc, s.hosts[0]) };
    let old: Instance = s.world.run(Command::CreateInstance(create));
    let new_style = s.world.instance(s.vpc, s.hosts[1]).id;
    let roaming = s.world.vni(s.subnet).id;
    says(&s.world.refused(Command::Attach(old.id, existing(roaming))), &[&old.id.to_string()]);
    s.world.attach_now(new_style, roaming);
    says(&s.world.refused(move_to(roaming, old.id, None)), &["no virtual network interface can be attached to it"]);
}
