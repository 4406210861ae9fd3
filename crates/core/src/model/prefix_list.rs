//! The prefix list: networks under one name that security groups' rules refer to (EC2).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{IpFamily, Owner, Timestamp};
use crate::id::PrefixListId;
use crate::limits::PREFIX_LIST_VERSIONS;

/// A prefix list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    /// Its id.
    pub id: PrefixListId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique among prefix lists.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Of which IP version all its networks are.
    pub family: IpFamily,
    /// How many networks it may have; a rule that refers to it counts as so many rules.
    pub max_entries: u32,
    /// Counts its changes, from 1.
    pub version: u32,
    /// Its networks, in order of address; each occurs once.
    pub entries: Vec<PrefixListEntry>,
    /// What was done with it last.
    #[serde(default)]
    pub state: PrefixListState,
}

impl PrefixList {
    /// The versions before this one whose entries are kept.
    pub fn former_versions(&self) -> std::ops::Range<u32> {
        self.version.saturating_sub(PREFIX_LIST_VERSIONS).max(1)..self.version
    }
}

/// What was done last with a prefix list. Nothing takes time, so it is always done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PrefixListState {
    /// It was created.
    #[default]
    Created,
    /// It was changed.
    Modified,
    /// The entries of a former version were put back.
    Restored,
}

/// A network of a prefix list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListEntry {
    /// The network.
    pub net: IpNet,
    /// What it is; may be empty.
    pub description: String,
}
