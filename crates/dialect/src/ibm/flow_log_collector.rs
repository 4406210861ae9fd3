//! `/flow_log_collectors`: flow logs, as IBM's API speaks of them.
//!
//! A flow log that EC2's API has made is one too. It has its id for a name until it is given one, and for a bucket whatever
//! its records go to.

use pintle_core::command::{Command, CreateFlowLog, NewCollector, UpdateFlowLog};
use pintle_core::id::FlowLogId;
use pintle_core::model::{
    DestinationKind, FileFormat, FlowDestination, FlowField, FlowLog, FlowLogTarget, TrafficType,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{ResourceGroupIdentity, check_resource_group, unify};
use super::reference::Reference;
use super::{Site, collection, instance, network_attachment, subnet, vni, vpc};
use crate::problem::Problem;
use crate::view::{FlowLogView, Page, WatchedView};
use crate::wire::{given, timestamp};

/// How long a record of a collector covers at most, in seconds.
const INTERVAL: u16 = 600;

/// The URL of a collector.
pub fn href(site: &Site, id: FlowLogId) -> String {
    site.href(format_args!("flow_log_collectors/{id}"))
}

/// The CRN of a collector: a regional resource.
pub fn crn(site: &Site, log: &FlowLog) -> String {
    site.crn(&log.owner, &site.region, "flow-log-collector", log.id)
}

/// The name of a collector: its id, unless it was given one. In EC2 flow logs have no names.
pub fn name(log: &FlowLog) -> String {
    log.name.clone().unwrap_or_else(|| log.id.to_string())
}

/// Body of `POST /flow_log_collectors`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FlowLogCollectorPrototype")]
pub struct Create {
    storage_bucket: Bucket,
    target: TargetIdentity,
    active: Option<bool>,
    name: Option<String>,
    resource_group: Option<ResourceGroupIdentity>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StorageBucket")]
pub(in crate::ibm) struct Bucket {
    name: String,
}

/// What a collector is for: a thing of one of the kinds that can be, by id, CRN or href.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FlowLogCollectorTargetIdentity")]
pub(in crate::ibm) struct TargetIdentity {
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
}

impl TargetIdentity {
    fn find(&self) -> Result<FlowLogTarget, Problem> {
        let (id, crn, href) = (self.id.as_deref(), self.crn.as_deref(), self.href.as_deref());
        if (id, crn, href) == (None, None, None) {
            return Err(Problem::field("target", "it needs one of 'id', 'crn' and 'href'"));
        }
        // The child interface of old clients is the attachment under another name.
        let href = href.map(|href| href.replace("/network_interfaces/", "/network_attachments/"));
        let href = href.as_deref();
        let found = [
            unify(id, crn, href).ok().flatten().map(FlowLogTarget::Vpc),
            unify(id, crn, href).ok().flatten().map(FlowLogTarget::Subnet),
            unify(id, crn, href).ok().flatten().map(FlowLogTarget::Vni),
            unify(id, crn, href).ok().flatten().map(FlowLogTarget::Instance),
            unify(id, crn, href).ok().flatten().map(FlowLogTarget::Attachment),
        ];
        found.into_iter().flatten().next().ok_or_else(|| {
            let rule = "it must be a VPC, a subnet, an instance, a network attachment of an instance or a virtual network \
                        interface";
            Problem::field("target", rule)
        })
    }
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for a target of no such kind, or for another resource group.
    pub fn command(self) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        let (kind, name) = (DestinationKind::Bucket, self.storage_bucket.name);
        Ok(Command::CreateFlowLog(CreateFlowLog {
            target: self.target.find()?,
            traffic: TrafficType::All,
            destination: FlowDestination { kind, name, role: None, cross_account_role: None },
            fields: FlowField::default_format(),
            interval: INTERVAL,
            files: FileFormat::default(),
            collector: Some(NewCollector { name: self.name, active: self.active.unwrap_or(true) }),
        }))
    }
}

/// Body of `PATCH /flow_log_collectors/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FlowLogCollectorPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: FlowLogId) -> Option<Command> {
        let update = UpdateFlowLog { name: self.name, active: self.active };
        (update != UpdateFlowLog::default()).then_some(Command::UpdateFlowLog(id, update))
    }
}

/// What a reply calls the kind of thing that a collector is for.
pub fn target_type(target: FlowLogTarget) -> &'static str {
    match target {
        FlowLogTarget::Vpc(_) => vpc::RESOURCE_TYPE,
        FlowLogTarget::Subnet(_) => subnet::RESOURCE_TYPE,
        FlowLogTarget::Vni(_) => vni::RESOURCE_TYPE,
        FlowLogTarget::Instance(_) => instance::RESOURCE_TYPE,
        FlowLogTarget::Attachment(_) => network_attachment::RESOURCE_TYPE,
    }
}

/// What a collector is for, as replies show it.
fn target(site: &Site, view: &FlowLogView) -> Reference {
    match &view.watched {
        WatchedView::Vpc => Reference::vpc(site, &view.vpc),
        WatchedView::Subnet(subnet) => Reference::subnet(site, subnet),
        WatchedView::Vni(member) => Reference::vni(site, &member.vni),
        WatchedView::Instance(instance) => Reference::instance(site, instance),
        WatchedView::Attachment(attachment) => Reference::attachment(site, None, &attachment.attachment),
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowLogCollector")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    created_at: String,
    lifecycle_state: &'static str,
    active: bool,
    auto_delete: bool,
    storage_bucket: Bucket,
    target: Reference,
    vpc: Reference,
    resource_group: Reference,
}

/// The collector as replies show it.
pub fn encode(site: &Site, view: &FlowLogView) -> Value {
    let log = &view.log;
    json!(Shape {
        id: log.id.to_string(),
        crn: crn(site, log),
        href: href(site, log.id),
        name: name(log),
        created_at: timestamp(log.created_at),
        lifecycle_state: "stable",
        active: log.active,
        auto_delete: true,
        storage_bucket: Bucket { name: log.destination.name.clone() },
        target: target(site, view),
        vpc: Reference::vpc(site, &view.vpc),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of collectors.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<FlowLogView>) -> Value {
    let key = "flow_log_collectors";
    collection::encode(site, key, key, paging, page, |view| encode(site, view))
}
