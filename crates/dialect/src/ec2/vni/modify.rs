//! ModifyNetworkInterfaceAttribute: one attribute of one interface.

use pintle_core::command::{GroupsChange, UpdateVni};
use pintle_core::id::{AttachmentId, VniId};
use pintle_core::model::{Attachment, ResourceType, Vni};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Actor, Command, query};

use super::ena;
use super::tracking::{self, Tracking};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "ModifyNetworkInterfaceAttribute",
    "every attribute but ENA's (express, queues) and AssociatedSubnetId",
    decode,
);

/// What is to become of an interface.
enum Change {
    Update(UpdateVni),
    Groups(GroupsChange),
    Tracking(Tracking),
    DeleteOnTermination(AttachmentId, bool),
}

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let id: VniId = params.required_id("NetworkInterfaceId")?;
    let mut changes = changes(params)?;
    let names: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    let change = match (changes.pop(), changes.is_empty()) {
        (Some((_, change)), true) => change,
        (None, _) => return Err(Ec2Error::combination("No attributes specified")),
        (Some(_), false) => {
            let message = format!("Fields for multiple attribute types specified: {}", names.join(", "));
            return Err(Ec2Error::combination(message));
        }
    };
    let actor = caller.actor();
    Ok(Work::planned(
        &[ResourceType::Vni],
        move |snapshot| change.command(snapshot, &actor, id),
        |_, _, xml| {
            xml.done();
            Ok(())
        },
    ))
}

/// All that the request asks to change, by EC2's names.
fn changes(params: &mut Params) -> Result<Vec<(&'static str, Change)>, Ec2Error> {
    let mut changes = Vec::new();
    let mut update = |name, update: Option<UpdateVni>| changes.extend(update.map(|it| (name, Change::Update(it))));
    let description = params.text("Description.Value");
    update("description", description.map(|it| UpdateVni { description: Some(it), ..UpdateVni::default() }));
    let check = params.flag("SourceDestCheck.Value")?;
    update("sourceDestCheck", check.map(|it| UpdateVni { source_dest_check: Some(it), ..UpdateVni::default() }));
    let primary = params.flag("EnablePrimaryIpv6")?;
    update("enablePrimaryIpv6", primary.map(|it| UpdateVni { keep_primary_ipv6: Some(it), ..UpdateVni::default() }));

    let groups = params.ids("SecurityGroupId")?;
    if !groups.is_empty() {
        changes.push(("groupSet", Change::Groups(GroupsChange::Set(groups))));
    }
    changes.extend(attachment(params)?.map(|it| ("attachment", it)));
    changes.extend(tracking::read(params)?.map(|it| ("connectionTrackingSpecification", Change::Tracking(it))));
    let public = params.flag("AssociatePublicIpAddress")?.map(public_address);
    changes.extend(public.map(|it| ("associatePublicIpAddress", Change::Update(it))));
    ena::refuse_express(params)?;
    if !params.texts("AssociatedSubnetId")?.is_empty() {
        return Err(Ec2Error::unsupported("AssociatedSubnetId", "interfaces are in one subnet"));
    }
    Ok(changes)
}

fn public_address(own: bool) -> UpdateVni {
    UpdateVni { public_address: Some(own), ..UpdateVni::default() }
}

fn attachment(params: &mut Params) -> Result<Option<Change>, Ec2Error> {
    let change = params.structure("Attachment", |inner| {
        let id = inner.required_id("AttachmentId")?;
        ena::refuse_queues(inner)?;
        let delete = inner.flag("DeleteOnTermination")?;
        let delete = delete.ok_or_else(|| Ec2Error::missing("Attachment.DeleteOnTermination"))?;
        Ok(Change::DeleteOnTermination(id, delete))
    })?;
    Ok(change)
}

impl Change {
    fn command(&self, snapshot: &dyn Snapshot, actor: &Actor, id: VniId) -> Result<Command, Ec2Error> {
        Ok(match self {
            Change::Update(update) => Command::UpdateVni(id, update.clone()),
            Change::Groups(groups) => Command::ChangeVniGroups(id, groups.clone()),
            Change::Tracking(tracking) => {
                let (vni, _) = query::get_for::<Vni>(snapshot, actor, id)?;
                let timeouts = Some(tracking.onto(vni.timeouts));
                Command::UpdateVni(id, UpdateVni { timeouts, ..UpdateVni::default() })
            }
            Change::DeleteOnTermination(attachment, delete) => {
                // Whoever may not see the interface is not told which attachment is its. One in use by another account has
                // an attachment of that account's.
                query::get_for::<Vni>(snapshot, actor, id)?;
                let found = query::follow_if_there::<Attachment>(snapshot, *attachment)?;
                let found = found.filter(|(found, _)| found.vni == id);
                if found.is_none() {
                    return Err(not_found(Noun::Attachment, &attachment.to_string()));
                }
                Command::UpdateVni(id, UpdateVni { auto_delete: Some(*delete), ..UpdateVni::default() })
            }
        })
    }
}
