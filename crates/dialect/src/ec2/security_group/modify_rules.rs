//! ModifySecurityGroupRules: rules become others and keep their ids.

use pintle_core::Command;
use pintle_core::command::{NewRule, RulesChange};
use pintle_core::id::{RuleId, SecurityGroupId};
use pintle_core::model::{ResourceType, SecurityGroup};
use pintle_core::policy::ProtocolMatch;
use pintle_core::query;
use pintle_core::refusal::Noun;

use super::permission::{Peer, Permission, v4, v6};
use super::protocol;
use super::text::rule_description;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("ModifySecurityGroupRules", "whole; a rule is said whole, direction apart", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let id: SecurityGroupId = params.required_id("GroupId")?;
    let updates = params.list("SecurityGroupRule", |item| {
        let id: RuleId = item.required_id("SecurityGroupRuleId")?;
        let rule = item.structure("SecurityGroupRule", rule)?;
        Ok((id, rule.ok_or_else(|| Ec2Error::missing("SecurityGroupRule.N.SecurityGroupRule"))?))
    })?;
    if updates.is_empty() {
        return Err(Ec2Error::missing("SecurityGroupRule"));
    }
    Ok(Work::planned(
        &[ResourceType::SecurityGroup],
        move |snapshot| {
            let (group, _) = query::get_for::<SecurityGroup>(snapshot, &caller.actor(), id)?;
            let replace = updates.iter().map(|(id, said)| Ok((*id, instead_of(&group, *id, said.clone())?)));
            let replace = replace.collect::<Result<_, Ec2Error>>()?;
            Ok(Command::ChangeRules(id, RulesChange::Edit { remove: Vec::new(), replace, add: Vec::new() }))
        },
        |_, _, xml| {
            xml.done();
            Ok(())
        },
    ))
}

/// The rule that comes in the place of one that is there. A description that is not said goes.
fn instead_of(group: &SecurityGroup, id: RuleId, said: Permission) -> Result<NewRule, Ec2Error> {
    let rule = group.rule(id).ok_or_else(|| not_found(Noun::SecurityGroupRule, &id.to_string()))?;
    let description = Some(said.description.clone().unwrap_or_default());
    Ok(NewRule { description, ..said.rule(rule.direction) })
}

fn rule(item: &mut Params) -> Result<Permission, Ec2Error> {
    let protocol = item.required_text("IpProtocol")?;
    let (from, to) = (item.number("FromPort", -1..=65_535)?, item.number("ToPort", -1..=65_535)?);
    let protocol: ProtocolMatch = protocol::decode(&protocol, from, to)?;
    let mut peers = Vec::new();
    if let Some(text) = item.text("CidrIpv4") {
        peers.push(Peer::Net(v4(&text)?));
    }
    if let Some(text) = item.text("CidrIpv6") {
        peers.push(Peer::Net(v6(&text)?));
    }
    peers.extend(item.id("PrefixListId")?.map(Peer::List));
    peers.extend(item.id("ReferencedGroupId")?.map(Peer::Group));
    let description = item.text("Description").map(rule_description).transpose()?;
    match peers[..] {
        [peer] => Ok(Permission { protocol, peer, description }),
        [] => Err(Ec2Error::new(
            "MissingParameter",
            "The request must contain one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId",
        )),
        _ => Err(Ec2Error::combination(
            "Only one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId can be specified",
        )),
    }
}
