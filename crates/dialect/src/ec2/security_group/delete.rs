//! DeleteSecurityGroup.

use pintle_core::model::ResourceType;
use pintle_core::{Command, Reply};

use super::target::Called;
use crate::ec2::operation::{Operation, Work, other_reply};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DeleteSecurityGroup",
    "whole; refused while an interface or another group's rule needs it",
    |params, caller| {
        let (called, caller) = (Called::read(params)?, caller.clone());
        Ok(Work::planned(
            &[ResourceType::SecurityGroup],
            move |snapshot| Ok(Command::DeleteSecurityGroup(called.find(snapshot, &caller)?.id)),
            |_, reply, xml| {
                let Reply::SecurityGroup(group) = reply else { return Err(other_reply(&reply)) };
                xml.done();
                xml.text("groupId", group.id);
                Ok(())
            },
        ))
    },
);
