//! DeleteVpc.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DeleteVpc",
    "whole: refused while anything is in it; its default group, network ACL and ranges go with it",
    |params, _| Ok(Work::done(Command::DeleteBareVpc(params.required_id("VpcId")?))),
);
