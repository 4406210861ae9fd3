//! The subnet: a range of a VPC's addresses in one zone, with a virtual gateway on every host.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::{SubnetId, VpcId};
use crate::net;

/// A subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its name, unique within the VPC.
    pub name: String,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// The zone in which its interfaces can be attached.
    pub zone: String,
    /// Its range; the first four addresses and the last have fixed roles.
    pub cidr: Ipv4Net,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Subnet {
    /// The virtual gateway's address.
    pub fn gateway(&self) -> Ipv4Addr {
        net::gateway(self.cidr)
    }

    /// How many addresses the range has in all.
    pub fn total_addresses(&self) -> u64 {
        1u64 << (32 - self.cidr.prefix_len())
    }
}
