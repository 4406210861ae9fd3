//! Ways out of a VPC that a user decides on: internet gateways, and route tables that subnets are associated with.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{InternetGatewayId, PublicGatewayId, RouteAssociationId, RouteTableId, VniId, VpcId};

/// A VPC's connection to the public network; without one its floating IPs can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// Its id.
    pub id: InternetGatewayId,
    /// Whose it is.
    pub owner: Owner,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC that it is attached to; a VPC has one at most.
    pub vpc: Option<VpcId>,
}

/// Where the packets of some subnets go. The route to the VPC's own ranges is in every table and not written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Its id.
    pub id: RouteTableId,
    /// Whose it is.
    pub owner: Owner,
    /// The VPC.
    pub vpc: VpcId,
    /// Its number on hosts: 1 to [`crate::limits::ROUTE_TABLES_PER_VPC`], unique in the VPC.
    pub number: u8,
    /// Its routes, sorted by network; each network once.
    pub routes: Vec<Route>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// One route of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The network.
    pub net: IpNet,
    /// Where packets for it go. What stands here may be gone by now: then they go nowhere.
    pub to: RouteTarget,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTarget {
    /// To the public network, by the sender's floating IP.
    InternetGateway(InternetGatewayId),
    /// To the public network, translated by a public gateway that lies in a subnet (EC2's NAT gateway).
    PublicGateway(PublicGatewayId),
    /// To an interface, which forwards what is not its own.
    Vni(VniId),
}

impl std::fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RouteTarget::InternetGateway(id) => id.fmt(f),
            RouteTarget::PublicGateway(id) => id.fmt(f),
            RouteTarget::Vni(id) => id.fmt(f),
        }
    }
}

/// That a subnet, or all subnets of a VPC that have no association of their own, use a route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAssociation {
    /// Its id.
    pub id: RouteAssociationId,
    /// The table.
    pub table: RouteTableId,
}
