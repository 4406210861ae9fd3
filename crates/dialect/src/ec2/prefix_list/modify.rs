//! ModifyManagedPrefixList.

use std::collections::BTreeSet;

use pintle_core::Command;
use pintle_core::command::UpdatePrefixList;
use pintle_core::id::PrefixListId;

use super::create::{entries, list_name, max_entries, networks};
use super::show::told;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Plan, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("ModifyManagedPrefixList", "whole; each change of entries is a version", decode);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let id: PrefixListId = params.required_id("PrefixListId")?;
    let update = UpdatePrefixList {
        current_version: params.number("CurrentVersion", 1..=u32::MAX)?,
        name: params.text("PrefixListName").map(|name| list_name(&name)).transpose()?,
        max_entries: max_entries(params)?,
        add: entries(params, "AddEntry")?,
        remove: networks(params, "RemoveEntry")?,
    };
    if params.flag("IpamPrefixListResolverSyncEnabled")? == Some(true) {
        let message = "The prefix list has no IPAM prefix list resolver to be synchronized with";
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    check(&update)?;
    Ok(Work::Change(Plan::Whole(Box::new(Command::UpdatePrefixList(id, update))), told()))
}

/// What EC2 does not let one request do together.
fn check(update: &UpdatePrefixList) -> Result<(), Ec2Error> {
    let changes_entries = !update.add.is_empty() || !update.remove.is_empty();
    if changes_entries && update.current_version.is_none() {
        return Err(Ec2Error::missing("CurrentVersion"));
    }
    if changes_entries && update.max_entries.is_some() {
        return Err(Ec2Error::combination(
            "You cannot modify the entries of a prefix list and modify the size of a prefix list at the same time",
        ));
    }
    if !changes_entries && update.name.is_none() && update.max_entries.is_none() {
        return Err(Ec2Error::new("MissingParameter", "The request must contain a change of the prefix list"));
    }
    let mut seen = BTreeSet::new();
    let nets = update.add.iter().map(|entry| entry.net).chain(update.remove.iter().copied());
    for net in nets {
        if !seen.insert(net) {
            return Err(Ec2Error::new("InvalidParameterValue", format!("The CIDR '{net}' is named more than once")));
        }
    }
    Ok(())
}
