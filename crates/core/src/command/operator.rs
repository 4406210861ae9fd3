//! What only the operator and the server itself may ask: accounts and hosts.

use std::net::Ipv4Addr;

use crate::id::HostId;
use crate::model::{AccessKeyId, AccountId};

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
