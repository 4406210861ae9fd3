//! DeleteDhcpOptions and AssociateDhcpOptions.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const DELETE: Operation =
    Operation::change("DeleteDhcpOptions", "whole: refused while a VPC has it", |params, _| {
        Ok(Work::done(Command::DeleteDhcpOptionSet(params.required_id("DhcpOptionsId")?)))
    });

pub(in crate::ec2) const ASSOCIATE: Operation =
    Operation::change("AssociateDhcpOptions", "whole; guests are told when they next ask", |params, _| {
        let vpc = params.required_id("VpcId")?;
        let text = params.required_text("DhcpOptionsId")?;
        // This word takes the set away.
        let set = (text != "default").then(|| crate::ec2::ids::parse_id(&text)).transpose()?;
        Ok(Work::done(Command::AssociateDhcpOptionSet(vpc, set)))
    });
