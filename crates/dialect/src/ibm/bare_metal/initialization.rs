//! `/bare_metal_servers/{id}/initialization`: what a server was made from. Nothing boots here, so it is taken and not kept.

use pintle_core::id::InstanceId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::Site;

/// What a prototype says of how a server is to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerInitializationPrototype")]
pub struct Initialization {
    #[serde(rename = "image")]
    _image: Named,
    #[serde(rename = "keys")]
    _keys: Vec<Named>,
    #[serde(rename = "user_data")]
    _user_data: Option<String>,
}

/// An image or a key, by whichever of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerInitializationIdentity")]
struct Named {
    #[serde(rename = "id")]
    _id: Option<String>,
    #[serde(rename = "crn")]
    _crn: Option<String>,
    #[serde(rename = "href")]
    _href: Option<String>,
    #[serde(rename = "fingerprint")]
    _fingerprint: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerInitialization")]
pub(in crate::ibm) struct Shape {
    image: Value,
    keys: [Value; 0],
    user_accounts: [Value; 0],
}

/// What a server was made from, as replies show it: an image that is not there, and no keys.
pub fn encode(site: &Site, server: InstanceId) -> Value {
    let id = "none";
    json!(Shape {
        image: json!({
            "id": id,
            "crn": site.public_crn("image", id),
            "href": site.href(format_args!("images/{id}")),
            "name": id,
            "resource_type": "image",
            "deleted": { "more_info": format!("{}#initialization", super::href(site, server)) },
        }),
        keys: [],
        user_accounts: [],
    })
}
