//! The address prefix: a range of a VPC that is for subnets of one zone.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{VpcId, VpcRangeId};

/// What IBM's API says of a range of a VPC. The range itself is one of [`Vpc::cidrs`](super::Vpc::cidrs), with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPrefix {
    /// The range's id.
    pub id: VpcRangeId,
    /// Whose it is.
    pub owner: Owner,
    /// The VPC.
    pub vpc: VpcId,
    /// Its name, unique within the VPC.
    pub name: String,
    /// The zone that its subnets are in.
    pub zone: String,
    /// The range.
    pub cidr: Ipv4Net,
    /// Whether the zone's subnets get their range from it where they ask for no other; one of a zone's at most.
    pub default: bool,
    /// When it was created.
    pub created_at: Timestamp,
}
