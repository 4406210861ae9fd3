//! DescribeSecurityGroups.

use super::show::GroupView;
use super::target::{default_vpc, named};
use crate::ec2::caller::Caller;
use crate::ec2::describe;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeSecurityGroups", "whole: ids, names in the default VPC, filters, pages", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let (names, owner) = (params.texts("GroupName")?, caller.clone());
    if names.is_empty() {
        return describe::list::<GroupView>(params, caller, 5);
    }
    if params.text("MaxResults").is_some() || params.text("NextToken").is_some() {
        return Err(Ec2Error::combination("The parameter GroupName cannot be used with the parameter MaxResults"));
    }
    describe::whole::<GroupView>(params, caller, move |snapshot| {
        let vpc = default_vpc(snapshot, &owner)?;
        names.iter().map(|name| named(snapshot, &owner, name, vpc)).collect()
    })
}
