//! ReplaceNetworkAclAssociation: another ACL for a subnet.

use pintle_core::command::UpdateSubnet;
use pintle_core::id::{AclAssociationId, NetworkAclId};
use pintle_core::model::ResourceType;
use pintle_core::{Command, Reply, query};

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const REPLACE: Operation = Operation::change("ReplaceNetworkAclAssociation", "whole", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let text = params.required_text("AssociationId")?;
    params.names_otherwise();
    let acl: NetworkAclId = params.required_id("NetworkAclId")?;
    let by = caller.actor();
    Ok(Work::planned(
        &[ResourceType::NetworkAcl],
        move |snapshot| {
            let absent = || {
                let message = format!("The association ID '{}' does not exist", crate::ec2::error::short(&text));
                Ec2Error::new("InvalidAssociationID.NotFound", message)
            };
            let id: AclAssociationId = text.parse().map_err(|_| absent())?;
            let subnet = query::subnet_of_association(snapshot, &by, id)?.ok_or_else(absent)?;
            Ok(Command::UpdateSubnet(subnet.id, UpdateSubnet { acl: Some(acl), ..UpdateSubnet::default() }))
        },
        |_, reply, xml| {
            let Reply::Subnet(subnet) = reply else { return Err(other_reply(&reply)) };
            xml.text("newAssociationId", AclAssociationId::of(subnet.id, subnet.acl));
            Ok(())
        },
    ))
}
