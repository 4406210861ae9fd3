//! Rules of mount targets: on the share's host, one in a VPC, each with one interface that it comes and goes with.
//!
//! Which interfaces it takes is no different from which may be attached to any target: it goes through the same door.

use super::nic::When;
use super::{attachment, change_name, instance, same_owner, share, take_name, vni};
use crate::command::{NewAttachment, NewMountTarget, VniChoice};
use crate::draft::Draft;
use crate::id::{AttachmentId, InstanceId, ShareId};
use crate::lifecycle::Lifecycle;
use crate::model::{
    Attachment, Instance, InstanceState, InterfaceStyle, Namespace, Role, Share, Subnet, TransitEncryption, Vni,
};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

/// Within what names of mount targets are unique, in words.
const SCOPE_WORDS: &str = "their share";

pub(super) fn create(draft: &mut Draft<'_>, share: ShareId, new: NewMountTarget) -> Result<Attachment, DecideError> {
    let share: Share = draft.get(share)?;
    create_on(draft, &share, new)
}

/// Makes a mount target of a share that was read in this decision.
pub(super) fn create_on(draft: &mut Draft<'_>, share: &Share, new: NewMountTarget) -> Result<Attachment, DecideError> {
    share::refuse_deleting(share)?;
    check_encryption(share, new.transit_encryption)?;
    let subnet = subnet_of(draft, &new.vni)?;
    same_owner("virtual_network_interface", subnet.id, &subnet.owner, &share.owner)?;
    if subnet.zone != share.zone {
        let rule = format!("its subnet {} is in zone '{}', and share {} is not", subnet.id, subnet.zone, share.id);
        return Err(Refusal::invalid("zone", &share.zone, rule).into());
    }
    let id = InstanceId::in_order(draft.ids);
    let role = Role::ShareMount(share.id);
    let name = take_name::<Instance>(draft, new.name, &share.id.to_string(), SCOPE_WORDS, id)?;
    let instance = Instance {
        id,
        owner: share.owner.clone(),
        name: name.clone(),
        created_at: draft.now,
        role,
        style: InterfaceStyle::Attachments,
        vpc: subnet.vpc,
        host: share.host,
        zone: share.zone.clone(),
        namespace: Namespace::Made,
        bandwidth_kbps: None,
        ips_per_interface: crate::limits::IPS_PER_INTERFACE,
        kind: None,
        launch: None,
        delete_protected: false,
        stop_protected: false,
        state: InstanceState::Running,
        told_at: draft.now,
        started_at: draft.now,
        lifecycle: Lifecycle::Pending,
        failure: None,
    };
    instance::insert(draft, &instance);
    // A subnet's public addresses are for servers.
    let binding = NewAttachment { name: Some(name), own_public_address: Some(false), ..NewAttachment::of(new.vni) };
    let made = attachment::create(draft, &instance, binding, When::First)?;
    if let Err(other) = draft.claim(record::mount_target_key(share.id, subnet.vpc), &made.id.to_string())? {
        let rule = format!("share {} has mount target {other} there; it has at most one in each VPC", share.id);
        return Err(Refusal::invalid("vpc", subnet.vpc, rule).into());
    }
    Ok(made)
}

/// No host encrypts what a share's server sends.
fn check_encryption(share: &Share, mode: TransitEncryption) -> Result<(), Refusal> {
    let rule = match mode {
        _ if !share.transit_encryption.contains(&mode) => format!("share {} does not allow it", share.id),
        TransitEncryption::None => return Ok(()),
        TransitEncryption::Ipsec | TransitEncryption::Stunnel => {
            "this server's mount targets have 'none' only".to_owned()
        }
    };
    Err(Refusal::invalid("transit_encryption", mode.label(), rule))
}

/// The subnet that tells a mount target's VPC: that of its interface.
fn subnet_of(draft: &mut Draft<'_>, choice: &VniChoice) -> Result<Subnet, DecideError> {
    match choice {
        VniChoice::Existing(id) => {
            let vni: Vni = draft.get(*id)?;
            draft.get(vni.subnet)
        }
        VniChoice::New(create) | VniChoice::Child(create) => vni::subnet_of(draft, create),
    }
}

/// The mount target with this id, and what runs it.
fn find(draft: &mut Draft<'_>, id: AttachmentId) -> Result<(Attachment, Instance), DecideError> {
    if let Some(attachment) = draft.find::<Attachment>(id)? {
        let instance: Instance = draft.follow(attachment.instance)?;
        if let Role::ShareMount(_) = instance.role {
            return Ok((attachment, instance));
        }
    }
    Err(Refusal::NotFound { noun: Noun::MountTarget, id: id.to_string() }.into())
}

pub(super) fn rename(draft: &mut Draft<'_>, id: AttachmentId, name: &str) -> Result<Attachment, DecideError> {
    let (mut attachment, mut instance) = find(draft, id)?;
    let scope = instance::name_scope(&instance);
    change_name::<Instance>(draft, &instance.name, name, &scope, SCOPE_WORDS, instance.id)?;
    let own = instance.id.to_string();
    change_name::<Attachment>(draft, &attachment.name, name, &own, SCOPE_WORDS, id)?;
    name.clone_into(&mut instance.name);
    name.clone_into(&mut attachment.name);
    draft.put_raw(record::ports_of_instance_key(instance.id), draft.now.0.to_string().into_bytes());
    draft.put(&instance);
    draft.put(&attachment);
    Ok(attachment)
}

/// Puts a mount target on its way out; its interface goes too if it goes with its target.
pub(super) fn delete(draft: &mut Draft<'_>, id: AttachmentId) -> Result<Attachment, DecideError> {
    let (_, instance) = find(draft, id)?;
    instance::retire(draft, instance)?;
    draft.get(id)
}

/// What is attached to a mount target can't be taken off it: it goes with it.
pub(super) fn refuse_detaching(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    let instance: Instance = draft.follow(attachment.instance)?;
    match instance.role {
        Role::ShareMount(_) => {
            let (noun, id) = (Noun::Vni, attachment.vni.to_string());
            let remedy = "it is let go of when the mount target is deleted";
            Err(Refusal::InUse { noun, id, holder: Holder::MountTarget(attachment.id), remedy }.into())
        }
        Role::Server | Role::BareMetal => Ok(()),
    }
}

/// A mount target's attachment is changed through the mount target only.
pub(super) fn refuse_changing(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    instance::named(draft, attachment.instance).map(drop)
}

/// The attachment of a mount target has gone, and what served the share there goes with it.
pub(super) fn gone(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    match draft.follow_if_there::<Instance>(attachment.instance)? {
        Some(Instance { id, role: Role::ShareMount(_), .. }) => instance::gone(draft, id),
        _ => Ok(()),
    }
}

/// A mount target has gone: its share may have another in that VPC.
pub(super) fn release(draft: &mut Draft<'_>, instance: &Instance) {
    if let Role::ShareMount(share) = instance.role {
        draft.delete_raw(record::mount_target_key(share, instance.vpc));
    }
}
