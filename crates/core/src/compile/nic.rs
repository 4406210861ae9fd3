//! How the frames of an attachment are told from others of its server.

use crate::host_spec::PortNic;
use crate::id::AttachmentId;
use crate::model::{Attachment, Nic};
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

/// What a port is told of it. `None`: no card of its server allows its VLAN.
pub(super) fn find(snapshot: &dyn Snapshot, attachment: &Attachment) -> Result<Option<PortNic>, DecideError> {
    Ok(match &attachment.nic {
        Nic::Pci { allowed_vlans } => Some(PortNic::Card { trunk: !allowed_vlans.is_empty() }),
        Nic::Vlan { id, .. } => card(snapshot, attachment, *id)?.map(|card| PortNic::Vlan { card, id: *id }),
    })
}

/// The attachment of the same server whose card allows a VLAN.
fn card(snapshot: &dyn Snapshot, of: &Attachment, vlan: u16) -> Result<Option<AttachmentId>, DecideError> {
    for id in query::index::<AttachmentId>(snapshot, &record::attachments_of_instance(of.instance))? {
        let Some((other, _)) = query::find::<Attachment>(snapshot, id)? else { continue };
        if matches!(&other.nic, Nic::Pci { allowed_vlans } if allowed_vlans.contains(&vlan)) {
            return Ok(Some(other.id));
        }
    }
    Ok(None)
}

/// Whether other attachments may use VLANs of an attachment's card, so that what becomes of it concerns them.
pub(super) fn is_trunk(attachment: &Attachment) -> bool {
    matches!(&attachment.nic, Nic::Pci { allowed_vlans } if !allowed_vlans.is_empty())
}
