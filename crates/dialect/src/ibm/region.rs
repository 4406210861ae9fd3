//! `/regions` and their zones.

use pintle_core::model::Region;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::Site;
use super::reference::Reference;

/// The URL of a region.
pub fn href(site: &Site, region: &str) -> String {
    site.href(format_args!("regions/{region}"))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Region")]
pub(in crate::ibm) struct Shape {
    name: String,
    href: String,
    endpoint: String,
    status: &'static str,
}

/// The region as replies show it: all of them are at the server's one address, each below a path of its own.
pub fn encode(site: &Site, region: &Region) -> Value {
    json!(Shape {
        name: region.name.clone(),
        href: href(site, &region.name),
        endpoint: site.endpoint(&region.name),
        status: "available",
    })
}

/// All regions: this collection has no pages.
pub fn encode_all(site: &Site, regions: &[Region]) -> Value {
    json!({ "regions": regions.iter().map(|region| encode(site, region)).collect::<Vec<_>>() })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Zone")]
pub(in crate::ibm) struct ZoneShape {
    name: String,
    href: String,
    region: Reference,
    status: &'static str,
}

/// A zone of a region as replies show it.
pub fn encode_zone(site: &Site, region: &str, zone: &str) -> Value {
    json!(ZoneShape {
        name: zone.to_owned(),
        href: format!("{}/zones/{zone}", href(site, region)),
        region: Reference::region(site, region),
        status: "available",
    })
}

/// All zones of a region: this collection has no pages.
pub fn encode_zones(site: &Site, region: &str, zones: &[String]) -> Value {
    json!({ "zones": zones.iter().map(|zone| encode_zone(site, region, zone)).collect::<Vec<_>>() })
}
