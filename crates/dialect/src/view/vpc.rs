//! A VPC with its default security group, network ACL and route table.

use pintle_core::DecideError;
use pintle_core::model::{NetworkAcl, RouteTable, SecurityGroup, Vpc};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::View;

/// A VPC and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcView {
    /// The VPC.
    pub vpc: Vpc,
    /// The revision of its last write.
    pub revision: Revision,
    /// The security group of interfaces that name none.
    pub default_group: SecurityGroup,
    /// The network ACL of new subnets.
    pub default_acl: NetworkAcl,
    /// The route table of subnets that name none.
    pub main_table: RouteTable,
}

impl View for VpcView {
    type Record = Vpc;
    fn join(snapshot: &dyn Snapshot, vpc: Vpc, revision: Revision) -> Result<Self, DecideError> {
        let (default_group, _) = query::follow(snapshot, vpc.default_group)?;
        let (default_acl, _) = query::follow(snapshot, vpc.default_acl)?;
        let (main_table, _) = query::follow(snapshot, vpc.main_table.table)?;
        Ok(VpcView { vpc, revision, default_group, default_acl, main_table })
    }
}
