//! GetManagedPrefixListEntries: of the present version, or of one that is kept.

use pintle_core::id::PrefixListId;
use pintle_core::model::PrefixList;
use pintle_core::query;

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::slice::Slice;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("GetManagedPrefixListEntries", "whole: versions, pages", decode);

const SET: &str = "entrySet";

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let slice = Slice::read(params, caller, SET, 1..=100)?;
    let id: PrefixListId = params.required_id("PrefixListId")?;
    let version: Option<u32> = params.number("TargetVersion", 1..=u32::MAX)?;
    let by = caller.actor();
    Ok(Work::read(move |snapshot, xml| {
        let (list, _) = query::get_for::<PrefixList>(snapshot, &by, id)?;
        let version = version.unwrap_or(list.version);
        let entries = query::prefix_list_version(snapshot, &list, version)?.ok_or_else(|| {
            Ec2Error::value("TargetVersion", &version.to_string(), format!("Prefix list {id} has no such version."))
        })?;
        slice.write(xml, SET, &entries, |xml, entry| {
            xml.text("cidr", entry.net);
            xml.option("description", Some(&entry.description).filter(|text| !text.is_empty()));
        });
        Ok(())
    }))
}
