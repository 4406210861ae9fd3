//! DescribeNetworkAcls.

use super::show::AclView;
use crate::ec2::describe;
use crate::ec2::operation::Operation;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeNetworkAcls", "whole: ids, filters, pages", |params, caller| {
        describe::list::<AclView>(params, caller, 5)
    });
