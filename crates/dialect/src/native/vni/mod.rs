//! Interfaces with everything that a table of them shows, in one call.

mod change;
mod guard;
mod policy;
mod targets;

pub use change::{AddAddress, AddPrefix, Create, RemoveAddress, RemovePrefix, Update};
pub use guard::{Quarantine, SetGroups, Shadow};
pub use targets::encode_targets;

use pintle_core::DecideError;
use pintle_core::id::{AttachmentId, SecurityGroupId};
use pintle_core::model::{Attachment, Host, Instance, Move, MoveStep, SecurityGroup, Subnet, Vni};
use pintle_core::query;
use pintle_core::record::{attachments_of_host, attachments_of_instance, vnis_of_subnet};
use pintle_core::txn::{Revision, Snapshot};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Named, attachment, paging::Paging};
use crate::problem::Problem;
use crate::view::{Page, View, VniView, by_ids, resolve};
use crate::wire::{Params, timestamp};

/// An interface, where it is, and where it is moving to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedVni {
    view: VniView,
    place: Option<(Instance, Host)>,
    moving: Option<Move>,
    quarantine: Option<Vec<SecurityGroup>>,
    shadow: Option<Vec<SecurityGroup>>,
}

impl View for PlacedVni {
    type Record = Vni;
    fn join(snapshot: &dyn Snapshot, vni: Vni, revision: Revision) -> Result<Self, DecideError> {
        let moving = query::find::<Move>(snapshot, vni.id)?.map(|(moving, _)| moving);
        let view = VniView::join(snapshot, vni, revision)?;
        let place = match &view.attachment {
            None => None,
            Some(attachment) => {
                let (instance, _) = query::follow::<Instance>(snapshot, attachment.instance)?;
                let (host, _) = query::follow::<Host>(snapshot, attachment.host)?;
                Some((instance, host))
            }
        };
        let groups = |ids: &Option<Vec<SecurityGroupId>>| {
            let read = |id: &SecurityGroupId| query::follow(snapshot, *id).map(|(group, _)| group);
            ids.as_ref().map(|ids| ids.iter().map(read).collect::<Result<_, DecideError>>()).transpose()
        };
        let (quarantine, shadow) = (groups(&view.vni.quarantine)?, groups(&view.vni.shadow)?);
        Ok(PlacedVni { view, place, moving, quarantine, shadow })
    }
}

/// Which interfaces a list is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    paging: Paging,
    subnet: Option<String>,
    instance: Option<String>,
    host: Option<String>,
}

impl List {
    /// From a query with `start`, `limit`, and at most one of `subnet`, `instance` and `host`.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn decode(mut params: Params) -> Result<Self, Problem> {
        let paging = Paging::take_owned(&mut params)?;
        let (subnet, instance, host) = (params.take("subnet")?, params.take("instance")?, params.take("host")?);
        params.finish()?;
        if [&subnet, &instance, &host].into_iter().flatten().count() > 1 {
            return Err(Problem::Parameter {
                name: "host".to_owned(),
                value: host,
                rule: "only one of 'subnet', 'instance' and 'host' can be given".to_owned(),
            });
        }
        Ok(List { paging, subnet, instance, host })
    }

    /// The page.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or when the store can't be read.
    pub fn read(&self, snapshot: &dyn Snapshot) -> Result<Page<PlacedVni>, Problem> {
        let (start, limit) = (self.paging.start.as_deref(), self.paging.limit);
        let ids = if let Some(subnet) = &self.subnet {
            query::index(snapshot, &vnis_of_subnet(resolve::<Subnet>(snapshot, subnet)?))?
        } else if let Some(instance) = &self.instance {
            bound(snapshot, &attachments_of_instance(resolve::<Instance>(snapshot, instance)?))?
        } else if let Some(host) = &self.host {
            bound(snapshot, &attachments_of_host(resolve::<Host>(snapshot, host)?))?
        } else {
            return Ok(self.paging.read(snapshot)?);
        };
        Ok(by_ids(snapshot, ids, start, limit)?)
    }
}

