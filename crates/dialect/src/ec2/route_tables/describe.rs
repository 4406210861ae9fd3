//! DescribeRouteTables.

use super::show::TableView;
use crate::ec2::describe;
use crate::ec2::operation::Operation;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeRouteTables", "whole: ids, filters, pages", |params, caller| {
        describe::list::<TableView>(params, caller, 5)
    });
