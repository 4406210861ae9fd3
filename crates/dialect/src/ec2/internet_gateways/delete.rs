//! DeleteInternetGateway.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("DeleteInternetGateway", "whole; refused while attached", |params, _| {
        Ok(Work::done(Command::DeleteInternetGateway(params.required_id("InternetGatewayId")?)))
    });
