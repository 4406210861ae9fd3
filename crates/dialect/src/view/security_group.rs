//! A security group with its VPC, its members, and what its rules refer to.

use std::collections::BTreeMap;

use pintle_core::DecideError;
use pintle_core::id::{PrefixListId, SecurityGroupId, VniId};
use pintle_core::model::{PrefixList, ReservedIp, SecurityGroup, Subnet, Vni, Vpc};
use pintle_core::policy::Remote;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, record};

use super::{ChildView, View};

/// A security group and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroupView {
    /// The group.
    pub group: SecurityGroup,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// The interfaces that it applies to.
    pub members: Vec<MemberView>,
    /// The groups that its rules refer to.
    pub groups: BTreeMap<SecurityGroupId, SecurityGroup>,
    /// The prefix lists that its rules refer to.
    pub prefix_lists: BTreeMap<PrefixListId, PrefixList>,
}

/// An interface as its groups and floating IPs show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The interface.
    pub vni: Vni,
    /// Its subnet.
    pub subnet: Subnet,
    /// Its primary address.
    pub primary_ip: ReservedIp,
    /// Where it is, if it is a child interface.
    pub child: Option<ChildView>,
}

impl View for MemberView {
    type Record = Vni;
    fn join(snapshot: &dyn Snapshot, vni: Vni, _: Revision) -> Result<Self, DecideError> {
        let (subnet, _) = query::follow(snapshot, vni.subnet)?;
        let (primary_ip, _) = query::follow(snapshot, vni.primary_ip())?;
        let child = ChildView::of(snapshot, &vni)?;
        Ok(MemberView { vni, subnet, primary_ip, child })
    }
}

impl View for SecurityGroupView {
    type Record = SecurityGroup;
    fn join(snapshot: &dyn Snapshot, group: SecurityGroup, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::follow(snapshot, group.vpc)?;
        let members = members(snapshot, group.id)?
            .into_iter()
            .map(|vni| MemberView::read(snapshot, vni))
            .collect::<Result<_, DecideError>>()?;
        let (mut groups, mut prefix_lists) = (BTreeMap::new(), BTreeMap::new());
        for rule in &group.rules {
            match rule.remote {
                Remote::Group(id) if id == group.id => drop(groups.insert(id, group.clone())),
                Remote::Group(id) => drop(groups.insert(id, query::follow(snapshot, id)?.0)),
                Remote::PrefixList(id) => drop(prefix_lists.insert(id, query::follow(snapshot, id)?.0)),
                Remote::Any | Remote::Net(_) => {}
            }
        }
        Ok(SecurityGroupView { group, revision, vpc, members, groups, prefix_lists })
    }
}

/// The interfaces that a group applies to.
///
/// # Errors
/// When the store can't be read.
pub fn members(snapshot: &dyn Snapshot, group: SecurityGroupId) -> Result<Vec<VniId>, DecideError> {
    query::index(snapshot, &record::vnis_of_group(group))
}
