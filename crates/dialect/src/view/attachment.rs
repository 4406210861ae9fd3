//! An attachment with the interface that it binds, and that interface's primary address and subnet.

use pintle_core::DecideError;
use pintle_core::model::{Attachment, ReservedIp, Subnet, Vni};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::View;

/// An attachment and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentView {
    /// The attachment.
    pub attachment: Attachment,
    /// The revision of its last write.
    pub revision: Revision,
    /// The interface.
    pub vni: Vni,
    /// The interface's subnet.
    pub subnet: Subnet,
    /// The interface's primary address.
    pub primary_ip: ReservedIp,
}

impl View for AttachmentView {
    type Record = Attachment;
    fn join(snapshot: &dyn Snapshot, attachment: Attachment, revision: Revision) -> Result<Self, DecideError> {
        let (vni, _) = query::follow::<Vni>(snapshot, attachment.vni)?;
        let (subnet, _) = query::follow(snapshot, vni.subnet)?;
        let (primary_ip, _) = query::follow(snapshot, vni.primary_ip())?;
        Ok(AttachmentView { attachment, revision, vni, subnet, primary_ip })
    }
}
