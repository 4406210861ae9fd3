//! A subnet with its VPC, its network ACL, its way out, and how many of its addresses are free.

use pintle_core::DecideError;
use pintle_core::model::{NetworkAcl, PublicGateway, Subnet, Vpc};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

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
    /// Its way out, if it has one.
    pub public_gateway: Option<PublicGateway>,
    /// How many of its IPv4 addresses nobody has.
    pub free: u64,
}

impl View for SubnetView {
    type Record = Subnet;
    fn join(snapshot: &dyn Snapshot, subnet: Subnet, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get(snapshot, subnet.vpc)?;
        let (acl, _) = query::get(snapshot, subnet.acl)?;
        let public_gateway =
            subnet.public_gateway.map(|id| query::get(snapshot, id)).transpose()?.map(|(found, _)| found);
        let free = query::free_addresses(snapshot, &subnet)?;
        Ok(SubnetView { subnet, revision, vpc, acl, public_gateway, free })
    }
}
