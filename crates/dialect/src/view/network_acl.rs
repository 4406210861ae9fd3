//! A network ACL with its VPC and the subnets that have it.

use pintle_core::DecideError;
use pintle_core::id::SubnetId;
use pintle_core::model::{NetworkAcl, Subnet, Vpc};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, record};

use super::View;

/// A network ACL and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAclView {
    /// The ACL.
    pub acl: NetworkAcl,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// The subnets that have it.
    pub subnets: Vec<Subnet>,
}

impl View for NetworkAclView {
    type Record = NetworkAcl;
    fn join(snapshot: &dyn Snapshot, acl: NetworkAcl, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::follow(snapshot, acl.vpc)?;
        let subnets = query::index::<SubnetId>(snapshot, &record::subnets_of_acl(acl.id))?
            .into_iter()
            .map(|subnet| query::follow(snapshot, subnet).map(|(subnet, _)| subnet))
            .collect::<Result<_, DecideError>>()?;
        Ok(NetworkAclView { acl, revision, vpc, subnets })
    }
}
