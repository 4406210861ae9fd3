//! Random servers, and what is attached to them.

use std::collections::BTreeSet;

use pintle_core::command::{CreateInstance, CreateVni, NewAttachment, NewLaunch, Seat, VniChoice};
use pintle_core::id::{AttachmentId, VniId};
use pintle_core::model::{Attachment, Host, InterfaceStyle, Namespace, Nic, Role, Vni, Vpc};

use super::ops::{TYPES, ZONES, create_vni, ip_choice, pick, prefer};
use crate::common::Store;

/// Mostly the attachment of a child interface.
pub(super) fn child(store: &Store, by: u8, other: u8) -> AttachmentId {
    let children: Vec<VniId> = store.records::<Vni>().into_iter().filter(|vni| vni.child).map(|vni| vni.id).collect();
    prefer(store, by, other, |attachment: &Attachment| children.contains(&attachment.vni))
}

pub(super) fn new_child(store: &Store, a: u8, b: u8) -> VniChoice {
    let ips = (b.is_multiple_of(8)).then(|| ip_choice(store, a, b)).into_iter().collect();
    let create = CreateVni { ips, prefixes: Vec::new(), ..create_vni(store, a, b, b.rotate_left(3), None) };
    VniChoice::Child(Box::new(create))
}

pub(super) fn new_attachment(store: &Store, a: u8, b: u8, name: Option<String>) -> NewAttachment {
    let vni = match a % 4 {
        0 if b.is_multiple_of(3) => new_child(store, a, b),
        0 => VniChoice::New(Box::new(create_vni(store, a, b, b.rotate_left(3), None))),
        _ => VniChoice::Existing(pick::<Vni>(store, b)),
    };
    NewAttachment {
        name,
        port_speed: (b.is_multiple_of(5)).then_some(100),
        seat: Seat { card: u8::from(b.is_multiple_of(13)), index: (b.is_multiple_of(3)).then_some(b % 6) },
        own_public_address: (a.is_multiple_of(3)).then_some(b.is_multiple_of(2)),
        nic: if a.is_multiple_of(2) { nic(b) } else { Nic::default() },
        ..NewAttachment::of(vni)
    }
}

pub(super) fn launch(by: u8) -> Box<NewLaunch> {
    Box::new(NewLaunch {
        kind: Some(TYPES[usize::from(by / 4) % TYPES.len()].to_owned()),
        image: "ami-0123456789abcdef0".to_owned(),
        delete_protected: by.is_multiple_of(16),
        notes: (by.is_multiple_of(8)).then(|| ("key".to_owned(), "mine".to_owned())).into_iter().collect(),
        ..NewLaunch::default()
    })
}

/// Some of four VLANs.
pub(super) fn vlans(by: u8) -> BTreeSet<u16> {
    (1..=4).filter(|vlan| by >> vlan & 1 == 1).collect()
}

/// A card that allows some of four VLANs, or one of these.
pub(super) fn nic(by: u8) -> Nic {
    match by % 3 {
        0 => Nic::Pci { allowed_vlans: if by.is_multiple_of(2) { vlans(by) } else { BTreeSet::new() } },
        _ => Nic::Vlan { id: u16::from(by % 5), float: by.is_multiple_of(2) },
    }
}

pub(super) fn create_instance(store: &Store, [a, b, c, d]: [u8; 4], name: Option<String>) -> CreateInstance {
    let style = if d.is_multiple_of(4) { InterfaceStyle::Children } else { InterfaceStyle::Attachments };
    // Mostly of the kind that the instance is to have.
    let attachment = |a: u8, b: u8| match style {
        InterfaceStyle::Children if !b.is_multiple_of(5) => NewAttachment::of(new_child(store, a, b)),
        _ => new_attachment(store, a, b, None),
    };
    CreateInstance {
        name,
        role: if a.is_multiple_of(3) { Role::BareMetal } else { Role::Server },
        style,
        vpc: pick::<Vpc>(store, a),
        host: (!b.is_multiple_of(4)).then(|| pick::<Host>(store, b)),
        zone: (b.is_multiple_of(4)).then(|| ZONES[usize::from(c.is_multiple_of(8))].to_owned()),
        namespace: Namespace::Made,
        bandwidth_kbps: (a.is_multiple_of(5)).then_some(1000),
        ips_per_interface: (b.is_multiple_of(9)).then_some(2),
        launch: (c.is_multiple_of(4)).then(|| launch(d)),
        primary: (!c.is_multiple_of(3)).then(|| attachment(c, d)),
        attachments: (0..a % 2).map(|more| attachment(d.wrapping_add(more), a)).collect(),
    }
}
