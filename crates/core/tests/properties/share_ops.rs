//! Random commands about shares and mount targets; the fourth part of [`super::ops`].

use std::collections::BTreeSet;

use pintle_core::command::{Command, CreateShare, CreateVni, NewMountTarget, UpdateShare, VniChoice};
use pintle_core::model::{Attachment, FileOwner, Host, Instance, Role, Share, Subnet, TransitEncryption, Vni};

use super::ops::{What, ZONES, pick, prefer};
use crate::common::Store;

/// The command that this kind is in a world.
pub(super) fn command(what: What, store: &Store, [a, b, c, d]: [u8; 4], name: Option<String>) -> Command {
    let share = || pick::<Share>(store, a);
    let deleting = |share: &Share| share.lifecycle == pintle_core::lifecycle::Lifecycle::Deleting;
    match what {
        What::Share => Command::CreateShare(Box::new(CreateShare {
            name,
            zone: ZONES[usize::from(b.is_multiple_of(6))].to_owned(),
            host: (!c.is_multiple_of(3)).then(|| pick::<Host>(store, c)),
            profile: if d.is_multiple_of(9) { "none" } else { "dp2" }.to_owned(),
            size_gb: [10, 100, 9][usize::from(a) % 3],
            iops: (b.is_multiple_of(4)).then_some(700),
            transit_encryption: None,
            initial_owner: FileOwner::default(),
            user_tags: BTreeSet::new(),
            mount_targets: (a.is_multiple_of(4)).then(|| mount(store, b, c, None)).into_iter().collect(),
        })),
        What::UpdateShare => {
            let (size_gb, iops) = ((b.is_multiple_of(2)).then_some(u32::from(c)), (c.is_multiple_of(2)).then_some(500));
            Command::UpdateShare(share(), UpdateShare { name, size_gb, iops, ..UpdateShare::default() })
        }
        What::MountTarget => Command::CreateMountTarget(share(), mount(store, b, c, name)),
        What::RenameMountTarget => {
            Command::RenameMountTarget(target(store, a, b), name.unwrap_or_else(|| "four".to_owned()))
        }
        What::DeleteMountTarget => Command::DeleteMountTarget(target(store, a, b)),
        What::ShareRealised => Command::ShareRealised(share()),
        What::ShareFailed => Command::ShareFailed(share(), format!("reason {}", b % 2)),
        What::DeleteShare => Command::DeleteShare(share()),
        What::ShareGone => Command::ShareGone(prefer::<Share>(store, a, b, deleting)),
        other => panic!("{other:?} is not about shares"),
    }
}

fn mount(store: &Store, a: u8, b: u8, name: Option<String>) -> NewMountTarget {
    let made = CreateVni { subnet: Some(pick::<Subnet>(store, b)), ..CreateVni::default() };
    let vni = match a % 2 {
        0 => VniChoice::New(Box::new(made)),
        _ => VniChoice::Existing(pick::<Vni>(store, b)),
    };
    NewMountTarget { name, vni, transit_encryption: TransitEncryption::ALL[usize::from(a.is_multiple_of(11))] }
}

/// Mostly the attachment of a mount target.
fn target(store: &Store, a: u8, b: u8) -> pintle_core::id::AttachmentId {
    let mounts = |instance: &Instance| matches!(instance.role, Role::ShareMount(_));
    let instances: BTreeSet<_> =
        store.records::<Instance>().into_iter().filter(mounts).map(|instance| instance.id).collect();
    prefer::<Attachment>(store, a, b, |attachment| instances.contains(&attachment.instance))
}
