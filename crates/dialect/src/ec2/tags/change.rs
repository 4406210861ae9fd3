//! CreateTags and DeleteTags.

use pintle_core::Command;
use pintle_core::command::{ChangeTags, TagRemoval};
use pintle_core::model::Tags;

use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const CREATE: Operation =
    Operation::change("CreateTags", "whole, on everything that has an id", |params, _| {
        let resources = resources(params)?;
        let put = params.tags("Tag")?;
        if put.is_empty() {
            return Err(Ec2Error::missing("Tag"));
        }
        Ok(Work::done(Command::ChangeTags(ChangeTags { resources, put, remove: TagRemoval::default() })))
    });

pub(in crate::ec2) const DELETE: Operation =
    Operation::change("DeleteTags", "whole: by key, by key and value, or all", |params, _| {
        let resources = resources(params)?;
        // A value that is not there stands for any; an empty one for an empty one.
        let mut tags = params.few("Tag", |tag| Ok((tag.required_text("Key")?, tag.text("Value"))))?;
        tags.sort_unstable();
        tags.dedup();
        let remove = if tags.is_empty() { TagRemoval::All } else { TagRemoval::These(tags) };
        Ok(Work::done(Command::ChangeTags(ChangeTags { resources, put: Tags::default(), remove })))
    });

fn resources(params: &mut Params) -> Result<Vec<String>, Ec2Error> {
    let mut resources = params.texts("ResourceId")?;
    if resources.is_empty() {
        return Err(Ec2Error::missing("ResourceId"));
    }
    resources.sort_unstable();
    resources.dedup();
    Ok(resources)
}
