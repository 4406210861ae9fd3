//! What is asked of public pools, floating IPs and public gateways.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::{FloatingIpId, HostId, ReservedIpId, SubnetId, VniId, VpcId};
use crate::legality::Manner;

/// Creates a pool of public addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePublicPool {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The zone whose hosts answer for its addresses.
    pub zone: String,
    /// Its ranges, not empty; apart from those of every other pool.
    pub cidrs: Vec<Ipv4Net>,
}

/// Allocates a floating IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFloatingIp {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The zone; when absent, that of the target or of the address, or any of the region.
    pub zone: Option<String>,
    /// This address of a pool; any free one when absent.
    pub address: Option<Ipv4Addr>,
    /// Where it leads from the start.
    pub target: Option<FloatingIpChoice>,
}

/// To which private address a floating IP leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloatingIpChoice {
    /// Of this interface.
    pub vni: VniId,
    /// This one; the primary one when absent.
    pub ip: Option<ReservedIpId>,
    /// How many the interface may have.
    pub manner: Manner,
}

impl FloatingIpChoice {
    /// An interface's primary address.
    pub fn primary(vni: VniId, manner: Manner) -> Self {
        FloatingIpChoice { vni, ip: None, manner }
    }
}

/// Creates a public gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePublicGateway {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// For this VPC.
    pub vpc: VpcId,
    /// In this zone.
    pub zone: String,
    /// The public address that it translates to; one is allocated, and goes with it, when absent.
    pub floating_ip: Option<FloatingIpId>,
    /// The host that translates; when absent, the one with an uplink in the zone that has the fewest public gateways.
    pub host: Option<HostId>,
}

/// Creates a public gateway in a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateNatGateway {
    /// In this subnet, whose own route table leads its packets on.
    pub subnet: SubnetId,
    /// The public address that it translates to.
    pub floating_ip: FloatingIpId,
    /// Its private address; any free one when absent.
    pub address: Option<Ipv4Addr>,
}
