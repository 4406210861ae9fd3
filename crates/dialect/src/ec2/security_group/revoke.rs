//! RevokeSecurityGroupIngress and RevokeSecurityGroupEgress: by ids of rules, or by what they permit.

use pintle_core::Command;
use pintle_core::command::{NewRule, RulesChange};
use pintle_core::id::RuleId;
use pintle_core::model::{ResourceType, SecurityGroup};
use pintle_core::policy::{Direction, Remote, Rule};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;

use super::permission::{Peer, Permission, Said, read};
use super::show::{write_permissions, write_revoked};
use super::target::{Called, is_default_vpc};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::found::Found;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;

pub(in crate::ec2) const INGRESS: Operation =
    Operation::change("RevokeSecurityGroupIngress", "whole", |params, caller| {
        decode(params, caller, Direction::Ingress)
    });

pub(in crate::ec2) const EGRESS: Operation =
    Operation::change("RevokeSecurityGroupEgress", "whole", |params, caller| decode(params, caller, Direction::Egress));

/// What is revoked, as it was before, and what was not there.
struct Revoked {
    /// The group as it was.
    group: SecurityGroup,
    /// Rules that go, or of which a half goes: that half.
    rules: Vec<Rule>,
    unknown: Vec<Permission>,
}

fn decode(params: &mut Params, caller: &Caller, direction: Direction) -> Result<Work, Ec2Error> {
    let (called, caller) = (Called::read(params)?, caller.clone());
    let ids: Vec<RuleId> = params.ids("SecurityGroupRuleId")?;
    let said = read(params, &caller)?;
    match (ids.is_empty(), said.is_empty()) {
        (true, true) => return Err(Ec2Error::missing("IpPermissions")),
        (false, false) => {
            return Err(Ec2Error::combination(
                "The parameter SecurityGroupRuleId cannot be used with the parameter IpPermissions",
            ));
        }
        _ => {}
    }
    // What goes is shown as it was: the reply to the command is the group without it.
    let revoked = Found::new();
    let seen = revoked.clone();
    Ok(Work::planned(
        &[ResourceType::SecurityGroup],
        move |snapshot| {
            let group = called.find(snapshot, &caller)?;
            let (change, found) = if ids.is_empty() {
                by_permissions(snapshot, &caller, group, said.clone(), direction)?
            } else {
                by_ids(group, ids.clone(), direction)?
            };
            let command = Command::ChangeRules(found.group.id, change);
            seen.keep(found);
            Ok(command)
        },
        move |_, _, xml| {
            let Some(Revoked { group, rules, unknown }) = revoked.take() else { return Ok(()) };
            xml.done();
            write_permissions(xml, "unknownIpPermissionSet", &unknown, &group);
            xml.set("revokedSecurityGroupRuleSet", rules, |xml, rule| write_revoked(xml, &group, &rule));
            Ok(())
        },
    ))
}

fn by_ids(
    group: SecurityGroup,
    mut ids: Vec<RuleId>,
    direction: Direction,
) -> Result<(RulesChange, Revoked), Ec2Error> {
    ids.sort_unstable();
    ids.dedup();
    let of = |id: &RuleId| {
        let rule = group.rule(*id).filter(|rule| rule.direction == direction).cloned();
        rule.ok_or_else(|| not_found(Noun::SecurityGroupRule, &id.to_string()))
    };
    let rules = ids.iter().map(of).collect::<Result<_, Ec2Error>>()?;
    Ok((RulesChange::remove(ids), Revoked { group, rules, unknown: Vec::new() }))
}

/// Rules that are two permissions for EC2 (any address of both IP versions) can lose one of them: the other stays.
fn by_permissions(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    group: SecurityGroup,
    said: Vec<Said>,
    direction: Direction,
) -> Result<(RulesChange, Revoked), Ec2Error> {
    let (mut gone, mut unknown) = (Vec::<(RuleId, Peer)>::new(), Vec::new());
    for said in said {
        let permission = said.resolve(snapshot, caller, &group)?;
        match group.rules.iter().find(|rule| permission.is_in(rule, direction)) {
            Some(rule) if gone.contains(&(rule.id, permission.peer)) => {}
            Some(rule) => gone.push((rule.id, permission.peer)),
            None => unknown.push(permission),
        }
    }
    if !unknown.is_empty() && !is_default_vpc(snapshot, caller, group.vpc)? {
        let message = "The specified rule does not exist in this security group.";
        return Err(Ec2Error::new("InvalidPermission.NotFound", message));
    }
    let (mut remove, mut replace, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for rule in &group.rules {
        let lost: Vec<Peer> = gone.iter().filter(|(id, _)| *id == rule.id).map(|(_, peer)| *peer).collect();
        let kept: Vec<Peer> = Peer::of(rule.remote).into_iter().filter(|peer| !lost.contains(peer)).collect();
        match (&lost[..], &kept[..]) {
            ([], _) => {}
            (_, []) => {
                remove.push(rule.id);
                rules.push(rule.clone());
            }
            ([half, ..], [rest, ..]) => {
                replace.push((rule.id, with_remote(rule, rest.remote())));
                rules.push(Rule { remote: half.remote(), ..rule.clone() });
            }
        }
    }
    Ok((RulesChange::Edit { remove, replace, add: Vec::new() }, Revoked { group, rules, unknown }))
}

fn with_remote(rule: &Rule, remote: Remote) -> NewRule {
    let Rule { id: _, direction, protocol, remote: _, local } = *rule;
    NewRule { direction, protocol, remote, local, description: None }
}
