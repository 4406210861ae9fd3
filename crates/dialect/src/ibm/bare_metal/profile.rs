//! `/bare_metal_server/profiles`: the one profile, and what it says of network attachments.

use pintle_core::limits::CARDS_OF_BARE_METAL;
use pintle_core::model::MAX_INDEX;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::identity;
use crate::ibm::network_attachment::PORT_SPEED;
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::problem::Problem;
use crate::view::Page;

/// What references call it.
pub const RESOURCE_TYPE: &str = "bare_metal_server_profile";
/// The one profile: a place on a host of the zone, with network cards.
pub const NAME: &str = "metal";
const COLLECTION: &str = "bare_metal_server/profiles";

/// The URL of the profile.
pub fn href(site: &Site) -> String {
    site.href(format_args!("{COLLECTION}/{NAME}"))
}

/// A reference to it.
pub(super) fn reference(site: &Site) -> Reference {
    Reference::named(href(site), NAME, RESOURCE_TYPE)
}

/// A profile, by name or by URL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerProfileIdentity")]
pub struct ProfileIdentity {
    name: Option<String>,
    href: Option<String>,
}

/// That a prototype asks for the profile that there is.
pub(super) fn check(asked: &ProfileIdentity) -> Result<(), Problem> {
    let by_href = asked.href.as_deref().map(identity::last_segment);
    let names = [asked.name.as_deref(), by_href];
    if names.iter().all(Option::is_none) {
        return Err(Problem::field("profile", "it needs a 'name' or an 'href'"));
    }
    match names.into_iter().flatten().find(|name| *name != NAME) {
        None => Ok(()),
        Some(_) => Err(Problem::field("profile", format!("the only profile is '{NAME}'"))),
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerProfile")]
pub(in crate::ibm) struct Shape {
    name: &'static str,
    href: String,
    resource_type: &'static str,
    family: &'static str,
    bandwidth: Value,
    console_types: Value,
    cpu_architecture: Value,
    cpu_core_count: Value,
    cpu_socket_count: Value,
    disks: [Value; 0],
    memory: Value,
    network_attachment_count: Value,
    network_interface_count: Value,
    os_architecture: Value,
    reservation_terms: Value,
    supported_trusted_platform_module_modes: Value,
    virtual_network_interfaces_supported: Value,
    zones: Vec<Reference>,
}

/// The profile as replies show it, in these zones. It has no processors, memory or disks of its own to speak of.
pub fn encode(site: &Site, zones: &[String]) -> Value {
    let fixed = |value: Value| json!({ "type": "fixed", "value": value });
    let count = || json!({ "type": "range", "min": 1, "max": u32::from(MAX_INDEX) + 1 });
    let choice = |values: Value| json!({ "type": "enum", "values": values });
    let mut os_architecture = choice(json!(["amd64"]));
    os_architecture["default"] = json!("amd64");
    let mut tpm = choice(json!(["disabled"]));
    tpm["default"] = json!("disabled");
    json!(Shape {
        name: NAME,
        href: href(site),
        resource_type: RESOURCE_TYPE,
        family: "namespace",
        bandwidth: fixed(json!(PORT_SPEED * u32::from(CARDS_OF_BARE_METAL))),
        console_types: choice(json!([])),
        cpu_architecture: fixed(json!("amd64")),
        cpu_core_count: fixed(json!(0)),
        cpu_socket_count: fixed(json!(0)),
        disks: [],
        memory: fixed(json!(0)),
        network_attachment_count: count(),
        network_interface_count: count(),
        os_architecture,
        reservation_terms: choice(json!([])),
        supported_trusted_platform_module_modes: tpm,
        virtual_network_interfaces_supported: fixed(json!(true)),
        zones: zones.iter().map(|zone| Reference::zone(site, zone)).collect(),
    })
}

/// The page of profiles.
pub fn encode_page(site: &Site, paging: &collection::Paging, zones: &[String]) -> Value {
    let page = Page { items: vec![zones], next: None, total: 1 };
    collection::encode(site, COLLECTION, "profiles", paging, &page, |zones| encode(site, zones))
}
