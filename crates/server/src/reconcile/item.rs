//! What the reconciler works on.

use pintle_core::id::{AttachmentId, InstanceId, ShareId, VniId};
use pintle_core::model::{Attachment, Instance, Move, Share};
use pintle_core::record::Record;

/// One thing to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// An attachment.
    Attachment(AttachmentId),
    /// An instance.
    Instance(InstanceId),
    /// A share.
    Share(ShareId),
    /// The move of an interface.
    Move(VniId),
    /// The moment after a move in which an attachment takes in connections that began elsewhere.
    Adoption(AttachmentId),
}

impl Item {
    /// The key of its record.
    pub(crate) fn key(self) -> String {
        match self {
            Item::Attachment(id) | Item::Adoption(id) => Attachment::key_of(id),
            Item::Instance(id) => Instance::key_of(id),
            Item::Share(id) => Share::key_of(id),
            Item::Move(id) => Move::key_of(id),
        }
    }
}
