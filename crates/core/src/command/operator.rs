//! What only the operator and the server itself may ask: accounts and hosts.

use std::net::Ipv4Addr;

use crate::id::HostId;
use crate::model::AccountId;

/// Creates an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateAccount {
    /// With this id, which no account has; one is drawn when absent.
    pub id: Option<AccountId>,
    /// Its name; made up when absent.
    pub name: Option<String>,
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
}
