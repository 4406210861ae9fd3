//! DescribeNetworkInterfaces.

use super::show::InterfaceView;
use crate::ec2::caller::Caller;
use crate::ec2::describe;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeNetworkInterfaces", "whole: ids, filters with wildcards, pages", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    // No interface of Pintle's is managed by anybody but its account, so there are none to leave out.
    params.flag("IncludeManagedResources")?;
    describe::list::<InterfaceView>(params, caller, 5)
}
