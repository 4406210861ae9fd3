//! The API key: what a client of IBM's API exchanges for access tokens, and whose requests they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, Policy, Timestamp};
use crate::id::ApiKeyId;

/// SHA-256 of an API key's secret. The secret has more random bits than anybody can try, so its digest needs no salt and no
/// slow hash, and the key is found by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest")
    }
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The account that its requests are made by.
    pub account: AccountId,
    /// What people call it; need not be unique.
    pub name: String,
    /// The digest of its secret, in hexadecimal digits.
    pub digest: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// What it may do; without any, nothing.
    pub policies: Vec<Policy>,
}
