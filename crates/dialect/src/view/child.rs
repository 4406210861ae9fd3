//! Child interfaces: parts of their instance, known by their attachment and not by the interface that it binds.

use pintle_core::id::{AttachmentId, VniId};
use pintle_core::model::{Attachment, Instance, InterfaceStyle, Role, Vni};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, Refusal, query};

/// Where a child interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildView {
    /// Its attachment, by which it is known.
    pub attachment: Attachment,
    /// What its instance is to its users.
    pub role: Role,
}

impl ChildView {
    /// Of an interface, if it is a child.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn of(snapshot: &dyn Snapshot, vni: &Vni) -> Result<Option<Self>, DecideError> {
        let Some(id) = vni.attachment.filter(|_| vni.child) else { return Ok(None) };
        let (attachment, _) = query::get::<Attachment>(snapshot, id)?;
        let (Instance { role, .. }, _) = query::follow(snapshot, attachment.instance)?;
        Ok(Some(ChildView { attachment, role }))
    }
}

/// The interface of a child that is named by its attachment's id.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::InterfaceStyle`] when what has that id is no child: its virtual network interface is to
/// be named instead; or when the store can't be read.
pub fn child_vni(snapshot: &dyn Snapshot, id: AttachmentId) -> Result<VniId, DecideError> {
    let (attachment, _) = query::get::<Attachment>(snapshot, id)?;
    let (vni, _) = query::get::<Vni>(snapshot, attachment.vni)?;
    if vni.child {
        return Ok(vni.id);
    }
    let rule = "a network interface that stands for one can only be read; use its virtual network interface instead";
    Err(Refusal::InterfaceStyle { instance: attachment.instance, style: InterfaceStyle::Attachments, rule }.into())
}

/// The interface with this id, if it is one of its own.
///
/// # Errors
/// [`Refusal::NotFound`], for a child too; or when the store can't be read.
pub fn own_vni(snapshot: &dyn Snapshot, id: VniId) -> Result<Vni, DecideError> {
    match query::get::<Vni>(snapshot, id)? {
        (vni, _) if vni.child => Err(Refusal::NotFound { noun: Noun::Vni, id: id.to_string() }.into()),
        (vni, _) => Ok(vni),
    }
}
