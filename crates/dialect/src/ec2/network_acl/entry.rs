//! CreateNetworkAclEntry, ReplaceNetworkAclEntry and DeleteNetworkAclEntry.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::Command;
use pintle_core::command::{AclEntryChange, AclRulesChange, NewAclRule};
use pintle_core::id::NetworkAclId;
use pintle_core::model::{IpFamily, NetworkAcl};
use pintle_core::policy::{AclAction, Direction};

use super::protocol;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const CREATE: Operation = Operation::change("CreateNetworkAclEntry", "whole", |params, _| {
    let (acl, rule) = (params.required_id("NetworkAclId")?, rule(params)?);
    Ok(work(acl, AclEntryChange::Add(rule)))
});

pub(in crate::ec2) const REPLACE: Operation = Operation::change("ReplaceNetworkAclEntry", "whole", |params, _| {
    let (acl, rule) = (params.required_id("NetworkAclId")?, rule(params)?);
    Ok(work(acl, AclEntryChange::Replace(rule)))
});

pub(in crate::ec2) const DELETE: Operation = Operation::change("DeleteNetworkAclEntry", "whole", |params, _| {
    let acl = params.required_id("NetworkAclId")?;
    let (direction, number) = place(params)?;
    Ok(work(acl, AclEntryChange::Remove(direction, number)))
});

fn work(acl: NetworkAclId, change: AclEntryChange) -> Work {
    Work::done(Command::ChangeAclRules(acl, AclRulesChange::Entry(change)))
}

/// What an entry is known by.
fn place(params: &mut Params) -> Result<(Direction, u16), Ec2Error> {
    let number = params.number("RuleNumber", 1..=NetworkAcl::LAST_NUMBER)?;
    let egress = params.flag("Egress")?.ok_or_else(|| Ec2Error::missing("Egress"))?;
    let direction = if egress { Direction::Egress } else { Direction::Ingress };
    Ok((direction, number.ok_or_else(|| Ec2Error::missing("RuleNumber"))?))
}

/// The network of an entry is the far one: where what comes in comes from, and where what goes out goes to.
fn rule(params: &mut Params) -> Result<NewAclRule, Ec2Error> {
    let (direction, number) = place(params)?;
    let action = match params.required_text("RuleAction")?.as_str() {
        "allow" => AclAction::Allow,
        "deny" => AclAction::Deny,
        other => return Err(Ec2Error::value("RuleAction", other, "It must be allow or deny.")),
    };
    let net = network(params)?;
    let family = IpFamily::from(net);
    let protocol = protocol::read(params, family)?;
    let any = NewAclRule::allow_all(direction, family);
    let (source, destination) = match direction {
        Direction::Ingress => (net, any.destination),
        Direction::Egress => (any.source, net),
    };
    Ok(NewAclRule { number: Some(number), action, protocol, source, destination, ..any })
}

/// The network, without the bits behind its prefix.
fn network(params: &mut Params) -> Result<IpNet, Ec2Error> {
    let v4: Option<Ipv4Net> = params.parsed("CidrBlock", "an IPv4 network such as 10.0.0.0/16")?;
    let v6: Option<Ipv6Net> = params.parsed("Ipv6CidrBlock", "an IPv6 network such as 2001:db8::/56")?;
    match (v4, v6) {
        (Some(net), None) => Ok(IpNet::V4(net.trunc())),
        (None, Some(net)) => Ok(IpNet::V6(net.trunc())),
        (Some(_), Some(_)) => {
            Err(Ec2Error::combination("The parameter CidrBlock cannot be used with the parameter Ipv6CidrBlock"))
        }
        (None, None) => {
            Err(Ec2Error::new("MissingParameter", "The request must contain the parameter CidrBlock or Ipv6CidrBlock"))
        }
    }
}
