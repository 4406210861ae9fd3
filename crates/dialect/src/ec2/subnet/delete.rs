//! DeleteSubnet.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DeleteSubnet",
    "whole: refused while anybody has an address in it; what is reserved of it goes with it",
    |params, _| Ok(Work::done(Command::DeleteSubnet(params.required_id("SubnetId")?))),
);
