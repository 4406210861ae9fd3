//! The file share: files that a host keeps, and that mount targets serve.
//!
//! A mount target has no record of its own. It is an [`Instance`](super::Instance) with the role
//! [`ShareMount`](super::Role::ShareMount) on the share's host, and its id is that of its one attachment: they come and go
//! together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{HostId, ShareId};
use crate::lifecycle::Lifecycle;

/// A file share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its id.
    pub id: ShareId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within its account and region.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The zone that its files are in.
    pub zone: String,
    /// The host that keeps its files and runs its mount targets.
    pub host: HostId,
    /// The name of its profile, one of [`crate::share_profile`].
    pub profile: String,
    /// Its size in gigabytes. It only grows.
    pub size_gb: u32,
    /// The most operations per second.
    pub iops: u32,
    /// How mount targets may encrypt what they send; never empty.
    pub transit_encryption: BTreeSet<TransitEncryption>,
    /// To whom its root directory belongs at first.
    pub initial_owner: FileOwner,
    /// Its user's words about it.
    pub user_tags: BTreeSet<String>,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why its host could not make it, or could not let it go.
    pub failure: Option<String>,
}

impl Share {
    /// The path under which its mount targets serve it.
    pub fn export_path(&self) -> String {
        export_path(self.id)
    }
}

/// The path under which a share's mount targets serve it.
pub fn export_path(share: ShareId) -> String {
    format!("/{share}")
}

/// How what a mount target sends and receives is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TransitEncryption {
    /// Not at all.
    None,
    /// By IPsec between the client's machine and the share's host.
    Ipsec,
    /// By TLS, through a tunnel that the client runs.
    Stunnel,
}

impl TransitEncryption {
    /// All of them.
    pub const ALL: [TransitEncryption; 3] =
        [TransitEncryption::None, TransitEncryption::Ipsec, TransitEncryption::Stunnel];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            TransitEncryption::None => "none",
            TransitEncryption::Ipsec => "ipsec",
            TransitEncryption::Stunnel => "stunnel",
        }
    }
}

/// To whom a file belongs, in the numbers of the clients that mount the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileOwner {
    /// The user's number; 0: root.
    pub uid: u32,
    /// The group's number; 0: root's.
    pub gid: u32,
}
