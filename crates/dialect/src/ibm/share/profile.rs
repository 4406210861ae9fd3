//! `/share/profiles`.

use pintle_core::model::TransitEncryption;
use pintle_core::share_profile::{PROFILES, ShareProfile};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::words::Nfs4;
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::Page;

/// What references call it.
pub const RESOURCE_TYPE: &str = "share_profile";
/// IBM's number for storage whose speed is its user's choice within what the size allows.
pub(super) const STORAGE_GENERATION: u32 = 1;

/// The URL of a profile.
pub fn href(site: &Site, name: &str) -> String {
    site.href(format_args!("share/profiles/{name}"))
}

/// A reference to a profile.
pub fn reference(site: &Site, name: &str) -> Reference {
    Reference::named(href(site, name), name, RESOURCE_TYPE)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShareProfile")]
pub(in crate::ibm) struct Shape {
    name: &'static str,
    href: String,
    resource_type: &'static str,
    family: &'static str,
    capacity: Value,
    iops: Value,
    bandwidth: Value,
    availability_modes: Value,
    storage_generation: Value,
    allowed_access_protocols: Value,
    allowed_transit_encryption_modes: Value,
}

/// The profile as replies show it.
pub fn encode(site: &Site, profile: &ShareProfile) -> Value {
    let (least_gb, most_gb, (least, most)) = (profile.least_gb, profile.most_gb(), profile.any_iops());
    let subset = |word: &str| json!({ "type": "subset", "default": [word], "values": [word] });
    json!(Shape {
        name: profile.name,
        href: href(site, profile.name),
        resource_type: RESOURCE_TYPE,
        family: "defined_performance",
        capacity: json!({ "type": "range", "min": least_gb, "max": most_gb, "default": least_gb, "step": 1 }),
        iops: json!({ "type": "dependent_range", "min": least, "max": most, "step": 1 }),
        bandwidth: json!({ "type": "dependent" }),
        availability_modes: json!({ "type": "fixed", "value": "zonal" }),
        storage_generation: json!({ "type": "fixed", "value": STORAGE_GENERATION }),
        allowed_access_protocols: subset(Nfs4::LABEL),
        allowed_transit_encryption_modes: subset(TransitEncryption::None.label()),
    })
}

/// All profiles from the one that `start` names on.
pub fn page(start: Option<&str>, limit: usize) -> Option<Page<&'static ShareProfile>> {
    let skip = match start {
        None => 0,
        Some(start) => PROFILES.iter().position(|profile| profile.name == start)?,
    };
    let items: Vec<&ShareProfile> = PROFILES.iter().skip(skip).take(limit).collect();
    let next = PROFILES.get(skip + items.len()).map(|profile| profile.name.to_owned());
    Some(Page { items, next, total: PROFILES.len() as u64 })
}

/// A page of profiles.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<&'static ShareProfile>) -> Value {
    collection::encode(site, "share/profiles", "profiles", paging, page, |profile| encode(site, profile))
}
