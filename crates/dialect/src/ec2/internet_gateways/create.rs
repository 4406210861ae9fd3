//! CreateInternetGateway.

use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::show;
use crate::ec2::operation::{Operation, Work, other_reply};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateInternetGateway", "whole", |params, caller| {
        let caller = caller.clone();
        params.tagged("internet-gateway", Noun::InternetGateway)?;
        Ok(Work::change(Command::CreateInternetGateway, move |snapshot, reply, xml| {
            let Reply::InternetGateway(gateway) = reply else { return Err(other_reply(&reply)) };
            let tags = query::tags(snapshot, &gateway)?;
            xml.nest("internetGateway", |xml| show::write_item(xml, &gateway, &caller, &tags));
            Ok(())
        }))
    });
