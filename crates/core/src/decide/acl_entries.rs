//! Network ACLs by numbers: EC2's way to change them, where a rule is known by its direction and number alone.

use super::network_acl::{dress, insert};
use crate::command::{AclEntryChange, AclPlace, NewAclRule};
use crate::draft::Draft;
use crate::model::{NetworkAcl, NetworkAclRule, Vpc};
use crate::policy::Direction;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

/// Changes the rule with a number.
pub(super) fn apply(draft: &mut Draft<'_>, acl: &mut NetworkAcl, change: AclEntryChange) -> Result<(), DecideError> {
    let (direction, number) = match &change {
        AclEntryChange::Add(rule) | AclEntryChange::Replace(rule) => (rule.direction, number_of(rule)?),
        AclEntryChange::Remove(direction, number) => (*direction, *number),
    };
    give_numbers(acl);
    forget_ipv6(draft, acl, direction)?;
    let found = acl.rules.iter().position(|rule| rule.rule.direction == direction && rule.number == Some(number));
    let absent = || {
        let id = format!("{} {number}", direction.label());
        DecideError::from(Refusal::NotFound { noun: Noun::NetworkAclRule, id })
    };
    match change {
        AclEntryChange::Add(new) => {
            if let Some(at) = found {
                let (holder, rule) = (Holder::NetworkAcl(acl.id), acl.rules[at].rule.id.to_string());
                return Err(Refusal::DuplicateRule { holder, rule }.into());
            }
            let rule = dress(draft, &acl.rules, new, None)?;
            let last = acl.rules.len();
            insert(&mut acl.rules, rule, AclPlace::Natural, last)?;
        }
        AclEntryChange::Replace(new) => {
            let at = found.ok_or_else(absent)?;
            let old = acl.rules[at].clone();
            acl.rules[at] = dress(draft, &acl.rules, new, Some(old))?;
        }
        AclEntryChange::Remove(..) => drop(acl.rules.remove(found.ok_or_else(absent)?)),
    }
    Ok(())
}

fn number_of(rule: &NewAclRule) -> Result<u16, Refusal> {
    rule.number.ok_or_else(|| Refusal::invalid("number", "", "it is needed, because the rule is known by it"))
}

/// Gives every rule the number that is shown for it.
fn give_numbers(acl: &mut NetworkAcl) {
    for direction in [Direction::Ingress, Direction::Egress] {
        let numbers: Vec<_> = acl.numbers(direction).into_iter().map(|(number, rule)| (rule.rule.id, number)).collect();
        for (id, number) in numbers {
            if let Some(rule) = acl.rules.iter_mut().find(|rule| rule.rule.id == id) {
                rule.number = Some(number);
            }
        }
    }
}

/// The first change of a default ACL takes away what it lets pass of an IP version that its VPC does not have: a VPC that
/// gets IPv6 later has it let pass by an ACL that nobody has touched, and by no other (as in EC2).
fn forget_ipv6(draft: &mut Draft<'_>, acl: &mut NetworkAcl, way: Direction) -> Result<(), DecideError> {
    let touched = |rule: &NetworkAclRule| rule.rule.direction == way && rule.is_first_ipv6();
    if !acl.default || !acl.rules.iter().any(touched) {
        return Ok(());
    }
    let vpc: Vpc = draft.get(acl.vpc)?;
    if vpc.ipv6_cidrs.is_empty() {
        acl.rules.retain(|rule| !touched(rule));
    }
    Ok(())
}
