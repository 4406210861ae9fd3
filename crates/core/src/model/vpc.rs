//! The VPC: one private address space, isolated from every other by its segment.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{DhcpOptions, Owner, RouteAssociation, Timestamp};
use crate::id::{DhcpOptionSetId, NetworkAclId, SecurityGroupId, VpcId, VpcRangeId};

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
    /// Ranges that its subnets must lie in, the primary one first; empty means that any range may be used.
    pub cidrs: Vec<VpcRange<Ipv4Net>>,
    /// Ranges that its subnets' IPv6 ranges must lie in; none: no IPv6.
    pub ipv6_cidrs: Vec<VpcRange<Ipv6Net>>,
    /// The security group of interfaces that name none.
    pub default_group: SecurityGroupId,
    /// The network ACL of new subnets.
    pub default_acl: NetworkAclId,
    /// What guests are told when they ask.
    pub dhcp: DhcpOptions,
    /// The route table of subnets that name none.
    pub main_table: RouteAssociation,
    /// Whether the ways out are implied, by floating IPs and by the public gateways that subnets have, and routes say what
    /// goes elsewhere (IBM). Otherwise routes alone decide what leaves the VPC, and by which way (EC2).
    pub implied_ways: bool,
    /// The set that this is from, if it is from one.
    #[serde(default)]
    pub dhcp_set: Option<DhcpOptionSetId>,
    /// Whether it is its owner's default VPC.
    #[serde(default)]
    pub default: bool,
    /// Whether the provider's name server is wanted (EC2's `enableDnsSupport`).
    #[serde(default = "yes")]
    pub dns_support: bool,
    /// Whether instances get public names (EC2's `enableDnsHostnames`).
    #[serde(default)]
    pub dns_hostnames: bool,
    /// Whether its use of addresses is to be measured (EC2's `enableNetworkAddressUsageMetrics`).
    #[serde(default)]
    pub usage_metrics: bool,
}

fn yes() -> bool {
    true
}

/// One of a VPC's ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcRange<N> {
    /// Its id, as [`VpcRange::id_of`] works it out (EC2's `vpc-cidr-assoc-`).
    pub id: VpcRangeId,
    /// The range.
    pub net: N,
    /// Whether the server chose it, so that no other VPC has it.
    pub provided: bool,
}

impl VpcRange<IpNet> {
    /// The id of a VPC's range: worked out of both, so that a VPC has one for a range (SplitMix64's way of mixing bits).
    pub fn id_of(vpc: VpcId, net: IpNet) -> VpcRangeId {
        let address = match net.network() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        let parts = [u64::from(net.prefix_len()), address as u64, (address >> 64) as u64];
        VpcRangeId::from_bits(parts.into_iter().fold(mixed(vpc.bits()), |id, part| mixed(id ^ part)))
    }
}

fn mixed(bits: u64) -> u64 {
    let z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Vpc {
    /// Its IPv4 ranges.
    pub fn nets(&self) -> impl Iterator<Item = Ipv4Net> {
        self.cidrs.iter().map(|range| range.net)
    }

    /// Its IPv6 ranges.
    pub fn ipv6_nets(&self) -> impl Iterator<Item = Ipv6Net> {
        self.ipv6_cidrs.iter().map(|range| range.net)
    }
}
