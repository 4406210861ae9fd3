//! How replies show an interface.

use pintle_core::lifecycle::Lifecycle;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::{Page, VniView};
use crate::wire::timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VirtualNetworkInterface")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    allow_ip_spoofing: bool,
    auto_delete: bool,
    enable_infrastructure_nat: bool,
    protocol_state_filtering_mode: &'static str,
    mac_address: String,
    primary_ip: Reference,
    ips: Vec<Reference>,
    security_groups: Vec<Reference>,
    subnet: Reference,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Reference>,
}

fn shape(site: &Site, view: &VniView, lifecycle: Lifecycle) -> Shape {
    let vni = &view.vni;
    Shape {
        id: vni.id.to_string(),
        crn: super::crn(site, vni),
        href: super::href(site, vni.id),
        name: vni.name.clone(),
        resource_type: super::RESOURCE_TYPE,
        created_at: timestamp(vni.created_at),
        lifecycle_state: lifecycle.label(),
        allow_ip_spoofing: vni.allow_ip_spoofing,
        auto_delete: vni.auto_delete,
        enable_infrastructure_nat: vni.enable_infrastructure_nat,
        protocol_state_filtering_mode: vni.protocol_state_filtering.name(),
        mac_address: vni.mac.to_string(),
        primary_ip: Reference::reserved_ip(site, &view.primary_ip),
        ips: view.ips().map(|ip| Reference::reserved_ip(site, ip)).collect(),
        security_groups: view.security_groups.iter().map(|group| Reference::security_group(site, group)).collect(),
        subnet: Reference::subnet(site, &view.subnet),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &vni.zone),
        resource_group: Reference::resource_group(site),
        target: view.attachment.as_ref().map(|attachment| match view.serves() {
            Some(share) => Reference::mount_target(site, share, attachment),
            None => Reference::attachment(site, view.role, attachment),
        }),
    }
}

/// The interface as replies show it.
pub fn encode(site: &Site, view: &VniView) -> Value {
    json!(shape(site, view, view.vni.lifecycle))
}

/// The interface as the reply to its deletion shows it: as it was, on its way out.
pub fn encode_deleted(site: &Site, view: &VniView) -> Value {
    json!(shape(site, view, Lifecycle::Deleting))
}

/// A page of interfaces.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<VniView>) -> Value {
    let key = "virtual_network_interfaces";
    collection::encode(site, key, key, paging, page, |view| encode(site, view))
}
