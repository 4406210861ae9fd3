//! ResetNetworkInterfaceAttribute: source/destination checking is what can be reset.

use pintle_core::Command;
use pintle_core::command::UpdateVni;

use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("ResetNetworkInterfaceAttribute", "whole: sourceDestCheck", |params, _| {
        let vni = params.required_id("NetworkInterfaceId")?;
        // Its value says nothing: that it is there is what counts.
        if params.text("SourceDestCheck").is_none() {
            return Err(Ec2Error::missing("SourceDestCheck"));
        }
        let update = UpdateVni { source_dest_check: Some(true), ..UpdateVni::default() };
        Ok(Work::done(Command::UpdateVni(vni, update)))
    });