/// The interfaces that the attachments of an index speak for, as far as they exist for who asks: a host has those of others too.
fn bound(snapshot: &dyn Snapshot, index: &str) -> Result<Vec<pintle_core::id::VniId>, DecideError> {
    let mut vnis = Vec::new();
    for id in query::index::<AttachmentId>(snapshot, index)? {
        let Some((attachment, _)) = query::find::<Attachment>(snapshot, id)? else { continue };
        let Some((vni, _)) = query::find::<Vni>(snapshot, attachment.vni)? else { continue };
        if vni.attachment == Some(id) {
            vnis.push(vni.id);
        }
    }
    Ok(vnis)
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    mac_address: String,
    addresses: Vec<String>,
    keep_primary_ipv6: bool,
    prefixes: Vec<String>,
    security_groups: Vec<Named>,
    subnet: Named,
    cidr: String,
    vpc: Named,
    segment: u32,
    zone: String,
    lifecycle: &'static str,
    allow_ip_spoofing: bool,
    source_dest_check: bool,
    auto_delete: bool,
    enable_infrastructure_nat: bool,
    protocol_state_filtering: &'static str,
    timeouts: policy::Timeouts,
    untracked_open: bool,
    efa: bool,
    limits: policy::Limits,
    quarantine: Option<Vec<Named>>,
    shadow: Option<Vec<Named>>,
    policy_version: u32,
    generation: u32,
    created_at: String,
    instance: Option<Named>,
    host: Option<Named>,
    attachment: Option<attachment::Shape>,
    r#move: Option<MoveShape>,
}

#[derive(Serialize)]
struct MoveShape {
    step: &'static str,
    from: String,
    to: String,
    started_at: String,
}

/// A move's step as replies write it.
pub(super) fn step_label(step: MoveStep) -> &'static str {
    match step {
        MoveStep::Prepare => "prepare",
        MoveStep::Open => "open",
        MoveStep::Drain => "drain",
        MoveStep::Settle => "settle",
    }
}

/// The interface as replies show it.
pub fn encode(placed: &PlacedVni) -> Value {
    let PlacedVni { view, place, moving, quarantine, shadow } = placed;
    let vni = &view.vni;
    let named = |groups: &Vec<SecurityGroup>| groups.iter().map(|group| Named::new(group, &group.name)).collect();
    json!(Shape {
        id: vni.id.to_string(),
        name: vni.name.clone(),
        mac_address: vni.mac.to_string(),
        addresses: view.ips().map(|ip| ip.address.to_string()).collect(),
        keep_primary_ipv6: vni.keep_primary_ipv6,
        prefixes: vni.prefixes.iter().map(ToString::to_string).collect(),
        security_groups: named(&view.security_groups),
        subnet: Named::new(&view.subnet, &view.subnet.name),
        cidr: view.subnet.cidr.to_string(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        segment: view.vpc.segment,
        zone: vni.zone.clone(),
        lifecycle: vni.lifecycle.label(),
        allow_ip_spoofing: vni.allow_ip_spoofing,
        source_dest_check: vni.source_dest_check,
        auto_delete: vni.auto_delete,
        enable_infrastructure_nat: vni.enable_infrastructure_nat,
        protocol_state_filtering: policy::Filtering(vni.protocol_state_filtering).label(),
        timeouts: vni.timeouts.into(),
        untracked_open: vni.untracked_open,
        efa: vni.efa,
        limits: vni.limits.into(),
        quarantine: quarantine.as_ref().map(named),
        shadow: shadow.as_ref().map(named),
        policy_version: vni.policy_version,
        generation: vni.generation,
        created_at: timestamp(vni.created_at),
        // What serves a share is no instance: it is seen with the share.
        instance: place
            .as_ref()
            .filter(|_| view.serves().is_none())
            .map(|(instance, _)| Named::new(instance, &instance.name)),
        host: place.as_ref().map(|(_, host)| Named::new(host, &host.name)),
        attachment: view.attachment.as_ref().map(Into::into),
        r#move: moving.as_ref().map(|moving| MoveShape {
            step: step_label(moving.step),
            from: moving.from.to_string(),
            to: moving.to.to_string(),
            started_at: timestamp(moving.started_at),
        }),
    })
}
