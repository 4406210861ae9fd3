//! The subnet reservation: a part of a subnet that is kept out of automatic choice (EC2's subnet CIDR reservation).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{SubnetId, SubnetReservationId, VpcId};

/// What a part of a subnet is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReservationKind {
    /// Networks that are delegated to interfaces: those that are chosen automatically come from here only.
    Prefix,
    /// Addresses that clients name: nothing of it is chosen automatically.
    Explicit,
}

/// A part of a subnet that is kept for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetReservation {
    /// Its id.
    pub id: SubnetReservationId,
    /// Whose it is.
    pub owner: Owner,
    /// The subnet.
    pub subnet: SubnetId,
    /// The subnet's VPC.
    pub vpc: VpcId,
    /// The part.
    pub cidr: IpNet,
    /// What it is kept for.
    pub kind: ReservationKind,
    /// What it is for, in the client's words; may be empty.
    pub description: String,
    /// When it was created.
    pub created_at: Timestamp,
}
