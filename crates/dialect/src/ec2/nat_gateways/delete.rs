//! DeleteNatGateway.

use pintle_core::{Command, Reply};

use crate::ec2::operation::{Operation, Work, other_reply};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DeleteNatGateway",
    "whole; it is gone at once, with its network interface, and its address stays allocated",
    |params, _| {
        let command = Command::DeletePublicGateway(params.required_id("NatGatewayId")?);
        Ok(Work::change(command, |_, reply, xml| {
            let Reply::PublicGateway(gateway) = reply else { return Err(other_reply(&reply)) };
            xml.text("natGatewayId", gateway.id);
            Ok(())
        }))
    },
);
