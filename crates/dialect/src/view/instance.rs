//! An instance with its host, its VPC and its attachments in the order of their index.

use pintle_core::command::{IpChoice, VniChoice};
use pintle_core::id::{AttachmentId, InstanceId, VpcId};
use pintle_core::model::{Host, Instance, Owner, ReservedIp, Role, Subnet, Vni, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{Actor, DecideError, Refusal, query, record};
use std::collections::BTreeMap;

use super::{AttachmentView, Page, View, list};

/// An instance and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// The instance; what serves a share is none to anybody.
    pub instance: Instance,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// The host it runs on.
    pub host: Host,
    /// Its attachments, index 0 first.
    pub attachments: Vec<AttachmentView>,
    /// What a front end has noted of it.
    pub notes: BTreeMap<String, String>,
}

impl View for InstanceView {
    type Record = Instance;
    fn join(snapshot: &dyn Snapshot, instance: Instance, revision: Revision) -> Result<Self, DecideError> {
        if let Role::ShareMount(_) = instance.role {
            return Err(Refusal::NotFound { noun: Noun::Instance, id: instance.id.to_string() }.into());
        }
        let (vpc, _) = query::follow(snapshot, instance.vpc)?;
        let (host, _) = query::follow(snapshot, instance.host)?;
        let attachments = query::index::<AttachmentId>(snapshot, &record::attachments_of_instance(instance.id))?
            .into_iter()
            .map(|id| AttachmentView::read(snapshot, id))
            .collect::<Result<_, DecideError>>()?;
        let notes = query::instance_notes(snapshot, instance.id)?;
        Ok(InstanceView { instance, revision, vpc, host, attachments, notes })
    }
}

/// The instance with this id, as an actor may see it; what serves a share is none to anybody.
///
/// # Errors
/// [`Refusal::NotFound`], or when the store can't be read.
pub fn instance_for(snapshot: &dyn Snapshot, by: &Actor, id: InstanceId) -> Result<(Instance, Revision), DecideError> {
    let (instance, revision) = query::get_for::<Instance>(snapshot, by, id)?;
    match instance.role {
        Role::Server | Role::BareMetal => Ok((instance, revision)),
        Role::ShareMount(_) => Err(Refusal::NotFound { noun: Noun::Instance, id: id.to_string() }.into()),
    }
}

/// Those of these instances that are this to their users.
///
/// # Errors
/// When the store can't be read.
pub fn of_role(snapshot: &dyn Snapshot, ids: Vec<InstanceId>, role: Role) -> Result<Vec<InstanceId>, DecideError> {
    let mut left = Vec::with_capacity(ids.len());
    for id in ids {
        if query::find::<Instance>(snapshot, id)?.is_some_and(|(instance, _)| instance.role == role) {
            left.push(id);
        }
    }
    Ok(left)
}

/// A page of an owner's bare metal servers, newest first; `None`: the default owner's.
///
/// # Errors
/// As [`super::all`].
pub fn bare_metal_servers(
    snapshot: &dyn Snapshot,
    owner: Option<&Owner>,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<InstanceView>, DecideError> {
    let scope = record::instances_in(&list::scope_of(snapshot, owner)?, Role::BareMetal);
    super::all(snapshot, &scope, start, limit)
}

/// The VPC in which the chosen interface is or will be; `None` when the choice doesn't tell.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] when the choice names what doesn't exist, or when the store can't be read.
pub fn vpc_of_interface(snapshot: &dyn Snapshot, choice: &VniChoice) -> Result<Option<VpcId>, DecideError> {
    Ok(match choice {
        VniChoice::Existing(vni) => Some(query::get::<Vni>(snapshot, *vni)?.0.vpc),
        VniChoice::New(create) | VniChoice::Child(create) => match (create.subnet, &create.primary_ip) {
            (Some(subnet), _) => Some(query::get::<Subnet>(snapshot, subnet)?.0.vpc),
            (None, IpChoice::Reserved(ip)) => Some(query::get::<ReservedIp>(snapshot, *ip)?.0.vpc),
            (None, IpChoice::Auto { .. } | IpChoice::Address { .. }) => None,
        },
    })
}
