//! DetachInternetGateway.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DetachInternetGateway",
    "whole; refused while public addresses lead into the VPC",
    |params, _| {
        let gateway = params.required_id("InternetGatewayId")?;
        Ok(Work::done(Command::DetachInternetGateway(gateway, params.required_id("VpcId")?)))
    },
);
