//! What is asked of file shares and their mount targets.

use std::collections::BTreeSet;

use super::VniChoice;
use crate::id::HostId;
use crate::model::{FileOwner, TransitEncryption};

/// Creates a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateShare {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The zone.
    pub zone: String,
    /// The host that keeps its files; when absent, one in the zone with room.
    pub host: Option<HostId>,
    /// The name of its profile.
    pub profile: String,
    /// Its size in gigabytes.
    pub size_gb: u32,
    /// The most operations per second; the fewest that its profile allows for its size when absent.
    pub iops: Option<u32>,
    /// How mount targets may encrypt what they send; when absent, as those that are made with it do, or not at all.
    pub transit_encryption: Option<BTreeSet<TransitEncryption>>,
    /// To whom its root directory belongs at first.
    pub initial_owner: FileOwner,
    /// Its user's words about it.
    pub user_tags: BTreeSet<String>,
    /// Mount targets from the start.
    pub mount_targets: Vec<NewMountTarget>,
}

/// Changes a share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateShare {
    /// A new name.
    pub name: Option<String>,
    /// Another profile.
    pub profile: Option<String>,
    /// A new size in gigabytes, not below the present one.
    pub size_gb: Option<u32>,
    /// A new limit of operations per second.
    pub iops: Option<u32>,
    /// How mount targets may encrypt what they send, all ways; those that are there must stay allowed.
    pub transit_encryption: Option<BTreeSet<TransitEncryption>>,
    /// Its user's words, all of them.
    pub user_tags: Option<BTreeSet<String>>,
}

/// A mount target to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMountTarget {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Its interface.
    pub vni: VniChoice,
    /// How it encrypts what it sends.
    pub transit_encryption: TransitEncryption,
}
