//! The security group: rules that permit, and by its members a name for interfaces in other groups' rules.

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::{RuleId, SecurityGroupId, VpcId};
use crate::policy::Rule;

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// Its rules, in the order in which they were added. They only permit, so the order decides nothing but which rule is
    /// named when several match.
    pub rules: Vec<Rule>,
    /// Whether interfaces that name no group get it; it lives and dies with its VPC.
    pub default: bool,
}

impl SecurityGroup {
    /// The rule with this id.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}
