//! A reserved IP with the interface that it is bound to.

use pintle_core::DecideError;
use pintle_core::model::{ReservedIp, Vni};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::View;

/// A reserved IP and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedIpView {
    /// The reserved IP.
    pub ip: ReservedIp,
    /// The revision of its last write.
    pub revision: Revision,
    /// The interface that it is bound to.
    pub target: Option<Vni>,
}

impl View for ReservedIpView {
    type Record = ReservedIp;
    fn join(snapshot: &dyn Snapshot, ip: ReservedIp, revision: Revision) -> Result<Self, DecideError> {
        let target = ip.bound_to.map(|vni| query::get(snapshot, vni)).transpose()?.map(|(vni, _)| vni);
        Ok(ReservedIpView { ip, revision, target })
    }
}
