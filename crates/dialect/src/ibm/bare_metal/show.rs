//! How replies show a bare metal server.

use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::Instance;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{COLLECTION, RESOURCE_TYPE, attachment, href, profile};
use crate::ibm::instance::status;
use crate::ibm::network_attachment::PORT_SPEED;
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection, network_interface};
use crate::view::{InstanceView, Page};
use crate::wire::timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServer")]
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
    bandwidth: u32,
    profile: Reference,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
    #[schemars(with = "Vec<attachment::ReferenceShape>")]
    network_attachments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<attachment::ReferenceShape>")]
    primary_network_attachment: Option<Value>,
    #[schemars(with = "Vec<network_interface::ReferenceShape>")]
    network_interfaces: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<network_interface::ReferenceShape>")]
    primary_network_interface: Option<Value>,
    #[serde(flatten)]
    machine: Machine,
}

/// What a machine of its own has beside: here, nothing that could be chosen.
#[derive(Serialize, JsonSchema)]
struct Machine {
    boot_target: Value,
    cpu: Value,
    disks: [Value; 0],
    enable_secure_boot: bool,
    firmware: Value,
    memory: u32,
    metadata_service: Value,
    reservation_affinity: Value,
    trusted_platform_module: Value,
}

#[derive(Serialize, Clone, JsonSchema)]
#[schemars(rename = "BareMetalServerReason")]
struct Reason {
    code: &'static str,
    message: String,
}

/// The server as replies show it.
pub fn encode(site: &Site, view: &InstanceView) -> Value {
    let server = &view.instance;
    let failure = |code| server.failure.iter().map(|why| Reason { code, message: why.clone() }).collect();
    let primary = view.attachments.iter().find(|view| view.attachment.primary);
    let reference = |view| attachment::encode_reference(site, view);
    let old_style = |view| network_interface::encode_reference(site, server.role, view);
    json!(Shape {
        id: server.id.to_string(),
        crn: site.crn(&server.owner, &server.zone, "bare-metal-server", server.id),
        href: href(site, server.id),
        name: server.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(server.created_at),
        lifecycle_state: server.lifecycle.label(),
        lifecycle_reasons: failure("internal_error"),
        health_state: health(server),
        health_reasons: Vec::new(),
        status: status(server),
        status_reasons: failure("cannot_start_network"),
        bandwidth: server.bandwidth_kbps.map_or(PORT_SPEED, |kbps| kbps / 1000),
        profile: profile::reference(site),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &server.zone),
        resource_group: Reference::resource_group(site),
        network_attachments: view.attachments.iter().map(reference).collect(),
        primary_network_attachment: primary.map(reference),
        network_interfaces: view.attachments.iter().map(old_style).collect(),
        primary_network_interface: primary.map(old_style),
        machine: machine(site, server),
    })
}

fn machine(site: &Site, server: &Instance) -> Machine {
    let disk = "none";
    Machine {
        // Nothing boots from a disk, so the one that must be named is shown as deleted.
        boot_target: json!({
            "id": disk,
            "name": disk,
            "href": format!("{}/disks/{disk}", href(site, server.id)),
            "resource_type": "bare_metal_server_disk",
            "deleted": { "more_info": href(site, server.id) },
        }),
        cpu: json!({ "architecture": "amd64", "core_count": 0, "socket_count": 0, "threads_per_core": 1 }),
        disks: [],
        enable_secure_boot: false,
        firmware: json!({ "update": "none" }),
        memory: 0,
        metadata_service: json!({ "enabled": false, "protocol": "http" }),
        reservation_affinity: json!({ "policy": "disabled", "pool": [] }),
        trusted_platform_module: json!({ "enabled": false, "mode": "disabled", "supported_modes": ["disabled"] }),
    }
}

fn health(server: &Instance) -> &'static str {
    match server.lifecycle {
        Lifecycle::Deleting | Lifecycle::Failed | Lifecycle::Pending => "inapplicable",
        Lifecycle::Stable | Lifecycle::Suspended | Lifecycle::Updating | Lifecycle::Waiting => "ok",
    }
}

/// A page of bare metal servers.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<InstanceView>) -> Value {
    collection::encode(site, COLLECTION, COLLECTION, paging, page, |view| encode(site, view))
}
