//! GetManagedPrefixListAssociations: what refers to a list.

use pintle_core::id::{PrefixListId, SecurityGroupId};
use pintle_core::model::PrefixList;
use pintle_core::{query, record};

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::slice::Slice;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("GetManagedPrefixListAssociations", "whole: security groups, pages", decode);

const SET: &str = "prefixListAssociationSet";

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let slice = Slice::read(params, caller, SET, 5..=255)?;
    let id: PrefixListId = params.required_id("PrefixListId")?;
    let caller = caller.clone();
    Ok(Work::read(move |snapshot, xml| {
        query::get_for::<PrefixList>(snapshot, &caller.actor(), id)?;
        let groups = query::index::<SecurityGroupId>(snapshot, &record::groups_of_prefix_list(id))?;
        slice.write(xml, SET, &groups, |xml, group| {
            xml.text("resourceId", group);
            xml.text("resourceOwner", caller.account);
        });
        Ok(())
    }))
}
