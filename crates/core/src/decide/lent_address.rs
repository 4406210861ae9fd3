//! Public addresses that are lent to instances: there while an instance runs, never the same again, and out of the way of
//! a floating IP that is to lead to the same private address.
//!
//! To the data plane one is a floating IP like any other; to its user it has no id, and is in no list.

use super::floating_ip;
use crate::command::FloatingIpChoice;
use crate::draft::Draft;
use crate::id::{FloatingIpId, ReservedIpId, VniId};
use crate::legality::Manner;
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, Instance, InstanceState, Vni};
use crate::record;
use crate::refusal::DecideError;

/// Whether a new attachment is to have a public address of its instance's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// What was asked for: if an address, there must be one to be had.
    pub(super) exactly: Option<bool>,
    /// Where nothing was asked for, one is wanted, if there is one.
    pub(super) inherits: bool,
}

/// Notes whether a new attachment has a public address of its instance's own, and lends it one.
pub(super) fn begin(
    draft: &mut Draft<'_>,
    instance: &Instance,
    attachment: &mut Attachment,
    vni: &Vni,
    asked: Asked,
) -> Result<(), DecideError> {
    let first = attachment.index == 0;
    let wanted = asked.inherits || vni.public_address == Some(true);
    attachment.own_public_address = asked.exactly.unwrap_or(first && wanted);
    if attachment.own_public_address {
        draft.put(attachment);
        if instance.state == InstanceState::Running {
            lend(draft, vni, asked.exactly == Some(true))?;
        }
    }
    Ok(())
}

/// An interface is to have a public address of its own, or no longer: that is so at once if it is its instance's first one.
pub(super) fn change(draft: &mut Draft<'_>, vni: &Vni, own: bool) -> Result<(), DecideError> {
    let Some(attachment) = vni.attachment else { return Ok(()) };
    let mut attachment: Attachment = draft.follow(attachment)?;
    let stays = attachment.lifecycle != Lifecycle::Deleting;
    if attachment.index != 0 || !stays || attachment.own_public_address == own {
        return Ok(());
    }
    attachment.own_public_address = own;
    draft.put(&attachment);
    if !own {
        return give_way(draft, vni.primary_ip());
    }
    if draft.follow::<Instance>(attachment.instance)?.state == InstanceState::Running {
        lend(draft, vni, true)?;
    }
    Ok(())
}

/// The instance runs again.
pub(super) fn resume(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    if attachment.own_public_address {
        let vni: Vni = draft.follow(attachment.vni)?;
        lend(draft, &vni, false)?;
    }
    Ok(())
}

/// The instance stops, or the attachment goes.
pub(super) fn end(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    if attachment.own_public_address
        && let Some(vni) = draft.follow_if_there::<Vni>(attachment.vni)?
    {
        give_way(draft, vni.primary_ip())?;
    }
    Ok(())
}

/// A floating IP no longer leads to an interface: what is lent takes its place again.
pub(super) fn restore(draft: &mut Draft<'_>, vni: VniId) -> Result<(), DecideError> {
    let Some(vni) = draft.follow_if_there::<Vni>(vni)? else { return Ok(()) };
    let Some(attachment) = vni.attachment else { return Ok(()) };
    let attachment: Attachment = draft.follow(attachment)?;
    let stays = attachment.own_public_address && attachment.lifecycle != Lifecycle::Deleting;
    if stays && draft.follow::<Instance>(attachment.instance)?.state == InstanceState::Running {
        lend(draft, &vni, false)?;
    }
    Ok(())
}

/// Takes back what is lent to a private address, if anything is.
pub(super) fn give_way(draft: &mut Draft<'_>, ip: ReservedIpId) -> Result<(), DecideError> {
    for lent in floating_ip::of(draft, ip)?.iter().filter(|floating| floating.lent) {
        floating_ip::erase(draft, lent)?;
    }
    Ok(())
}

/// Lends a public address to an interface's primary one, unless a floating IP leads there. If there is none to be had, that
/// is an error if there `must` be one.
fn lend(draft: &mut Draft<'_>, vni: &Vni, must: bool) -> Result<(), DecideError> {
    if draft.first::<FloatingIpId>(&record::floating_ips_of_address(vni.primary_ip()))?.is_some() {
        return Ok(());
    }
    let lent = draft.attempt(|draft| {
        let mut lent = floating_ip::allocate(draft, vni.owner.clone(), None, &vni.zone, None)?;
        lent.lent = true;
        floating_ip::lead_to(draft, &mut lent, FloatingIpChoice::primary(vni.id, Manner::PerAddress))?;
        // Not inserted: it is in no list.
        draft.put(&lent);
        Ok(())
    });
    match lent {
        Err(DecideError::Refused(_)) if !must => Ok(()),
        other => other,
    }
}
