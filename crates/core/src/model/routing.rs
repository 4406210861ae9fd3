//! Ways out of a VPC that a user decides on: internet gateways, and route tables that subnets are associated with.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{InternetGatewayId, PublicGatewayId, RouteAssociationId, RouteTableId, VniId, VpcId, ZoneRouteId};

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
    /// Its name, unique within the VPC, if it was given one.
    pub name: Option<String>,
    /// Its number on hosts: 1 to [`crate::limits::ROUTE_TABLES_PER_VPC`], unique in the VPC.
    pub number: u8,
    /// Its routes, sorted by network; each network once. They hold in every zone.
    pub routes: Vec<Route>,
    /// Its routes for the subnets of a zone, in the order in which they came. Where one of them is for a network that the
    /// table has a route to as well, it stands before that.
    pub zone_routes: Vec<ZoneRoute>,
    /// Its numbers on hosts for subnets of zones that have routes of their own, by zone.
    pub zone_numbers: BTreeMap<String, u8>,
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

/// A route for the subnets of one zone that use its table (IBM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRoute {
    /// Its id.
    pub id: ZoneRouteId,
    /// Its name, unique within the table.
    pub name: String,
    /// The zone.
    pub zone: String,
    /// The network.
    pub net: Ipv4Net,
    /// 0 to [`crate::limits::LOWEST_PRIORITY`]: of those in a zone for one network, the one with the smallest counts.
    pub priority: u8,
    /// What becomes of packets for it.
    pub action: RouteAction,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What a [`ZoneRoute`] does with packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteAction {
    /// They go to the interface that has this address, which forwards what is not its own. If none has it they go nowhere.
    Deliver(Ipv4Addr),
    /// They go nowhere.
    Drop,
    /// They go where they would go without routes: into the VPC, or by its implied ways out.
    Delegate,
    /// As [`RouteAction::Delegate`], but not out of the VPC.
    DelegateVpc,
}

/// That a subnet, or all subnets of a VPC that have no association of their own, use a route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAssociation {
    /// Its id.
    pub id: RouteAssociationId,
    /// The table.
    pub table: RouteTableId,
}
