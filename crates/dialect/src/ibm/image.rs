//! `/images`: what instances are made from.
//!
//! An instance is a network namespace that shares its host's system, so there is one image: that system.

use std::borrow::Cow;

use pintle_core::model::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::Site;
use super::reference::Reference;
use crate::wire::timestamp;

/// The id of the one image.
pub const ID: &str = "img-00000000000000001";
/// Its name.
pub const NAME: &str = "host-namespace";
/// What references call it.
pub const RESOURCE_TYPE: &str = "image";

/// The URL of the image.
pub fn href(site: &Site) -> String {
    site.href(format_args!("images/{ID}"))
}

/// The CRN of the image: a regional resource.
pub fn crn(site: &Site) -> String {
    site.public_crn("image", ID)
}

/// What tools are told of the image.
pub(in crate::ibm) struct Shape;

impl JsonSchema for Shape {
    fn schema_name() -> Cow<'static, str> {
        "Image".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": [
                "id", "crn", "href", "name", "resource_type", "created_at", "status", "visibility", "operating_system", "zones",
            ],
            "properties": {
                "id": { "const": ID },
                "name": { "const": NAME },
                "status": { "const": "available" },
                "zones": { "type": "array" },
            },
        })
    }
}

/// The image as replies show it. `zones`: where instances can be made from it; `made`: since when.
pub fn encode(site: &Site, zones: &[String], made: Timestamp) -> Value {
    let system = "linux-amd64";
    json!({
        "id": ID,
        "crn": crn(site),
        "href": href(site),
        "name": NAME,
        "resource_type": RESOURCE_TYPE,
        "created_at": timestamp(made),
        "status": "available",
        "status_reasons": [],
        "visibility": "public",
        "encryption": "none",
        "file": {},
        "user_data_format": "cloud_init",
        "catalog_offering": { "managed": false },
        "allowed_use": { "api_version": "2026-10-06", "bare_metal_server": "false", "instance": "true" },
        "operating_system": {
            "name": system,
            "href": site.href(format_args!("operating_systems/{system}")),
            "display_name": "Linux, the system of the instance's host",
            "family": "Linux",
            "vendor": "the host's",
            "version": "the host's",
            "architecture": "amd64",
            "allow_user_image_creation": false,
            "dedicated_host_only": false,
            "user_data_format": "cloud_init",
        },
        "resource_group": Reference::resource_group(site),
        "zones": zones.iter().map(|zone| Reference::zone(site, zone)).collect::<Vec<_>>(),
    })
}
