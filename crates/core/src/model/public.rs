//! The way in from and out to the public network: pools of addresses, floating IPs, public gateways.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{
    AssociationId, FloatingIpId, HostId, PublicGatewayId, PublicPoolId, ReservedIpId, SubnetId, VniId, VpcId,
};

/// Addresses that the public network routes to the hosts of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPool {
    /// Its id.
    pub id: PublicPoolId,
    /// Its name, unique among pools.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The zone whose hosts answer for its addresses.
    pub zone: String,
    /// Its ranges; every address in them can be given out.
    pub cidrs: Vec<Ipv4Net>,
}

/// A public address, held until it is released; it leads to one private address or to a public gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIp {
    /// Its id.
    pub id: FloatingIpId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique among floating IPs.
    pub name: String,
    /// The address.
    pub address: Ipv4Addr,
    /// The pool that it comes from.
    pub pool: PublicPoolId,
    /// The pool's zone: what it leads to must be there.
    pub zone: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Where it leads.
    pub target: Option<FloatingIpTarget>,
    /// The id of its leading there: another one each time that it is led somewhere. There whenever `target` is.
    #[serde(default)]
    pub association: Option<AssociationId>,
    /// The domain name that its address is to have, in lower case without a dot at the end. It is kept for whoever runs the
    /// zone of the addresses' names; Pintle runs none.
    #[serde(default)]
    pub domain_name: Option<String>,
    /// Whether it is lent to an instance for as long as that runs: then it is nobody's to list, to name or to give back.
    pub lent: bool,
}

/// Where a floating IP leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FloatingIpTarget {
    /// To one IPv4 address of an interface.
    Vni {
        /// The interface.
        vni: VniId,
        /// Its address.
        ip: ReservedIpId,
    },
    /// To a public gateway, which translates to it.
    PublicGateway(PublicGatewayId),
}

/// The way out for the interfaces of a VPC that have no floating IP: of those whose subnet says so, in one zone, or, where
/// the VPC routes by tables, of those whose route table leads to it (EC2's NAT gateway).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicGateway {
    /// Its id.
    pub id: PublicGatewayId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC.
    pub vpc: VpcId,
    /// The zone; a VPC whose ways out are implied has at most one in each.
    pub zone: String,
    /// The public address that it translates to.
    pub floating_ip: FloatingIpId,
    /// Whether that address was allocated with it, and goes with it.
    pub owns_floating_ip: bool,
    /// The host that translates; it has an uplink.
    pub host: HostId,
    /// Where it lies, in a VPC that routes by tables: what it translates goes on by the route table of its own subnet.
    #[serde(default)]
    pub place: Option<GatewayPlace>,
}

/// Where a public gateway lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayPlace {
    /// The subnet.
    pub subnet: SubnetId,
    /// Its own interface there, which holds its private address and is never attached.
    pub vni: VniId,
}
