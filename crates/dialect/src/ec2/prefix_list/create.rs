//! CreateManagedPrefixList.

use ipnet::IpNet;
use pintle_core::Command;
use pintle_core::command::CreatePrefixList;
use pintle_core::limits::MAX_PREFIX_LIST_ENTRIES;
use pintle_core::model::{IpFamily, PrefixListEntry};
use pintle_core::name;
use pintle_core::refusal::Noun;

use super::show::told;
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Plan, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateManagedPrefixList", "whole; names are unique in the account and region", decode);

/// The most entries that one request may bring (EC2).
const ENTRIES: usize = 100;

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let name = list_name(&params.required_text("PrefixListName")?)?;
    let family = match params.required_text("AddressFamily")?.as_str() {
        "IPv4" => IpFamily::V4,
        "IPv6" => IpFamily::V6,
        other => return Err(Ec2Error::value("AddressFamily", other, "It must be IPv4 or IPv6.")),
    };
    let max_entries = max_entries(params)?.ok_or_else(|| Ec2Error::missing("MaxEntries"))?;
    let entries = entries(params, "Entry")?;
    params.tagged("prefix-list", Noun::PrefixList)?;
    params.client_token()?;
    let create = CreatePrefixList { name: Some(name), family, max_entries, entries };
    Ok(Work::Change(Plan::Whole(Box::new(Command::CreatePrefixList(create))), told()))
}

/// The name of a list.
///
/// # Errors
/// `InvalidParameterValue` when it breaks the rule of names, or is one of those that EC2 keeps.
pub(super) fn list_name(text: &str) -> Result<String, Ec2Error> {
    if text.starts_with("com.amazonaws") {
        return Err(Ec2Error::value("PrefixListName", text, "The name cannot start with com.amazonaws."));
    }
    match name::check(Noun::PrefixList, text) {
        Ok(()) => Ok(text.to_owned()),
        Err(pintle_core::Refusal::Invalid { rule, .. }) => {
            Err(Ec2Error::value("PrefixListName", text, format!("A name has these properties: {rule}.")))
        }
        Err(other) => Err(other.into()),
    }
}

/// How many entries a list may have.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn max_entries(params: &mut Params) -> Result<Option<u32>, Ec2Error> {
    params.number("MaxEntries", 1..=MAX_PREFIX_LIST_ENTRIES)
}

/// The entries that a request brings, each network without the bits behind its prefix.
///
/// # Errors
/// `InvalidParameterValue`, `MissingParameter`.
pub(super) fn entries(params: &mut Params, name: &str) -> Result<Vec<PrefixListEntry>, Ec2Error> {
    let entries = params.list(name, |item| {
        let net = network(&item.required_text("Cidr")?)?;
        Ok(PrefixListEntry { net, description: item.text("Description").unwrap_or_default() })
    })?;
    few(name, entries)
}

/// The networks that a request takes away.
///
/// # Errors
/// `InvalidParameterValue`, `MissingParameter`.
pub(super) fn networks(params: &mut Params, name: &str) -> Result<Vec<IpNet>, Ec2Error> {
    let nets = params.list(name, |item| network(&item.required_text("Cidr")?))?;
    few(name, nets)
}

fn few<T>(name: &str, items: Vec<T>) -> Result<Vec<T>, Ec2Error> {
    if items.len() > ENTRIES {
        let message = format!("A request may contain at most {ENTRIES} of {name}");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(items)
}

fn network(text: &str) -> Result<IpNet, Ec2Error> {
    let net = text.parse::<IpNet>().map(|net| net.trunc());
    net.map_err(|_| Ec2Error::new("InvalidParameterValue", format!("The CIDR '{}' is not valid", short(text))))
}
