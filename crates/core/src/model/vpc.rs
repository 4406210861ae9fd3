//! The VPC: one private address space, isolated from every other by its segment.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{Owner, RouteAssociation, Timestamp};
use crate::id::{NetworkAclId, SecurityGroupId, VpcId};

/// A virtual private cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique among VPCs.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its number on the wire between hosts: 1 to 2^24 - 1 (RFC 7348's VNI), unique among VPCs.
    pub segment: u32,
    /// Ranges that its subnets must lie in; empty means that any range may be used.
    pub cidrs: Vec<Ipv4Net>,
    /// Ranges that its subnets' IPv6 ranges must lie in; none: no IPv6.
    pub ipv6_cidrs: Vec<Ipv6Net>,
    /// The security group of interfaces that name none.
    pub default_group: SecurityGroupId,
    /// The network ACL of new subnets.
    pub default_acl: NetworkAclId,
    /// What guests are told when they ask.
    pub dhcp: DhcpOptions,
    /// The route table of subnets that name none: routes decide what leaves the VPC, and by which way. `None`: the ways
    /// out are implied, by floating IPs and by the public gateways that subnets have (IBM).
    #[serde(default)]
    pub main_table: Option<RouteAssociation>,
}

/// What a VPC's guests are told by DHCP and router advertisements beside their addresses (EC2's DHCP option set).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOptions {
    /// Name servers, the first asked first.
    pub dns: Vec<IpAddr>,
    /// Domain name.
    pub domain: Option<String>,
    /// Time servers.
    pub ntp: Vec<IpAddr>,
}
