//! The security group: rules that permit, and by its members a name for interfaces in other groups' rules.

use std::collections::BTreeMap;

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
    /// What its rules are for, where somebody has said so. Hosts have no use for it, so it is not in the rules.
    #[serde(default)]
    pub descriptions: BTreeMap<RuleId, String>,
    /// Whether interfaces that name no group get it; it lives and dies with its VPC.
    pub default: bool,
}

impl SecurityGroup {
    /// The rule with this id.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// What a rule is for; empty if nobody has said so.
    pub fn description_of(&self, id: RuleId) -> &str {
        self.descriptions.get(&id).map_or("", String::as_str)
    }
}
