//! ReleaseAddress.

use pintle_core::Command;
use pintle_core::model::ResourceType;

use super::Named;
use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("ReleaseAddress", "whole; refused while associated", |params, caller| {
        let named = Named::read(params)?;
        // An address is in one network border group: what it is called says nothing more.
        params.text("NetworkBorderGroup");
        let actor = caller.actor();
        Ok(Work::planned(
            &[ResourceType::FloatingIp],
            move |snapshot| Ok(Command::ReleaseFloatingIp(named.id(snapshot, &actor)?)),
            |_, _, xml| {
                xml.done();
                Ok(())
            },
        ))
    });
