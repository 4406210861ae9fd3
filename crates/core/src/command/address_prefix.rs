//! What is asked of address prefixes, and of subnets that get their range from one.

use ipnet::Ipv4Net;

use crate::id::{NetworkAclId, PublicGatewayId, RouteTableId, VpcId};

/// Gives a VPC one more range, for subnets of one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAddressPrefix {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The zone.
    pub zone: String,
    /// The range.
    pub cidr: Ipv4Net,
    /// Whether it is the zone's default one from now on.
    pub default: bool,
}

/// Changes an address prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateAddressPrefix {
    /// A new name.
    pub name: Option<String>,
    /// Whether it is the zone's default one from now on.
    pub default: Option<bool>,
}

/// Creates a subnet as IBM's API does: perhaps with a range that is chosen, and with a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceSubnet {
    /// In this VPC.
    pub vpc: VpcId,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// In this zone.
    pub zone: String,
    /// Its range.
    pub range: SubnetRange,
    /// Its network ACL; the VPC's default when absent.
    pub acl: Option<NetworkAclId>,
    /// Its way out.
    pub public_gateway: Option<PublicGatewayId>,
    /// Its route table; the VPC's main one when absent.
    pub route_table: Option<RouteTableId>,
}

/// Which IPv4 range a subnet gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubnetRange {
    /// This one.
    Net(Ipv4Net),
    /// The lowest free one with so many addresses, a power of two, in the default address prefix of its zone.
    Count(u32),
}
