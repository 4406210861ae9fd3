//! DisassociateAddress.

use std::net::Ipv4Addr;

use pintle_core::Command;
use pintle_core::id::AssociationId;
use pintle_core::model::ResourceType;

use super::by_address;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change("DisassociateAddress", "whole", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let association: Option<AssociationId> = params.id("AssociationId")?;
    let public: Option<Ipv4Addr> = params.parsed("PublicIp", "an IPv4 address")?;
    let actor = caller.actor();
    match (association, public) {
        (Some(association), None) => Ok(Work::done(Command::EndAssociation(association))),
        (None, Some(address)) => {
            params.names_otherwise();
            Ok(Work::planned(
                &[ResourceType::FloatingIp],
                move |snapshot| Ok(Command::DisassociateFloatingIp(by_address(snapshot, &actor, address)?.id)),
                |_, _, xml| {
                    xml.done();
                    Ok(())
                },
            ))
        }
        (None, None) => Err(Ec2Error::new("MissingParameter", "Either public IP or association id must be specified")),
        (Some(_), Some(_)) => {
            Err(Ec2Error::combination("You may specify public IP or association id, but not both in the same call"))
        }
    }
}
