//! The reserved IP: one address of a subnet, with its owner.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{ReservedIpId, SubnetId, VniId, VpcId};

/// Who made a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReservedBy {
    /// A user, or an interface on a user's behalf.
    User,
    /// The subnet itself, for an address with a fixed role.
    Provider,
}

/// One address of a subnet that nobody else can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedIp {
    /// Its id.
    pub id: ReservedIpId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the subnet.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// The subnet.
    pub subnet: SubnetId,
    /// The subnet's VPC.
    pub vpc: VpcId,
    /// Who made it.
    pub reserved_by: ReservedBy,
    /// Whether it goes when its interface lets go of it.
    pub auto_delete: bool,
    /// The interface it is bound to.
    pub bound_to: Option<VniId>,
    /// When it was created.
    pub created_at: Timestamp,
}
