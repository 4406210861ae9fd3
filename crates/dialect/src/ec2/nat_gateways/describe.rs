//! DescribeNatGateways.

use super::show::NatView;
use crate::ec2::describe;
use crate::ec2::operation::Operation;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeNatGateways", "whole: ids, filters, pages; deleted ones are gone", |params, caller| {
        describe::list::<NatView>(params, caller, 5)
    });
