//! CreateSecurityGroup.

use pintle_core::command::{CreateSecurityGroup, NewRule};
use pintle_core::id::VpcId;
use pintle_core::model::{ResourceType, Vpc};
use pintle_core::policy::{Direction, ProtocolMatch};
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::permission::{Peer, Permission};
use super::target::default_vpc;
use super::text::{group_description, group_name};
use crate::ec2::arn::arn;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateSecurityGroup", "whole; without a VPC in the default one", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let name = Some(group_name(&params.required_text("GroupName")?)?);
    let description = group_description(params.required_text("GroupDescription")?)?;
    let vpc: Option<VpcId> = params.id("VpcId")?;
    params.tagged("security-group", Noun::SecurityGroup)?;
    Ok(Work::planned(
        &[ResourceType::Vpc],
        move |snapshot| {
            let vpc = vpc.map_or_else(|| default_vpc(snapshot, &caller), Ok)?;
            let (vpc, _) = query::get_for::<Vpc>(snapshot, &caller.actor(), vpc)?;
            let rules = Some(first_rules(&vpc));
            Ok(Command::CreateSecurityGroup(CreateSecurityGroup {
                vpc: vpc.id,
                name: name.clone(),
                description: description.clone(),
                rules,
            }))
        },
        |snapshot, reply, xml| {
            let Reply::SecurityGroup(group) = reply else { return Err(other_reply(&reply)) };
            xml.text("groupId", group.id);
            xml.tags(&query::tags(snapshot, &group)?);
            xml.text("securityGroupArn", arn(&group.owner, "security-group", group.id));
            Ok(())
        },
    ))
}

/// What EC2's groups begin with: everything out, with a rule for each IP version that the VPC has.
fn first_rules(vpc: &Vpc) -> Vec<NewRule> {
    let out = |peer| Permission { protocol: ProtocolMatch::Any, peer, description: None }.rule(Direction::Egress);
    let v6 = (!vpc.ipv6_cidrs.is_empty()).then_some(Peer::ALL_V6);
    [Peer::ALL_V4].into_iter().chain(v6).map(out).collect()
}
