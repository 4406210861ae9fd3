//! What is asked of route tables.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use crate::id::{InstanceId, InternetGatewayId, PublicGatewayId, VniId, VpcId};
use crate::model::RouteAction;

/// Creates a route table with a name and with routes for zones (IBM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRoutingTable {
    /// The VPC.
    pub vpc: VpcId,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Its routes.
    pub routes: Vec<NewZoneRoute>,
}

/// A route for the subnets of a zone that use its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewZoneRoute {
    /// Its name, unique within the table; made up when absent.
    pub name: Option<String>,
    /// The zone.
    pub zone: String,
    /// The network.
    pub net: Ipv4Net,
    /// 0 to [`crate::limits::LOWEST_PRIORITY`]: of those in a zone for one network, the one with the smallest counts.
    pub priority: u8,
    /// What becomes of packets for it.
    pub action: RouteAction,
}

/// Changes a route for a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateZoneRoute {
    /// A new name.
    pub name: Option<String>,
    /// A new priority.
    pub priority: Option<u8>,
    /// Another address to deliver to; only of routes that deliver.
    pub hop: Option<Ipv4Addr>,
}

/// A route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRoute {
    /// The network; bits of the host part are cut off.
    pub net: IpNet,
    /// Where packets for it go.
    pub to: TargetChoice,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetChoice {
    /// To the VPC's internet gateway.
    InternetGateway(InternetGatewayId),
    /// To a public gateway of the VPC that lies in a subnet.
    PublicGateway(PublicGatewayId),
    /// To an interface of the VPC.
    Vni(VniId),
    /// To the primary interface of an instance of the VPC.
    Instance(InstanceId),
}
