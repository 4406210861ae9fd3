//! How replies show an instance.

use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Instance, InstanceState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{PROFILE, RESOURCE_TYPE, href};
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection, network_attachment};
use crate::view::{InstanceView, Page};
use crate::wire::timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Instance")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    lifecycle_reasons: Vec<Reason>,
    status: &'static str,
    status_reasons: Vec<Reason>,
    startable: bool,
    profile: Reference,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
    #[schemars(with = "Vec<network_attachment::ReferenceShape>")]
    network_attachments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<network_attachment::ReferenceShape>")]
    primary_network_attachment: Option<Value>,
}

#[derive(Serialize, Clone, JsonSchema)]
#[schemars(rename = "InstanceReason")]
pub(in crate::ibm) struct Reason {
    code: &'static str,
    message: String,
}

/// The instance as replies show it.
pub fn encode(site: &Site, view: &InstanceView) -> Value {
    let instance = &view.instance;
    let failure = |code| instance.failure.iter().map(|why| Reason { code, message: why.clone() }).collect();
    let primary = view.attachments.iter().find(|view| view.attachment.primary);
    json!(Shape {
        id: instance.id.to_string(),
        crn: site.crn(&instance.zone, RESOURCE_TYPE, instance.id),
        href: href(site, instance.id),
        name: instance.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(instance.created_at),
        lifecycle_state: instance.lifecycle.label(),
        lifecycle_reasons: failure("internal_error"),
        status: status(instance),
        status_reasons: failure("cannot_start"),
        startable: instance.lifecycle != Lifecycle::Deleting,
        profile: Reference::profile(site, PROFILE),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &instance.zone),
        resource_group: Reference::resource_group(site),
        network_attachments: view
            .attachments
            .iter()
            .map(|attachment| network_attachment::encode_reference(site, attachment))
            .collect(),
        primary_network_attachment: primary.map(|attachment| network_attachment::encode_reference(site, attachment)),
    })
}

/// The instance's status: its lifecycle seen together with whether it should run.
fn status(instance: &Instance) -> &'static str {
    match (instance.lifecycle, instance.state) {
        (Lifecycle::Deleting, _) => "deleting",
        (Lifecycle::Failed, _) => "failed",
        (_, InstanceState::Stopped) => "stopped",
        (Lifecycle::Stable, InstanceState::Running) => "running",
        (Lifecycle::Updating, InstanceState::Running) => "starting",
        (Lifecycle::Pending | Lifecycle::Waiting | Lifecycle::Suspended, InstanceState::Running) => "pending",
    }
}

/// A page of instances.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<InstanceView>) -> Value {
    collection::encode(site, "instances", "instances", paging, page, |view| encode(site, view))
}
