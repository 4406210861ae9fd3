//! DeleteManagedPrefixList.

use pintle_core::Command;
use pintle_core::id::PrefixListId;

use super::show::told_gone;
use crate::ec2::operation::{Operation, Plan, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("DeleteManagedPrefixList", "whole; refused while a rule refers to it", |params, _| {
        let id: PrefixListId = params.required_id("PrefixListId")?;
        Ok(Work::Change(Plan::Whole(Box::new(Command::DeletePrefixList(id))), told_gone()))
    });
