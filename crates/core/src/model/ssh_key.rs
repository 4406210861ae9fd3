//! The SSH key: whose holder may log in to instances that name it. Nothing here logs in; it is kept and shown.

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::SshKeyId;

/// A public SSH key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// Its id.
    pub id: SshKeyId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique among its owner's keys.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Of which kind it is.
    pub kind: SshKeyKind,
    /// Its length in bits.
    pub length: u32,
    /// The key as its user wrote it: kind, base64 and perhaps a comment.
    pub public_key: String,
    /// What tells it from others, unique among its owner's keys.
    pub fingerprint: String,
}

/// A kind of SSH key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SshKeyKind {
    /// RSA (RFC 4253, 6.6).
    Rsa,
    /// Ed25519 (RFC 8709).
    Ed25519,
}
