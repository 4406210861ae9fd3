//! Rules of child interfaces: parts of their instance from the moment they are made, and never interfaces of their own.
//!
//! An instance's style says from its creation on which of the two kinds of interface it has, so no instance ever has both.

use super::vni_ip::Room;
use super::{attachment, vni};
use crate::command::{CreateVni, UpdateAttachment, UpdateChild, UpdateVni, VniChoice};
use crate::draft::Draft;
use crate::id::AttachmentId;
use crate::model::{Attachment, Instance, InterfaceStyle, ProtocolStateFiltering, Vni};
use crate::record;
use crate::refusal::{DecideError, Refusal};

/// That an instance has interfaces of the kind that is to be attached.
pub(super) fn check_style(instance: &Instance, choice: &VniChoice) -> Result<(), Refusal> {
    let rule = match (instance.style, choice) {
        (InterfaceStyle::Attachments, VniChoice::Child(_)) => {
            "it takes no child network interface; add a network attachment with a virtual network interface instead"
        }
        (InterfaceStyle::Children, VniChoice::Existing(_) | VniChoice::New(_)) => {
            "no virtual network interface can be attached to it; add a child network interface instead"
        }
        (InterfaceStyle::Attachments, VniChoice::Existing(_) | VniChoice::New(_))
        | (InterfaceStyle::Children, VniChoice::Child(_)) => return Ok(()),
    };
    Err(Refusal::InterfaceStyle { instance: instance.id, style: instance.style, rule })
}

/// Makes the interface that a child's attachment is about to bind.
pub(super) fn create(draft: &mut Draft<'_>, create: CreateVni) -> Result<Vni, DecideError> {
    if !create.ips.is_empty() || !create.prefixes.is_empty() {
        return Err(Refusal::invalid("ips", "more than the primary one", ONE_ADDRESS).into());
    }
    check_fixed(create.auto_delete, create.enable_infrastructure_nat, create.protocol_state_filtering)?;
    let mut vni = vni::create(draft, create, true, Room::CHILD)?;
    vni.child = true;
    draft.put_raw(record::child_key(&vni.owner, vni.id), vni.id.to_string().into_bytes());
    Ok(vni)
}

/// Forgets that an interface was a child, with the interface.
pub(super) fn forget(draft: &mut Draft<'_>, vni: &Vni) {
    if vni.child {
        draft.delete_raw(record::child_key(&vni.owner, vni.id));
    }
}

const ONE_ADDRESS: &str = "a child network interface has one address; secondary addresses and delegated networks are for virtual network \
     interfaces, on instances that are created with network attachments";

/// What a virtual network interface chooses and a child has as it is.
fn check_fixed(
    auto_delete: Option<bool>,
    nat: Option<bool>,
    filtering: Option<ProtocolStateFiltering>,
) -> Result<(), Refusal> {
    if auto_delete == Some(false) {
        let rule = "it must be true: a child network interface goes with its instance";
        return Err(Refusal::invalid("auto_delete", false, rule));
    }
    if nat == Some(false) {
        let rule = "it must be true: a child network interface always has infrastructure NAT";
        return Err(Refusal::invalid("enable_infrastructure_nat", false, rule));
    }
    if let Some(mode) = filtering.filter(|mode| *mode != ProtocolStateFiltering::Auto) {
        let rule = "protocol state filtering is always automatic on a child network interface";
        return Err(Refusal::invalid("protocol_state_filtering", format!("{mode:?}").to_lowercase(), rule));
    }
    Ok(())
}

/// That a change leaves a child what it is.
pub(super) fn check_update(vni: &Vni, update: &UpdateVni) -> Result<(), Refusal> {
    if !vni.child {
        return Ok(());
    }
    check_fixed(update.auto_delete, update.enable_infrastructure_nat, update.protocol_state_filtering)
}

/// Refuses for a child what only an interface of its own can do; `rule` says what, and what to do instead.
pub(super) fn refuse(vni: &Vni, rule: &'static str) -> Result<(), Refusal> {
    if vni.child { Err(Refusal::ChildInterface { vni: vni.id, rule }) } else { Ok(()) }
}

/// A child has no other address than its first.
pub(super) fn refuse_more_addresses(vni: &Vni) -> Result<(), Refusal> {
    refuse(vni, ONE_ADDRESS)
}

/// The child that an attachment binds.
///
/// # Errors
/// [`Refusal::InterfaceStyle`] for an attachment of a virtual network interface: `rule` says what to do instead.
fn of(draft: &mut Draft<'_>, id: AttachmentId, rule: &'static str) -> Result<(Attachment, Vni), DecideError> {
    let attachment: Attachment = draft.get(id)?;
    let vni: Vni = draft.follow(attachment.vni)?;
    if vni.child {
        return Ok((attachment, vni));
    }
    let (instance, style) = (attachment.instance, InterfaceStyle::Attachments);
    Err(Refusal::InterfaceStyle { instance, style, rule }.into())
}

pub(super) fn update(draft: &mut Draft<'_>, id: AttachmentId, update: UpdateChild) -> Result<Attachment, DecideError> {
    let rule = "this shows one of them, to be read only; change it or its virtual network interface instead";
    let (attachment, child) = of(draft, id, rule)?;
    if update == UpdateChild::default() {
        return Ok(attachment);
    }
    let UpdateChild { name, allow_ip_spoofing } = update;
    if allow_ip_spoofing.is_some() {
        vni::update(draft, child.id, UpdateVni { allow_ip_spoofing, ..UpdateVni::default() })?;
    }
    attachment::update(draft, id, UpdateAttachment { name, ..UpdateAttachment::default() })
}

/// Takes a child away; it is gone for good once the host has let go.
pub(super) fn delete(draft: &mut Draft<'_>, id: AttachmentId) -> Result<Attachment, DecideError> {
    let rule = "this shows one of them, to be read only; delete the network attachment instead";
    let (attachment, _) = of(draft, id, rule)?;
    if attachment.primary {
        return Err(Refusal::PrimaryAttachment { attachment: id, instance: attachment.instance }.into());
    }
    attachment::retire(draft, attachment)
}
