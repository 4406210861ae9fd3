//! DeleteNetworkAcl.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("DeleteNetworkAcl", "whole; refused while a subnet has it", |params, _| {
        Ok(Work::done(Command::DeleteNetworkAcl(params.required_id("NetworkAclId")?)))
    });
