//! What is asked of SSH keys.

use crate::model::SshKeyKind;

/// Keeps a public key. What its parts say has been read from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSshKey {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Of which kind it is.
    pub kind: SshKeyKind,
    /// Its length in bits.
    pub length: u32,
    /// The key as its user wrote it.
    pub public_key: String,
    /// What tells it from others.
    pub fingerprint: String,
}
