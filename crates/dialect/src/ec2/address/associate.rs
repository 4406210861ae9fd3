//! AssociateAddress.

use std::net::Ipv4Addr;

use pintle_core::command::FloatingIpChoice;
use pintle_core::id::{AttachmentId, InstanceId, ReservedIpId, VniId};
use pintle_core::legality::Manner;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, ResourceType, Vni, VniUse};
use pintle_core::record::attachments_of_instance;
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Actor, Command, Reply, query};

use super::Named;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;
use crate::view::instance_for;
use crate::view::ip_at;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "AssociateAddress",
    "whole: by interface and private address, or by instance; an address leads to interfaces of its zone",
    decode,
);

/// What an address is to lead to.
#[derive(Debug, Clone, Copy)]
enum Target {
    Instance(InstanceId),
    Interface(VniId),
}

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let named = Named::read(params)?;
    let target = target(params)?;
    let private: Option<Ipv4Addr> = params.parsed("PrivateIpAddress", "an IPv4 address")?;
    let take = params.flag("AllowReassociation")?.unwrap_or(true);
    let actor = caller.actor();
    let plan = move |snapshot: &dyn Snapshot| {
        let id = named.id(snapshot, &actor)?;
        let vni = target.interface(snapshot, &actor)?;
        let ip = private.map(|private| address(snapshot, &actor, vni, private)).transpose()?;
        let target = FloatingIpChoice { vni, ip, manner: Manner::PerAddress };
        Ok(Command::AssociateFloatingIp { id, target, reassociate: take, displace: take })
    };
    Ok(Work::planned(&[ResourceType::FloatingIp, ResourceType::Vni], plan, |_, reply, xml| {
        let Reply::FloatingIp(led) = reply else { return Err(other_reply(&reply)) };
        xml.option("associationId", led.association);
        Ok(())
    }))
}

fn target(params: &mut Params) -> Result<Target, Ec2Error> {
    match (params.id("InstanceId")?, params.id("NetworkInterfaceId")?) {
        (Some(instance), None) => Ok(Target::Instance(instance)),
        (None, Some(vni)) => Ok(Target::Interface(vni)),
        (None, None) => {
            let message = "Either instance ID or network interface id must be specified";
            Err(Ec2Error::new("MissingParameter", message))
        }
        (Some(_), Some(_)) => {
            let message = "You may specify instance ID or network interface id, but not both in the same call";
            Err(Ec2Error::combination(message))
        }
    }
}

impl Target {
    /// The interface; an id is not looked up.
    fn interface(self, snapshot: &dyn Snapshot, actor: &Actor) -> Result<VniId, Ec2Error> {
        let id = match self {
            Target::Interface(vni) => return Ok(vni),
            Target::Instance(id) => id,
        };
        instance_for(snapshot, actor, id)?;
        let mut vnis = Vec::new();
        for attachment in query::index::<AttachmentId>(snapshot, &attachments_of_instance(id))? {
            let (attachment, _) = query::get::<Attachment>(snapshot, attachment)?;
            if attachment.lifecycle != Lifecycle::Deleting {
                vnis.push(attachment.vni);
            }
        }
        let message = match vnis[..] {
            [only] => return Ok(only),
            [] => format!("There are no interfaces attached to instance '{id}'."),
            _ => format!(
                "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the \
                 operation instead."
            ),
        };
        Err(Ec2Error::new("InvalidInstanceID", message))
    }
}

/// The reservation of an interface's private address.
fn address(snapshot: &dyn Snapshot, actor: &Actor, vni: VniId, private: Ipv4Addr) -> Result<ReservedIpId, Ec2Error> {
    let unknown = || not_found(Noun::Vni, &vni.to_string());
    let (vni, _) = query::follow_if_there::<Vni>(snapshot, vni)?.ok_or_else(unknown)?;
    // Another account's, unless it has permitted this, is unknown, whether or not it has the address.
    let lent = match actor {
        Actor::Tenant(user) => query::permits(snapshot, &vni, user, VniUse::Associate)?,
        Actor::System | Actor::Operator => false,
    };
    if !lent && !actor.sees(&vni) {
        return Err(unknown());
    }
    ip_at(snapshot, vni.vpc, private.into())?.filter(|ip| vni.ips.contains(ip)).ok_or_else(|| {
        let message = format!("The private IP address {private} is not assigned to interface {}", vni.id);
        Ec2Error::new("InvalidParameterValue", message)
    })
}
