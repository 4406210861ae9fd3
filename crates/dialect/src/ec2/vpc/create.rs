//! CreateVpc and CreateDefaultVpc.

use pintle_core::command::{CreateVpc, NewDhcp};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, query};

use super::show::write_item;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::ranges::{self, VPC};
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "CreateVpc",
    "an IPv4 range, and an IPv6 range that the server chooses; tenancy is `default` only; no IPAM, no pools of one's own",
    decode,
);

pub(in crate::ec2) const DEFAULT: Operation =
    Operation::change("CreateDefaultVpc", "whole: 172.31.0.0/16 with a default subnet in each zone", |_, caller| {
        let caller = caller.clone();
        Ok(Work::change(Command::CreateDefaultVpc, move |snapshot, reply, xml| tell(snapshot, reply, xml, &caller)))
    });

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let cidr = ranges::ipv4(params, "CidrBlock", VPC)?.ok_or_else(|| Ec2Error::missing("CidrBlock"))?;
    let provided_ipv6 = params.flag("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    ranges::border_group(params, &caller, provided_ipv6)?;
    tenancy(params)?;
    params.tagged("vpc", Noun::Vpc)?;
    let dhcp = NewDhcp::DefaultSet;
    let command = Command::CreateVpc(CreateVpc {
        cidrs: vec![cidr],
        provided_ipv6,
        dhcp,
        route_tables: true,
        ..CreateVpc::default()
    });
    Ok(Work::change(command, move |snapshot, reply, xml| tell(snapshot, reply, xml, &caller)))
}

fn tell(snapshot: &dyn Snapshot, reply: Reply, xml: &mut Xml, caller: &Caller) -> Result<(), Ec2Error> {
    let Reply::Vpc(vpc) = reply else { return Err(other_reply(&reply)) };
    let tags = query::tags(snapshot, &vpc)?;
    xml.nest("vpc", |xml| write_item(xml, &vpc, caller, &tags));
    Ok(())
}

fn tenancy(params: &mut Params) -> Result<(), Ec2Error> {
    match params.text("InstanceTenancy").as_deref() {
        None | Some("default") => Ok(()),
        Some(other @ "dedicated") => {
            let rule = "The hosts of this server are shared by all accounts.";
            Err(Ec2Error::new("UnsupportedOperation", Ec2Error::value("InstanceTenancy", other, rule).message))
        }
        Some(other) => Err(Ec2Error::value("InstanceTenancy", other, "It must be default.")),
    }
}
