//! ReplaceRouteTableAssociation.

use pintle_core::{Command, Reply};

use super::show::write_associated;
use crate::ec2::operation::{Operation, Work, other_reply};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("ReplaceRouteTableAssociation", "whole; also of a VPC's main route table", |params, _| {
        let association = params.required_id("AssociationId")?;
        let command = Command::ReplaceRouteAssociation(association, params.required_id("RouteTableId")?);
        Ok(Work::change(command, |_, reply, xml| {
            let Reply::RouteAssociation(made) = reply else { return Err(other_reply(&reply)) };
            xml.text("newAssociationId", made.id);
            write_associated(xml);
            Ok(())
        }))
    });
