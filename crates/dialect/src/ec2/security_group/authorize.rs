//! AuthorizeSecurityGroupIngress and AuthorizeSecurityGroupEgress.

use pintle_core::command::RulesChange;
use pintle_core::limits::check_rules_of_group;
use pintle_core::model::{ResourceType, SecurityGroup};
use pintle_core::policy::Direction;
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, query};

use super::permission::{Permission, Said, read};
use super::show::write_rule_item;
use super::target::Called;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const INGRESS: Operation =
    Operation::change("AuthorizeSecurityGroupIngress", "whole; of other accounts' groups none", |params, caller| {
        decode(params, caller, Direction::Ingress)
    });

pub(in crate::ec2) const EGRESS: Operation =
    Operation::change("AuthorizeSecurityGroupEgress", "whole; of other accounts' groups none", |params, caller| {
        decode(params, caller, Direction::Egress)
    });

fn decode(params: &mut Params, caller: &Caller, direction: Direction) -> Result<Work, Ec2Error> {
    let (called, caller) = (Called::read(params)?, caller.clone());
    let said = read(params, &caller)?;
    params.tagged("security-group-rule", Noun::SecurityGroupRule)?;
    if said.is_empty() {
        return Err(Ec2Error::missing("IpPermissions"));
    }
    let count = said.len();
    Ok(Work::planned(
        &[ResourceType::SecurityGroup],
        move |snapshot| {
            let group = called.find(snapshot, &caller)?;
            let permissions = new_permissions(snapshot, &caller, &group, said.clone(), direction)?;
            let rules = permissions.into_iter().map(|permission| permission.rule(direction)).collect();
            Ok(Command::ChangeRules(group.id, RulesChange::add(rules)))
        },
        move |snapshot, reply, xml| {
            let Reply::SecurityGroup(group) = reply else { return Err(other_reply(&reply)) };
            let made = &group.rules[group.rules.len().saturating_sub(count)..];
            let tags = made.iter().map(|rule| query::tags_of_part(snapshot, &group.owner, rule.id));
            let tags = tags.collect::<Result<Vec<_>, _>>()?;
            xml.done();
            xml.set("securityGroupRuleSet", made.iter().zip(tags), |xml, (rule, tags)| {
                write_rule_item(xml, &group, rule, &tags);
            });
            Ok(())
        },
    ))
}

/// What is said, with ids for names; nothing of it may be there already, or be said twice.
///
/// The core knows rules, of which one can be two permissions for EC2: what is said once here may be half of one that is there.
fn new_permissions(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    group: &SecurityGroup,
    said: Vec<Said>,
    direction: Direction,
) -> Result<Vec<Permission>, Ec2Error> {
    // Before any is looked up and compared with the others, which takes the square of how many there are.
    check_rules_of_group(group.id, said.len())?;
    let mut permissions: Vec<Permission> = Vec::with_capacity(said.len());
    for said in said {
        let permission = said.resolve(snapshot, caller, group)?;
        if permissions.iter().any(|other| other.is(&permission)) {
            return Err(Ec2Error::new("InvalidParameterValue", "The same permission must not appear multiple times"));
        }
        if group.rules.iter().any(|rule| permission.is_in(rule, direction)) {
            let message = format!("the specified rule \"{permission}\" already exists");
            return Err(Ec2Error::new("InvalidPermission.Duplicate", message));
        }
        permissions.push(permission);
    }
    Ok(permissions)
}
