//! AttachInternetGateway.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("AttachInternetGateway", "whole; to VPCs that route by tables", |params, _| {
        let gateway = params.required_id("InternetGatewayId")?;
        Ok(Work::done(Command::AttachInternetGateway(gateway, params.required_id("VpcId")?)))
    });
