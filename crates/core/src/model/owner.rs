//! The owner of a thing: an account in a region. Owners know nothing of each other's things.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::AccountId;

/// An account in a region: whose a thing is, and within what its name is unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The account.
    pub account: AccountId,
    /// The region's name.
    pub region: String,
}

impl Owner {
    /// This account in this region.
    pub fn new(account: AccountId, region: impl Into<String>) -> Self {
        Owner { account, region: region.into() }
    }

    /// Its part of keys: the region first, so that a region's keys lie together. Neither part can contain a dot.
    pub fn scope(&self) -> String {
        format!("{}.{}", self.region, self.account)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in region '{}'", self.account, self.region)
    }
}
