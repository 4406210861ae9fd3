//! What only the operator and the server itself may ask: accounts and hosts.

use std::net::Ipv4Addr;

use crate::id::{ApiKeyId, HostId};
use crate::model::{AccessKeyId, AccessRole, AccountId, KeyDigest, ResourceType};

/// Creates an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateAccount {
    /// With this id, which no account has; one is drawn when absent.
    pub id: Option<AccountId>,
    /// Its name; made up when absent.
    pub name: Option<String>,
}

/// Creates an access key.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateAccessKey {
    /// Its id, which no key has.
    pub id: AccessKeyId,
    /// The account that acts with it.
    pub account: AccountId,
    /// Its secret, sealed by whoever asks.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for CreateAccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateAccessKey").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

/// Creates an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateApiKey {
    /// With this id, which no key has; one is drawn when absent.
    pub id: Option<ApiKeyId>,
    /// The account that acts with it.
    pub account: AccountId,
    /// What people call it, 1 to 255 characters.
    pub name: String,
    /// The digest of its secret, which no other key has.
    pub digest: KeyDigest,
    /// What it may do.
    pub policies: Vec<NewPolicy>,
}

/// A role to be given to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicy {
    /// The role.
    pub role: AccessRole,
    /// On things of this type; `None`: of all types.
    pub resource_type: Option<ResourceType>,
    /// On the one with this id only; needs the type.
    pub resource: Option<String>,
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterHost {
    /// Its id, fixed when it enrolled.
    pub id: HostId,
    /// Its name, unique among hosts.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its underlay address.
    pub vtep: Ipv4Addr,
    /// MTU of its underlay device, in bytes, 626 to 65535.
    pub underlay_mtu: u16,
    /// Its device towards the public network, if it has one.
    pub uplink: Option<String>,
    /// How many ports it has room for.
    pub max_ports: u32,
}
