//! A subnet with its VPC, its network ACL, its route table, its way out, and how many of its addresses are free.

use pintle_core::DecideError;
use pintle_core::model::{NetworkAcl, PublicGateway, RouteTable, Subnet, Vpc};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, routing};

use super::View;

/// A subnet and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetView {
    /// The subnet.
    pub subnet: Subnet,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// Its network ACL.
    pub acl: NetworkAcl,
    /// Its route table.
    pub route_table: RouteTable,
    /// Its way out, if it has one.
    pub public_gateway: Option<PublicGateway>,
    /// How many of its IPv4 addresses nobody has.
    pub free: u64,
}

impl View for SubnetView {
    type Record = Subnet;
    fn join(snapshot: &dyn Snapshot, subnet: Subnet, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::follow(snapshot, subnet.vpc)?;
        let (acl, _) = query::follow(snapshot, subnet.acl)?;
        let (route_table, _) = query::follow(snapshot, routing::table_id_of(&vpc, &subnet))?;
        let public_gateway =
            subnet.public_gateway.map(|id| query::follow(snapshot, id)).transpose()?.map(|(found, _)| found);
        let free = query::free_addresses(snapshot, &subnet)?;
        Ok(SubnetView { subnet, revision, vpc, acl, route_table, public_gateway, free })
    }
}
