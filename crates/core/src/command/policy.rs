//! What is asked of security groups, network ACLs and prefix lists.

use ipnet::IpNet;

use crate::id::{AclRuleId, RuleId, VpcId};
use crate::model::{IpFamily, PrefixListEntry};
use crate::policy::{AclAction, Direction, PortRange, ProtocolMatch, Remote};

/// A rule of a security group, without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// Which way.
    pub direction: Direction,
    /// Protocol and ports.
    pub protocol: ProtocolMatch,
    /// The other end; a group must be of the same VPC.
    pub remote: Remote,
    /// Only for these addresses of the interface; `None`: for all.
    pub local: Option<IpNet>,
    /// What it is for; `None`: as the rule that it takes the place of says, if there is one. It makes no rule another one.
    pub description: Option<String>,
}

impl NewRule {
    /// Everything to everywhere: what groups get that are created without rules.
    pub const ALL_OUT: NewRule = NewRule {
        direction: Direction::Egress,
        protocol: ProtocolMatch::Any,
        remote: Remote::Any,
        local: None,
        description: None,
    };
}

/// Creates a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSecurityGroup {
    /// In this VPC.
    pub vpc: VpcId,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// What it is for; may be empty.
    pub description: String,
    /// Its rules; when absent, nothing in and everything out, as both clouds' consoles do.
    pub rules: Option<Vec<NewRule>>,
}

/// Changes a security group's name or description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateSecurityGroup {
    /// A new name; the default group keeps its own.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
}

/// What happens to a security group's rules, all of it or nothing. In this order: removed, replaced, added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesChange {
    /// Some of them.
    Edit {
        /// These go; each must exist.
        remove: Vec<RuleId>,
        /// These become something else in the same place, with the same id.
        replace: Vec<(RuleId, NewRule)>,
        /// These come last, in this order: the last of the reply's rules.
        add: Vec<NewRule>,
    },
    /// These and no others, in this order; a rule that is there already keeps its id.
    Set(Vec<NewRule>),
}

impl RulesChange {
    /// Adds rules.
    pub fn add(add: Vec<NewRule>) -> Self {
        RulesChange::Edit { remove: Vec::new(), replace: Vec::new(), add }
    }

    /// Removes rules.
    pub fn remove(remove: Vec<RuleId>) -> Self {
        RulesChange::Edit { remove, replace: Vec::new(), add: Vec::new() }
    }

    /// Makes one rule another, with the same id.
    pub fn replace(id: RuleId, rule: NewRule) -> Self {
        RulesChange::Edit { remove: Vec::new(), replace: vec![(id, rule)], add: Vec::new() }
    }
}

/// A rule of a network ACL, without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAclRule {
    /// Its name, unique within the ACL; made up when absent.
    pub name: Option<String>,
    /// Its number, 1 to 32,766, unique within the ACL and direction; decides its place among those with numbers.
    pub number: Option<u16>,
    /// What it does.
    pub action: AclAction,
    /// Which way, as the subnet sees it.
    pub direction: Direction,
    /// Protocol and destination ports.
    pub protocol: ProtocolMatch,
    /// Source ports of TCP and UDP; [`PortRange::ALL`] otherwise.
    pub source_ports: PortRange,
    /// Where it comes from.
    pub source: IpNet,
    /// Where it goes to; of the same IP version.
    pub destination: IpNet,
}

impl NewAclRule {
    /// What lets everything of an IP version pass in the ACL that a VPC begins with, with the number that it has in EC2.
    pub fn first(direction: Direction, family: IpFamily) -> Self {
        let number = match family {
            IpFamily::V4 => 100,
            IpFamily::V6 => 101,
        };
        NewAclRule { number: Some(number), ..NewAclRule::allow_all(direction, family) }
    }

    /// Allows all protocols between any addresses of an IP version.
    pub fn allow_all(direction: Direction, family: IpFamily) -> Self {
        let any = match family {
            IpFamily::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
            IpFamily::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
        };
        NewAclRule {
            name: None,
            number: None,
            action: AclAction::Allow,
            direction,
            protocol: ProtocolMatch::Any,
            source_ports: PortRange::ALL,
            source: any,
            destination: any,
        }
    }
}

/// Creates a network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateNetworkAcl {
    /// In this VPC.
    pub vpc: VpcId,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Its rules, in order; none: everything is denied.
    pub rules: Vec<NewAclRule>,
}

/// What happens to a network ACL's rules, all of it or nothing. In this order: removed, replaced, added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclRulesChange {
    /// Some of them.
    Edit {
        /// These go; each must exist.
        remove: Vec<AclRuleId>,
        /// These become something else, with the same id.
        replace: Vec<(AclRuleId, AclRulePut)>,
        /// These come new, one after the other.
        add: Vec<AclRulePut>,
    },
    /// These and no others, in this order (numbers must agree with it); a rule that is there already keeps its id.
    Set(Vec<NewAclRule>),
    /// By numbers, as EC2 does: rules that have none get theirs first, those that [`NetworkAcl::numbers`] shows.
    ///
    /// [`NetworkAcl::numbers`]: crate::model::NetworkAcl::numbers
    Entry(AclEntryChange),
}

/// What happens to the rule with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclEntryChange {
    /// This one comes; it has a number that none has in its direction.
    Add(NewAclRule),
    /// This one takes the place of the one with its number, and its id.
    Replace(NewAclRule),
    /// The one with this number goes.
    Remove(Direction, u16),
}

/// A rule with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRulePut {
    /// The rule.
    pub rule: NewAclRule,
    /// Where it goes.
    pub place: AclPlace,
}

/// Where a rule of a network ACL goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclPlace {
    /// By its number if it has one; otherwise where it is, or last if it is new.
    Natural,
    /// Just before this one; not for rules with numbers.
    Before(AclRuleId),
    /// After all others; not for rules with numbers.
    Last,
}

/// Creates a prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePrefixList {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Of which IP version all its networks are.
    pub family: IpFamily,
    /// How many networks it may have, 1 to [`crate::limits::MAX_PREFIX_LIST_ENTRIES`].
    pub max_entries: u32,
    /// Its networks.
    pub entries: Vec<PrefixListEntry>,
}

/// Changes a prefix list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdatePrefixList {
    /// Refused unless it is the present version; needed when entries change.
    pub current_version: Option<u32>,
    /// A new name.
    pub name: Option<String>,
    /// A new `max_entries`; not below the number of entries.
    pub max_entries: Option<u32>,
    /// Entries that come; one that is there already gets the new description.
    pub add: Vec<PrefixListEntry>,
    /// Networks that go; each must be there.
    pub remove: Vec<IpNet>,
}
