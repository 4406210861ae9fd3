//! What the data plane calls sets of groups and network ACLs: numbers that ports and endpoints name.

use std::collections::BTreeMap;

use pintle_core::id::{NetworkAclId, SecurityGroupId};

use crate::desired::GroupSet;

/// The numbers that are in the data plane, with everything written that they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Policies, by the groups whose rules they are.
    pub policies: BTreeMap<GroupSet, u32>,
    /// Identities, by the groups that interfaces are members of.
    pub identities: BTreeMap<GroupSet, u32>,
    /// Network ACLs.
    pub acls: BTreeMap<NetworkAclId, u32>,
}

impl Numbers {
    /// A policy's number; without groups it is 0: nothing passes.
    pub(crate) fn policy(&self, groups: &[SecurityGroupId]) -> Result<u32, String> {
        if groups.is_empty() {
            return Ok(0);
        }
        self.policies.get(groups).copied().ok_or_else(|| {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            format!("the rules of {} are not in the data plane", groups.join(", "))
        })
    }

    /// An identity's number; 0 if it has none.
    pub(crate) fn identity(&self, groups: &[SecurityGroupId]) -> u32 {
        self.identities.get(groups).copied().unwrap_or(0)
    }

    /// An ACL's number.
    pub(crate) fn acl(&self, id: NetworkAclId) -> Result<u32, String> {
        self.acls.get(&id).copied().ok_or_else(|| format!("the rules of {id} are not in the data plane"))
    }
}
