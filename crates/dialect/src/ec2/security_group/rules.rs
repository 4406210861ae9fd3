//! DescribeSecurityGroupRules.

use super::listing::list;
use crate::ec2::operation::Operation;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeSecurityGroupRules", "whole: ids, filters, pages", list);
