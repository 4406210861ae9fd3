//! The VPC: one private address space, isolated from every other by its segment.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::VpcId;

/// A virtual private cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Its name, unique among VPCs.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its number on the wire between hosts: 1 to 2^24 - 1 (RFC 7348's VNI), unique among VPCs.
    pub segment: u32,
    /// Ranges that its subnets must lie in; empty means that any range may be used.
    pub cidrs: Vec<Ipv4Net>,
}
