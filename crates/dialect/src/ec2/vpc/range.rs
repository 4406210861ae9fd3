//! AssociateVpcCidrBlock and DisassociateVpcCidrBlock.

use pintle_core::command::NewRange;
use pintle_core::{Command, Reply};

use super::show::write_association;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::ranges::{self, VPC};

pub(in crate::ec2) const ASSOCIATE: Operation = Operation::change(
    "AssociateVpcCidrBlock",
    "one more IPv4 range, or an IPv6 range that the server chooses; no IPAM, no pools of one's own",
    associate,
);

pub(in crate::ec2) const DISASSOCIATE: Operation =
    Operation::change("DisassociateVpcCidrBlock", "whole; not the primary range", |params, caller| {
        let id = params.required_id("AssociationId")?;
        Ok(changed(Command::RemoveVpcRange(id), "disassociated", caller))
    });

fn associate(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let vpc = params.required_id("VpcId")?;
    let cidr = ranges::ipv4(params, "CidrBlock", VPC)?;
    let provided = params.flag("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    ranges::border_group(params, caller, provided)?;
    let range = match (cidr, provided) {
        (Some(net), false) => NewRange::Net(net),
        (None, true) => NewRange::ProvidedIpv6,
        (Some(_), true) => {
            let message = "The parameters CidrBlock and AmazonProvidedIpv6CidrBlock may not be used together";
            return Err(Ec2Error::combination(message));
        }
        (None, false) => return Err(Ec2Error::missing("CidrBlock")),
    };
    Ok(changed(Command::AddVpcRange(vpc, range), "associated", caller))
}

fn changed(command: Command, state: &'static str, caller: &Caller) -> Work {
    let caller = caller.clone();
    Work::change(command, move |_, reply, xml| {
        let Reply::VpcRange(vpc, range) = reply else { return Err(other_reply(&reply)) };
        write_association(xml, &range, state, &caller);
        xml.text("vpcId", vpc.id);
        Ok(())
    })
}
