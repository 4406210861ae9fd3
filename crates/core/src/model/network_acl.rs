//! The network ACL: an ordered list that permits or denies what crosses a subnet's border, packet by packet.

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{AclRuleId, NetworkAclId, VpcId};
use crate::policy::AclRule;

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// Its id.
    pub id: NetworkAclId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// Its rules; of those of a direction, the first that matches decides, and if none does the packet is dropped.
    pub rules: Vec<NetworkAclRule>,
    /// Whether new subnets get it; it lives and dies with its VPC.
    pub default: bool,
}

/// A rule with what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAclRule {
    /// Its name, unique within the ACL (IBM).
    pub name: String,
    /// Its number, unique within the ACL and direction (EC2); those with numbers are in the order of their numbers.
    pub number: Option<u16>,
    /// When it was created.
    pub created_at: Timestamp,
    /// What it says.
    pub rule: AclRule,
}

impl NetworkAcl {
    /// The rule with this id.
    pub fn rule(&self, id: AclRuleId) -> Option<&NetworkAclRule> {
        self.rules.iter().find(|rule| rule.rule.id == id)
    }
}
