//! How replies show an instance.

use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Instance, InstanceState, InterfaceStyle};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{RESOURCE_TYPE, href};
use crate::ibm::instance_profile::{NAMESPACE, Profile};
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection, network_attachment, network_interface};
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
    health_state: &'static str,
    health_reasons: Vec<Reason>,
    status: &'static str,
    status_reasons: Vec<Reason>,
    startable: bool,
    profile: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Reference>,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
    #[schemars(with = "Vec<network_attachment::ReferenceShape>")]
    network_attachments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<network_attachment::ReferenceShape>")]
    primary_network_attachment: Option<Value>,
    #[schemars(with = "Vec<network_interface::ReferenceShape>")]
    network_interfaces: Vec<Value>,
    #[schemars(with = "network_interface::ReferenceShape")]
    primary_network_interface: Value,
    #[serde(flatten)]
    machine: Machine,
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
    // Child interfaces have no attachments to their users.
    let attachments = match instance.style {
        InterfaceStyle::Attachments => &view.attachments[..],
        InterfaceStyle::Children => &[],
    };
    let new_style = |attachment| network_attachment::encode_reference(site, attachment);
    let old_style = |attachment| network_interface::encode_reference(site, instance.role, attachment);
    json!(Shape {
        id: instance.id.to_string(),
        crn: site.crn(&instance.owner, &instance.zone, RESOURCE_TYPE, instance.id),
        href: href(site, instance.id),
        name: instance.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(instance.created_at),
        lifecycle_state: instance.lifecycle.label(),
        lifecycle_reasons: failure("internal_error"),
        health_state: if instance.failure.is_some() { "faulted" } else { "ok" },
        health_reasons: failure("reservation_failed"),
        status: status(instance),
        status_reasons: failure("cannot_start"),
        startable: instance.lifecycle != Lifecycle::Deleting,
        profile: Reference::profile(site, instance.kind.as_deref().unwrap_or(NAMESPACE)),
        image: view.notes.contains_key(super::IMAGE_NOTE).then(|| Reference::image(site)),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &instance.zone),
        resource_group: Reference::resource_group(site),
        network_attachments: attachments.iter().map(new_style).collect(),
        primary_network_attachment: primary.filter(|_| !attachments.is_empty()).map(new_style),
        network_interfaces: view.attachments.iter().map(old_style).collect(),
        primary_network_interface: primary.map_or_else(|| none_primary(site, view), old_style),
        machine: machine(site, instance),
    })
}

/// What a virtual machine has, as far as this one has it.
#[derive(Serialize, JsonSchema)]
struct Machine {
    availability: Value,
    availability_policy: Value,
    bandwidth: u32,
    total_network_bandwidth: u32,
    total_volume_bandwidth: u32,
    volume_bandwidth_qos_mode: &'static str,
    boot_volume_attachment: Value,
    volume_attachments: [(); 0],
    cluster_network_attachments: [(); 0],
    confidential_compute_mode: &'static str,
    disks: [(); 0],
    enable_secure_boot: bool,
    memory: u64,
    metadata_service: Value,
    reservation_affinity: Value,
    software_attachments: [(); 0],
    threads_per_core: u32,
    vcpu: Value,
}

fn machine(site: &Site, instance: &Instance) -> Machine {
    let profile = instance.kind.as_deref().and_then(Profile::find).unwrap_or(Profile::Namespace);
    let network = instance.bandwidth_kbps.map_or(profile.network_mbps(), |kbps| kbps / 1000);
    Machine {
        availability: json!({ "class": "standard" }),
        availability_policy: json!({ "host_failure": "stop", "preemption": "stop" }),
        bandwidth: network,
        total_network_bandwidth: network,
        total_volume_bandwidth: 0,
        volume_bandwidth_qos_mode: "pooled",
        boot_volume_attachment: boot_volume(site, instance),
        volume_attachments: [],
        cluster_network_attachments: [],
        confidential_compute_mode: "disabled",
        disks: [],
        enable_secure_boot: false,
        memory: profile.memory_gib(),
        metadata_service: json!({ "enabled": false, "protocol": "http", "response_hop_limit": 1 }),
        reservation_affinity: json!({ "policy": "disabled", "pool": [] }),
        software_attachments: [],
        threads_per_core: 1,
        vcpu: json!({
            "architecture": "amd64",
            "count": profile.vcpus(),
            "manufacturer": "unassigned",
            "percentage": 100,
        }),
    }
}

/// What replies say of something that must be named and is not there.
fn absent(site: &Site) -> Value {
    json!({ "more_info": format!("{}/docs/ibm#absent", site.base_url) })
}

/// Nothing boots from a volume, so the one that must be named is shown as deleted.
fn boot_volume(site: &Site, instance: &Instance) -> Value {
    let id = "none";
    json!({
        "id": id,
        "name": id,
        "href": format!("{}/volume_attachments/{id}", href(site, instance.id)),
        "deleted": absent(site),
    })
}

/// The primary interface of an instance that has none, which only the operator can make.
fn none_primary(site: &Site, view: &InstanceView) -> Value {
    let (id, instance) = ("none", view.instance.id);
    let none = |path: String, resource_type: &str| {
        let (href, deleted) = (site.href(path), absent(site));
        json!({ "id": id, "name": id, "href": href, "deleted": deleted, "resource_type": resource_type })
    };
    let mut shown = none(format!("instances/{instance}/network_interfaces/{id}"), "network_interface");
    shown["subnet"] = none(format!("subnets/{id}"), crate::ibm::subnet::RESOURCE_TYPE);
    shown["subnet"]["crn"] = json!(site.crn(&view.instance.owner, &view.instance.zone, "subnet", id));
    shown["primary_ip"] = none(format!("subnets/{id}/reserved_ips/{id}"), crate::ibm::reserved_ip::RESOURCE_TYPE);
    shown["primary_ip"]["address"] = json!("0.0.0.0");
    shown
}

/// The status of an instance or a bare metal server: its lifecycle seen together with whether it should run.
pub(in crate::ibm) fn status(instance: &Instance) -> &'static str {
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
