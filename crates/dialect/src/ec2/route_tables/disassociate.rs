//! DisassociateRouteTable.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("DisassociateRouteTable", "whole; refused for a VPC's main route table", |params, _| {
        Ok(Work::done(Command::DisassociateRouteTable(params.required_id("AssociationId")?)))
    });
