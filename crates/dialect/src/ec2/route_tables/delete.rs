//! DeleteRouteTable.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("DeleteRouteTable", "whole; refused for the main one and while subnets use it", |params, _| {
        Ok(Work::done(Command::DeleteRouteTable(params.required_id("RouteTableId")?)))
    });
