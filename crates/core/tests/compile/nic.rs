//! What ports are told of cards and their VLANs.

use std::collections::BTreeSet;

use pintle_core::command::{Command, CreateInstance, NewAttachment, VniChoice};
use pintle_core::compile::Subject;
use pintle_core::host_spec::{Entry, EntryKey, PortNic, PortSpec};
use pintle_core::id::{AttachmentId, VniId};
use pintle_core::model::{Attachment, Instance, Nic, Role};

use super::effects::{hear, told};
use super::told::whole;
use crate::common::build::{Scene, existing, instance, scene};

fn with(vni: VniId, nic: Nic) -> NewAttachment {
    NewAttachment { nic, ..NewAttachment::of(VniChoice::Existing(vni)) }
}

fn card(vlans: &[u16]) -> Nic {
    Nic::Pci { allowed_vlans: vlans.iter().copied().collect() }
}

fn vlan(id: u16) -> Nic {
    Nic::Vlan { id, float: false }
}

/// A bare metal server with these attachments, the first one its primary; their ids.
fn server(s: &mut Scene, attachments: &[(VniId, Nic)]) -> Vec<AttachmentId> {
    let mut all = attachments.iter().map(|(vni, nic)| with(*vni, nic.clone()));
    let primary = all.next();
    let create =
        CreateInstance { role: Role::BareMetal, primary, attachments: all.collect(), ..instance(s.vpc, s.hosts[0]) };
    let server: Instance = s.world.run(Command::CreateInstance(create));
    let all: Vec<Attachment> = s.world.store.records();
    let mut own: Vec<&Attachment> = all.iter().filter(|one| one.instance == server.id).collect();
    own.sort_by_key(|one| one.index);
    own.into_iter().map(|one| one.id).collect()
}

fn port(s: &Scene, id: AttachmentId) -> Option<PortSpec> {
    match whole(&s.world.store).get(&s.hosts[0])?.get(&EntryKey::Port(id))? {
        Entry::Port(spec) => Some((**spec).clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn f08_a_vlan_is_on_the_card_that_allows_it() {
    let mut s = scene();
    let vnis: Vec<VniId> = (0..4).map(|_| s.world.vni(s.subnet).id).collect();
    let nics = [card(&[7]), card(&[100, 101]), vlan(100), vlan(7)];
    let ids = server(&mut s, &vnis.iter().copied().zip(nics).collect::<Vec<_>>());
    let told: Vec<PortNic> = ids.iter().map(|id| port(&s, *id).unwrap().nic).collect();
    assert_eq!(
        told,
        [
            PortNic::Card { trunk: true },
            PortNic::Card { trunk: true },
            PortNic::Vlan { card: ids[1], id: 100 },
            PortNic::Vlan { card: ids[0], id: 7 }
        ]
    );
}

#[test]
fn f08_others_have_a_card_of_their_own_without_vlans() {
    let mut s = scene();
    let (home, vni) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.vni(s.subnet).id);
    let attachment = s.world.attach_now(home, vni).id;
    assert_eq!(port(&s, attachment).unwrap().nic, PortNic::Card { trunk: false });
}

#[test]
fn f08_what_becomes_of_a_card_concerns_the_ports_of_its_vlans() {
    let mut s = scene();
    let vnis: Vec<VniId> = (0..3).map(|_| s.world.vni(s.subnet).id).collect();
    let ids = server(&mut s, &[(vnis[0], card(&[100])), (vnis[1], vlan(100))]);
    let mut told = told(&s);
    let server = s.world.get::<Attachment>(ids[0]).instance;
    let of_server: BTreeSet<Subject> = [Subject::Vni(vnis[0]), Subject::Vni(vnis[1])].into();
    let realised = Command::AttachmentRealised(ids[0], s.world.get::<Attachment>(ids[0]).generation);
    assert!(hear(&mut s, &mut told, realised).is_superset(&of_server));
    hear(&mut s, &mut told, Command::StopInstance(server));
    let alone = hear(&mut s, &mut told, Command::Attach(server, existing(vnis[2])));
    assert!(!alone.contains(&Subject::Vni(vnis[0])), "a card without VLANs concerns nobody: {alone:?}");
}
