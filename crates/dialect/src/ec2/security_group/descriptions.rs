//! UpdateSecurityGroupRuleDescriptionsIngress and UpdateSecurityGroupRuleDescriptionsEgress.

use pintle_core::Command;
use pintle_core::command::{NewRule, RulesChange};
use pintle_core::id::RuleId;
use pintle_core::model::{ResourceType, SecurityGroup};
use pintle_core::policy::{Direction, Rule};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;

use super::permission::{Said, read};
use super::target::Called;
use super::text::rule_description;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;

pub(in crate::ec2) const INGRESS: Operation =
    Operation::change("UpdateSecurityGroupRuleDescriptionsIngress", "whole", |params, caller| {
        decode(params, caller, Direction::Ingress)
    });

pub(in crate::ec2) const EGRESS: Operation =
    Operation::change("UpdateSecurityGroupRuleDescriptionsEgress", "whole", |params, caller| {
        decode(params, caller, Direction::Egress)
    });

fn decode(params: &mut Params, caller: &Caller, direction: Direction) -> Result<Work, Ec2Error> {
    let (called, caller) = (Called::read(params)?, caller.clone());
    let by_id = params.list("SecurityGroupRuleDescription", |item| {
        let id: RuleId = item.required_id("SecurityGroupRuleId")?;
        Ok((id, item.text("Description").map(rule_description).transpose()?.unwrap_or_default()))
    })?;
    let said = read(params, &caller)?;
    match (by_id.is_empty(), said.is_empty()) {
        (true, true) => return Err(Ec2Error::missing("IpPermissions")),
        (false, false) => {
            return Err(Ec2Error::combination(
                "The parameter SecurityGroupRuleDescription cannot be used with the parameter IpPermissions",
            ));
        }
        _ => {}
    }
    Ok(Work::planned(
        &[ResourceType::SecurityGroup],
        move |snapshot| {
            let group = called.find(snapshot, &caller)?;
            let replace = if said.is_empty() {
                described(&group, by_id.clone(), direction)?
            } else {
                permitted(snapshot, &caller, &group, said.clone(), direction)?
            };
            Ok(Command::ChangeRules(group.id, RulesChange::Edit { remove: Vec::new(), replace, add: Vec::new() }))
        },
        |_, _, xml| {
            xml.done();
            Ok(())
        },
    ))
}

fn described(
    group: &SecurityGroup,
    by_id: Vec<(RuleId, String)>,
    direction: Direction,
) -> Result<Vec<(RuleId, NewRule)>, Ec2Error> {
    let of = |(id, text): (RuleId, String)| {
        let rule = group.rule(id).filter(|rule| rule.direction == direction);
        let rule = rule.ok_or_else(|| not_found(Noun::SecurityGroupRule, &id.to_string()))?;
        Ok((id, saying(rule, text)))
    };
    by_id.into_iter().map(of).collect()
}

fn permitted(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    group: &SecurityGroup,
    said: Vec<Said>,
    direction: Direction,
) -> Result<Vec<(RuleId, NewRule)>, Ec2Error> {
    let of = |said: Said| {
        let permission = said.resolve(snapshot, caller, group)?;
        let rule = group.rules.iter().find(|rule| permission.is_in(rule, direction)).ok_or_else(|| {
            let message = "The specified rule does not exist in this security group.";
            Ec2Error::new("InvalidPermission.NotFound", message)
        })?;
        Ok((rule.id, saying(rule, permission.description.unwrap_or_default())))
    };
    said.into_iter().map(of).collect()
}

/// The same rule, for what the text says.
fn saying(rule: &Rule, text: String) -> NewRule {
    let Rule { id: _, direction, protocol, remote, local } = *rule;
    NewRule { direction, protocol, remote, local, description: Some(text) }
}
