//! A subnet with its VPC and how many of its addresses are free.

use pintle_core::DecideError;
use pintle_core::model::{Subnet, Vpc};
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
    /// How many of its addresses nobody has.
    pub free: u64,
}

impl View for SubnetView {
    type Record = Subnet;
    fn join(snapshot: &dyn Snapshot, subnet: Subnet, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get(snapshot, subnet.vpc)?;
        let free = query::free_addresses(snapshot, &subnet)?;
        Ok(SubnetView { subnet, revision, vpc, free })
    }
}
