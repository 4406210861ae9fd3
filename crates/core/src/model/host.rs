//! The host: a machine that runs an agent, with its underlay address.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::HostId;
use crate::net::VXLAN_OVERHEAD;

/// A machine that runs an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Its name, unique among hosts.
    pub name: String,
    /// The zone it is in.
    pub zone: String,
    /// Its address on the underlay, where other hosts' tunnels end.
    pub vtep: Ipv4Addr,
    /// MTU of the underlay device that has the VTEP's address, in bytes.
    pub underlay_mtu: u16,
    /// Its device towards the public network, if it has one: then it can answer for floating IPs.
    pub uplink: Option<String>,
    /// How many ports it has room for.
    pub max_ports: u32,
    /// When it joined.
    pub created_at: Timestamp,
}

impl Host {
    /// The largest IP packet that a guest on this host may send without knowing the path.
    pub fn guest_mtu(&self) -> u16 {
        self.underlay_mtu.saturating_sub(VXLAN_OVERHEAD)
    }
}
