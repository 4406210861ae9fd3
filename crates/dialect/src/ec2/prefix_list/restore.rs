//! RestoreManagedPrefixListVersion.

use pintle_core::Command;
use pintle_core::id::PrefixListId;

use super::show::told;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Plan, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("RestoreManagedPrefixListVersion", "whole; the last 1,000 versions are kept", decode);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let id: PrefixListId = params.required_id("PrefixListId")?;
    let mut version = |name: &str| params.number(name, 1..=u32::MAX)?.ok_or_else(|| Ec2Error::missing(name));
    let (version, current) = (version("PreviousVersion")?, version("CurrentVersion")?);
    Ok(Work::Change(Plan::Whole(Box::new(Command::RestorePrefixList { id, version, current })), told()))
}
