//! DescribeInternetGateways.

use pintle_core::model::InternetGateway;

use crate::ec2::describe;
use crate::ec2::operation::Operation;
use crate::view::Plain;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeInternetGateways", "whole: ids, filters, pages", |params, caller| {
        describe::list::<Plain<InternetGateway>>(params, caller, 5)
    });
