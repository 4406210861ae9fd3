//! What is asked of route tables.

use ipnet::IpNet;

use crate::id::{InstanceId, InternetGatewayId, PublicGatewayId, VniId};

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
