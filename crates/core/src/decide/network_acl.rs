//! Rules of network ACLs: an order that is never in doubt, one ACL for each subnet.

use super::{acl_entries, change_name, rules, take_name};
use crate::command::{AclPlace, AclRulePut, AclRulesChange, CreateNetworkAcl, NewAclRule};
use crate::draft::Draft;
use crate::id::{AclRuleId, NetworkAclId, SubnetId, VpcId};
use crate::limits::{ACL_RULES_PER_WAY, RULES_PER_ACL};
use crate::model::{IpFamily, NetworkAcl, NetworkAclRule, Owner, Vpc};
use crate::name;
use crate::policy::{AclRule, Direction};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateNetworkAcl) -> Result<NetworkAcl, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    make(draft, &vpc.owner, vpc.id, create.name, create.rules, false)
}

/// The ACL that a VPC begins with: everything passes.
pub(super) fn create_default(draft: &mut Draft<'_>, owner: &Owner, vpc: VpcId) -> Result<NetworkAclId, DecideError> {
    let families = [IpFamily::V4, IpFamily::V6].into_iter();
    let pairs = families.flat_map(|family| [(Direction::Ingress, family), (Direction::Egress, family)]);
    let rules = pairs.map(|(direction, family)| NewAclRule::first(direction, family)).collect();
    Ok(make(draft, owner, vpc, Some("default".to_owned()), rules, true)?.id)
}

fn make(
    draft: &mut Draft<'_>,
    owner: &Owner,
    vpc: VpcId,
    name: Option<String>,
    rules: Vec<NewAclRule>,
    default: bool,
) -> Result<NetworkAcl, DecideError> {
    let id = NetworkAclId::new(draft.ids);
    let name = take_name::<NetworkAcl>(draft, name, &vpc.to_string(), SCOPE_WORDS, id)?;
    let owner = owner.clone();
    let mut acl = NetworkAcl { id, owner, name, created_at: draft.now, vpc, rules: Vec::new(), default };
    let empty = acl.clone();
    apply(draft, &mut acl, AclRulesChange::Set(rules))?;
    check_quota(draft, &empty, &acl)?;
    draft.insert(&acl);
    draft.put_raw(format!("{}{id}", record::acls_of_vpc(vpc)), id.to_string().into_bytes());
    Ok(acl)
}

pub(super) fn rename(draft: &mut Draft<'_>, id: NetworkAclId, name: &str) -> Result<NetworkAcl, DecideError> {
    let mut acl: NetworkAcl = draft.get(id)?;
    change_name::<NetworkAcl>(draft, &acl.name, name, &acl.vpc.to_string(), SCOPE_WORDS, id)?;
    name.clone_into(&mut acl.name);
    draft.put(&acl);
    Ok(acl)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: NetworkAclId) -> Result<NetworkAcl, DecideError> {
    let acl: NetworkAcl = draft.get(id)?;
    if acl.default {
        let rule = "it goes with its VPC";
        return Err(Refusal::IsDefault { noun: Noun::NetworkAcl, id: id.to_string(), vpc: acl.vpc, rule }.into());
    }
    if let Some(subnet) = draft.first::<SubnetId>(&record::subnets_of_acl(id))? {
        let (noun, holder, remedy) = (Noun::NetworkAcl, Holder::Subnet(subnet), "give its subnets another first");
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
    }
    erase(draft, &acl);
    Ok(acl)
}

/// Removes an ACL with everything that it occupies.
pub(super) fn erase(draft: &mut Draft<'_>, acl: &NetworkAcl) {
    draft.delete_raw(record::name_key::<NetworkAcl>(&acl.vpc.to_string(), &acl.name));
    draft.delete_raw(format!("{}{}", record::acls_of_vpc(acl.vpc), acl.id));
    draft.remove(acl);
}

pub(super) fn change_rules(
    draft: &mut Draft<'_>,
    id: NetworkAclId,
    asked: AclRulesChange,
) -> Result<NetworkAcl, DecideError> {
    let mut acl: NetworkAcl = draft.get(id)?;
    let before = acl.clone();
    apply(draft, &mut acl, asked)?;
    check_quota(draft, &before, &acl)?;
    if acl != before {
        draft.put(&acl);
    }
    Ok(acl)
}

/// Changes an ACL's rules and checks them as they are then.
fn apply(draft: &mut Draft<'_>, acl: &mut NetworkAcl, asked: AclRulesChange) -> Result<(), DecideError> {
    // Before any is compared with the others, which takes the square of how many there are.
    check_count(acl.id, new_rules(&asked))?;
    let rules = &mut acl.rules;
    match asked {
        AclRulesChange::Edit { remove, replace, add } => {
            for id in remove {
                let at = place(rules, id)?;
                rules.remove(at);
            }
            for (id, put) in replace {
                let at = place(rules, id)?;
                let old = rules.remove(at);
                let rule = dress(draft, rules, put.rule, Some(old))?;
                insert(rules, rule, put.place, at)?;
            }
            for AclRulePut { rule, place } in add {
                let rule = dress(draft, rules, rule, None)?;
                let last = rules.len();
                insert(rules, rule, place, last)?;
            }
        }
        AclRulesChange::Set(new) => {
            let mut old = std::mem::take(rules);
            for new in new {
                let kept = old.iter().position(|rule| same(rule, &new)).map(|at| old.swap_remove(at));
                let rule = dress(draft, rules, new, kept)?;
                rules.push(rule);
            }
        }
        AclRulesChange::Entry(change) => acl_entries::apply(draft, acl, change)?,
    }
    check(acl)
}

