//! The subnet: a range of a VPC's addresses in one zone, with a virtual gateway on every host.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{Owner, RouteAssociation, Timestamp};
use crate::host_spec::Ipv6Assignment;
use crate::id::{NetworkAclId, PublicGatewayId, SubnetId, SubnetReservationId, VpcId};
use crate::net;

/// A subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// The zone in which its interfaces can be attached.
    pub zone: String,
    /// Its range; the first four addresses and the last have fixed roles.
    pub cidr: Ipv4Net,
    /// Its IPv6 range, a /64 of one of the VPC's; `None`: no IPv6.
    pub ipv6_cidr: Option<Ipv6Net>,
    /// How guests that ask get their IPv6 addresses.
    pub ipv6_assignment: Ipv6Assignment,
    /// Whether interfaces that are created in it get an IPv6 address without being asked.
    pub auto_assign_ipv6: bool,
    /// The network ACL that judges what crosses its border.
    pub acl: NetworkAclId,
    /// The way out for its interfaces that have no floating IP; `None`: they have none.
    pub public_gateway: Option<PublicGatewayId>,
    /// Its route table, where the VPC routes by tables; `None`: the VPC's main one.
    #[serde(default)]
    pub route_table: Option<RouteAssociation>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is the default subnet of its zone, in its owner's default VPC.
    #[serde(default)]
    pub default: bool,
    /// Whether instances that are launched in it get a public address without being asked (EC2's `mapPublicIpOnLaunch`).
    #[serde(default)]
    pub map_public_ip: bool,
    /// What the names of instances that are launched in it are made of.
    #[serde(default)]
    pub hostname_type: HostnameType,
    /// Whether the names that are made of ids are to have IPv4 addresses (EC2's `enableResourceNameDnsARecord`).
    #[serde(default)]
    pub resource_name_a: bool,
    /// Whether the names that are made of ids are to have IPv6 addresses (EC2's `enableResourceNameDnsAAAARecord`).
    #[serde(default)]
    pub resource_name_aaaa: bool,
    /// Parts of it that are kept out of automatic choice.
    #[serde(default)]
    pub reservations: Vec<SubnetReservationId>,
}

/// What the private names of instances are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostnameType {
    /// Their IPv4 address.
    #[default]
    IpName,
    /// Their id.
    ResourceName,
}

impl Subnet {
    /// The virtual gateway's address.
    pub fn gateway(&self) -> Ipv4Addr {
        net::gateway(self.cidr)
    }

    /// How many IPv4 addresses the range has in all.
    pub fn total_addresses(&self) -> u64 {
        1u64 << (32 - self.cidr.prefix_len())
    }
}
