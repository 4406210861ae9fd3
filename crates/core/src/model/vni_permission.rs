//! The permission: what the owner of an interface lets another account do with it.

use serde::{Deserialize, Serialize};

use super::{AccountId, Owner, Timestamp};
use crate::id::{VniId, VniPermissionId};

/// What an account may do with another account's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VniUse {
    /// Attach it to an instance of its own (EC2's `INSTANCE-ATTACH`).
    Attach,
    /// Let a floating IP of its own lead to it (EC2's `EIP-ASSOCIATE`).
    Associate,
}

impl VniUse {
    /// In words, for keys and messages.
    pub fn label(self) -> &'static str {
        match self {
            VniUse::Attach => "attach",
            VniUse::Associate => "associate",
        }
    }
}

/// A permission. It goes with its interface; one that is revoked is shown until then, or until it is given anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VniPermission {
    /// Its id.
    pub id: VniPermissionId,
    /// Whose it is: the interface's owner.
    pub owner: Owner,
    /// When it was given.
    pub created_at: Timestamp,
    /// The interface.
    pub vni: VniId,
    /// Who has it, in the interface's region.
    pub account: AccountId,
    /// For what.
    pub allows: VniUse,
    /// Whether it has been taken back.
    pub revoked: bool,
}
