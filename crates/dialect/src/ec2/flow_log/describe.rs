//! DescribeFlowLogs.

use pintle_core::model::FlowLog;

use crate::ec2::describe;
use crate::ec2::operation::Operation;
use crate::view::Plain;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeFlowLogs", "whole: ids, filters, pages; nothing is delivered yet", |params, caller| {
        describe::list::<Plain<FlowLog>>(params, caller, 1)
    });
