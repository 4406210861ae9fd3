//! AssociateSubnetCidrBlock and DisassociateSubnetCidrBlock.

use pintle_core::{Command, Reply};

use super::show::write_ipv6_range;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::ranges;

pub(in crate::ec2) const ASSOCIATE: Operation =
    Operation::change("AssociateSubnetCidrBlock", "a /64 of one of the VPC's IPv6 ranges; no IPAM", |params, _| {
        let id = params.required_id("SubnetId")?;
        let net = ranges::ipv6(params, "Ipv6CidrBlock")?.ok_or_else(|| Ec2Error::missing("Ipv6CidrBlock"))?;
        Ok(changed(Command::AddSubnetRange(id, net), "associated"))
    });

pub(in crate::ec2) const DISASSOCIATE: Operation = Operation::change(
    "DisassociateSubnetCidrBlock",
    "whole: refused while anybody has an address in it",
    |params, _| {
        let id = params.required_id("AssociationId")?;
        Ok(changed(Command::RemoveSubnetRange(id), "disassociated"))
    },
);

fn changed(command: Command, state: &'static str) -> Work {
    Work::change(command, move |_, reply, xml| {
        let Reply::Subnet(subnet) = reply else { return Err(other_reply(&reply)) };
        if let Some(net) = subnet.ipv6_cidr {
            xml.nest("ipv6CidrBlockAssociation", |xml| write_ipv6_range(xml, &subnet, net, state));
        }
        xml.text("subnetId", subnet.id);
        Ok(())
    })
}