/// How many rules a change brings.
fn new_rules(asked: &AclRulesChange) -> usize {
    match asked {
        AclRulesChange::Edit { add, .. } => add.len(),
        AclRulesChange::Set(rules) => rules.len(),
        AclRulesChange::Entry(_) => 1,
    }
}

/// That an ACL has no more rules than it may.
fn check_count(id: NetworkAclId, count: usize) -> Result<(), Refusal> {
    if count > RULES_PER_ACL {
        let what = format!("network ACL {id} would have {count} rules");
        return Err(Refusal::Limit { of: Limited::RulesOfAcl, what, limit: RULES_PER_ACL as u64 });
    }
    Ok(())
}

/// That an ACL of a tenant's is not made larger than it may be; one that the operator has made so may shrink.
fn check_quota(draft: &Draft<'_>, before: &NetworkAcl, acl: &NetworkAcl) -> Result<(), Refusal> {
    for direction in [Direction::Ingress, Direction::Egress] {
        let count = |acl: &NetworkAcl| acl.rules.iter().filter(|rule| rule.rule.direction == direction).count();
        let after = count(acl);
        if draft.by.is_tenant() && after > ACL_RULES_PER_WAY && after > count(before) {
            let what = format!("network ACL {} would have {after} {} rules", acl.id, direction.label());
            return Err(Refusal::Limit { of: Limited::RulesOfAcl, what, limit: ACL_RULES_PER_WAY as u64 });
        }
    }
    Ok(())
}

/// A rule's place by its id.
fn place(rules: &[NetworkAclRule], id: AclRuleId) -> Result<usize, Refusal> {
    let found = rules.iter().position(|rule| rule.rule.id == id);
    found.ok_or_else(|| Refusal::NotFound { noun: Noun::NetworkAclRule, id: id.to_string() })
}

/// A rule with id, name and birthday: those of the one that it takes the place of, or new ones.
pub(super) fn dress(
    draft: &mut Draft<'_>,
    others: &[NetworkAclRule],
    new: NewAclRule,
    old: Option<NetworkAclRule>,
) -> Result<NetworkAclRule, DecideError> {
    rules::check_acl_rule(&new)?;
    let name = match (new.name, &old) {
        (Some(name), _) => {
            name::validate(&name)?;
            name
        }
        (None, Some(old)) => old.name.clone(),
        (None, None) => loop {
            let name = name::default_name(draft.ids);
            if others.iter().all(|other| other.name != name) {
                break name;
            }
        },
    };
    let rule = AclRule {
        id: old.as_ref().map_or_else(|| AclRuleId::new(draft.ids), |old| old.rule.id),
        action: new.action,
        direction: new.direction,
        protocol: new.protocol,
        source_ports: new.source_ports,
        source: new.source,
        destination: new.destination,
    };
    Ok(NetworkAclRule { name, number: new.number, created_at: old.map_or(draft.now, |old| old.created_at), rule })
}

/// Whether a rule is what is asked for; a name that is not asked for does not matter.
fn same(rule: &NetworkAclRule, new: &NewAclRule) -> bool {
    let AclRule { id: _, action, direction, protocol, source_ports, source, destination } = rule.rule;
    let said = NewAclRule {
        name: new.name.as_ref().map(|_| rule.name.clone()),
        number: rule.number,
        action,
        direction,
        protocol,
        source_ports,
        source,
        destination,
    };
    said == *new
}

pub(super) fn insert(
    rules: &mut Vec<NetworkAclRule>,
    rule: NetworkAclRule,
    wanted: AclPlace,
    natural: usize,
) -> Result<(), DecideError> {
    let at = match (rule.number, wanted) {
        (Some(number), AclPlace::Natural) => {
            let direction = rule.rule.direction;
            let later = |other: &NetworkAclRule| {
                other.rule.direction == direction && other.number.is_some_and(|other| other > number)
            };
            rules.iter().position(later).unwrap_or(rules.len())
        }
        (Some(number), AclPlace::Before(_) | AclPlace::Last) => {
            return Err(Refusal::invalid("number", number, "a rule with a number has its place by that number").into());
        }
        (None, AclPlace::Natural) => natural,
        (None, AclPlace::Before(id)) => place(rules, id)?,
        (None, AclPlace::Last) => rules.len(),
    };
    rules.insert(at, rule);
    Ok(())
}

/// Checks all rules of an ACL together.
fn check(acl: &NetworkAcl) -> Result<(), DecideError> {
    check_count(acl.id, acl.rules.len())?;
    for (position, rule) in acl.rules.iter().enumerate() {
        let before = &acl.rules[..position];
        if let Some(other) = before.iter().find(|other| other.name == rule.name) {
            return Err(Refusal::NameTaken {
                noun: Noun::NetworkAclRule,
                name: rule.name.clone(),
                holder: other.rule.id.to_string(),
                scope: "their network ACL".to_owned(),
            }
            .into());
        }
        let Some(number) = rule.number else { continue };
        let same_way = before.iter().filter(|other| other.rule.direction == rule.rule.direction);
        if let Some(other) = same_way.rev().find_map(|other| other.number.filter(|other| *other >= number)) {
            let rule = if other == number {
                format!("another {} rule has this number", rule.rule.direction.label())
            } else {
                format!("it comes after number {other}; rules with numbers are in the order of their numbers")
            };
            return Err(Refusal::invalid("number", number, rule).into());
        }
    }
    Ok(())
}
