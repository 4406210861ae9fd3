//! The network ACL: an ordered list that permits or denies what crosses a subnet's border, packet by packet.

use serde::{Deserialize, Serialize};

use super::{IpFamily, Owner, Timestamp};
use crate::command::NewAclRule;
use crate::id::{AclRuleId, NetworkAclId, VpcId};
use crate::policy::{AclRule, Direction};

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

impl NetworkAclRule {
    /// Whether it is what lets all of IPv6 pass in the ACL that a VPC begins with.
    pub fn is_first_ipv6(&self) -> bool {
        let AclRule { id: _, action, direction, protocol, source_ports, source, destination } = self.rule;
        let first = NewAclRule::first(direction, IpFamily::V6);
        let said = (self.number, action, protocol, source_ports, source, destination);
        said == (first.number, first.action, first.protocol, first.source_ports, first.source, first.destination)
    }
}

impl NetworkAcl {
    /// The highest number that a rule may have.
    pub const LAST_NUMBER: u16 = 32_766;

    /// The rule with this id.
    pub fn rule(&self, id: AclRuleId) -> Option<&NetworkAclRule> {
        self.rules.iter().find(|rule| rule.rule.id == id)
    }

    /// The rules of a direction in their order, each with its number or, if it has none, with one that says its place: EC2
    /// knows rules by numbers only. Numbers rise, and end at [`NetworkAcl::LAST_NUMBER`] at most.
    pub fn numbers(&self, direction: Direction) -> Vec<(u16, &NetworkAclRule)> {
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.rule.direction == direction).collect();
        let given = |rule: &NetworkAclRule| rule.number;
        let mut numbered: Vec<(u16, &NetworkAclRule)> = Vec::with_capacity(rules.len());
        for (position, rule) in rules.iter().enumerate() {
            let before = numbered.last().map_or(0, |(number, _)| *number);
            let number = given(rule).filter(|number| *number > before).unwrap_or_else(|| {
                // In steps of a hundred, as people number them, as long as those up to the next number have room.
                let unnumbered = rules[position..].iter().take_while(|rule| rule.number.is_none()).count().max(1);
                let next = rules[position..].iter().find_map(|rule| given(rule)).unwrap_or(Self::LAST_NUMBER + 1);
                let round = usize::from(before) / 100 * 100 + 100 * unnumbered;
                if round < usize::from(next) { before / 100 * 100 + 100 } else { before + 1 }
            });
            numbered.push((number, rule));
        }
        // Numbers that leave no room at the end: the order is what matters.
        if numbered.last().is_some_and(|(number, _)| *number > Self::LAST_NUMBER) {
            for (place, (number, _)) in numbered.iter_mut().enumerate() {
                *number = place as u16 + 1;
            }
        }
        numbered
    }
}
