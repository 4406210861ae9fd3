//! Rules of permissions: one for each interface, account and use; what is done with one outlives it.

use crate::command::CreateVniPermission;
use crate::draft::{Draft, parse_id};
use crate::id::{VniId, VniPermissionId};
use crate::model::{Attachment, FloatingIp, Owner, Vni, VniPermission, VniUse};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};
use crate::request::Actor;

pub(super) fn create(draft: &mut Draft<'_>, create: CreateVniPermission) -> Result<VniPermission, DecideError> {
    let CreateVniPermission { vni, account, allows } = create;
    let vni: Vni = draft.get(vni)?;
    super::child::refuse(&vni, "it can't be lent to another account")?;
    if account == vni.owner.account {
        return Err(Refusal::invalid("account", account, "it owns the virtual network interface").into());
    }
    let key = record::vni_permission_key(vni.id, account, allows);
    if let Some(held) = draft.raw(&key)? {
        let before: VniPermission = draft.get(parse_id(&key, &held)?)?;
        if !before.revoked {
            let rule = format!("it has this permission already: {}", before.id);
            return Err(Refusal::invalid("account", account, rule).into());
        }
        erase(draft, &before);
    }
    let id = VniPermissionId::new(draft.ids);
    let owner = vni.owner;
    let made = VniPermission { id, owner, created_at: draft.now, vni: vni.id, account, allows, revoked: false };
    draft.insert(&made);
    draft.put_raw(key, id.to_string().into_bytes());
    Ok(made)
}

/// Takes a permission back; with `force` also while its account has made use of it, which stays as it is.
pub(super) fn revoke(draft: &mut Draft<'_>, id: VniPermissionId, force: bool) -> Result<VniPermission, DecideError> {
    let mut permission: VniPermission = draft.get(id)?;
    if permission.revoked {
        return Err(Refusal::NotFound { noun: Noun::VniPermission, id: id.to_string() }.into());
    }
    if !force && let Some(holder) = user(draft, &permission)? {
        let remedy = "detach it first, or revoke by force";
        return Err(Refusal::InUse { noun: Noun::VniPermission, id: id.to_string(), holder, remedy }.into());
    }
    permission.revoked = true;
    draft.put(&permission);
    Ok(permission)
}

/// What there is by a permission.
fn user(draft: &mut Draft<'_>, permission: &VniPermission) -> Result<Option<Holder>, DecideError> {
    match permission.allows {
        VniUse::Attach => {
            let Some(attachment) = draft.follow::<Vni>(permission.vni)?.attachment else { return Ok(None) };
            let attachment: Attachment = draft.follow(attachment)?;
            let theirs = attachment.owner.account == permission.account;
            Ok(theirs.then_some(Holder::Attachment(attachment.id)))
        }
        VniUse::Associate => {
            for id in draft.index(&record::floating_ips_of_vni(permission.vni))? {
                if draft.follow::<FloatingIp>(id)?.owner.account == permission.account {
                    return Ok(Some(Holder::FloatingIp(id)));
                }
            }
            Ok(None)
        }
    }
}

/// The interface with this id, if it is of who asks or they have been permitted to use it so.
///
/// # Errors
/// [`Refusal::NotFound`] otherwise: what another account has not permitted does not exist.
pub(super) fn usable(draft: &mut Draft<'_>, id: VniId, to: VniUse) -> Result<Vni, DecideError> {
    if let (Actor::Tenant(asker), Some(vni)) = (draft.by.clone(), draft.follow_if_there::<Vni>(id)?)
        && (asker == vni.owner || permits(draft, &vni, &asker, to)?)
    {
        return Ok(vni);
    }
    draft.get(id)
}

/// Whether an interface's owner has permitted another one to use it so.
pub(super) fn permits(draft: &mut Draft<'_>, vni: &Vni, user: &Owner, to: VniUse) -> Result<bool, DecideError> {
    if *user == vni.owner || user.region != vni.owner.region {
        return Ok(false);
    }
    let key = record::vni_permission_key(vni.id, user.account, to);
    let Some(held) = draft.raw(&key)? else { return Ok(false) };
    let permission: VniPermission = draft.follow(parse_id(&key, &held)?)?;
    Ok(!permission.revoked)
}

/// The interface goes, and what was permitted with it.
pub(super) fn drop_all(draft: &mut Draft<'_>, vni: VniId) -> Result<(), DecideError> {
    for id in draft.index(&record::permissions_of_vni(vni))? {
        let permission: VniPermission = draft.follow(id)?;
        erase(draft, &permission);
    }
    Ok(())
}

fn erase(draft: &mut Draft<'_>, permission: &VniPermission) {
    let VniPermission { vni, account, allows, .. } = *permission;
    draft.delete_raw(record::vni_permission_key(vni, account, allows));
    draft.remove(permission);
}
