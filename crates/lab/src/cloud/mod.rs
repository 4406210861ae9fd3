//! A lab as a client of the EC2 API sees it: an endpoint's URL, a pair of keys, and nothing else.
//!
//! Clients are run unmodified, with an empty environment but for what their own documentation names, in the namespace of
//! the server. What they have asked for is then judged by packets: [`Packets`].

mod client;
mod dialogue;
mod guest_image;
mod packets;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use crate::internet::POOL;
use crate::world::{Lab, LabOptions};

pub use client::{Client, repository};
pub use dialogue::{Dialogue, converse};
pub use packets::{OUTSIDE, Packets};

/// The region: one of those that Libcloud knows, as it takes no others, and signs requests of by version 4.
pub const REGION: &str = "eu-central-1";
/// Its one zone.
pub const ZONE: &str = "eu-central-1a";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Kinds of what tenants make, as the native API lists them.
const KINDS: &[&str] =
    &["vpcs", "subnets", "virtual_network_interfaces", "instances", "security_groups", "network_acls", "floating_ips"];

/// A lab with a public network and an access key.
pub struct Cloud {
    /// The lab.
    pub lab: Lab,
    /// What was there before any client came, such as the account's default VPC.
    before: BTreeSet<String>,
}

impl Cloud {
    /// Two hosts in one zone, a public network, and an access key of the first account.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn start() -> anyhow::Result<Cloud> {
        let region = format!("--region={REGION}={ZONE}");
        let options = LabOptions {
            hosts: 2,
            internet: true,
            zones: vec![ZONE.to_owned()],
            server_options: vec![region],
            ..LabOptions::default()
        };
        let lab = Lab::with(&options)?;
        lab.api.post("/native/v1/public_pools", json!({ "zone": ZONE, "cidrs": [POOL] }))?;
        lab.api.post("/native/v1/access_keys", json!({ "id": KEY, "secret": SECRET }))?;
        let before = inventory(&lab)?;
        Ok(Cloud { lab, before })
    }

    /// A program that is to use the API, with what clients read from their environment and nothing else.
    pub fn client(&self, program: impl Into<PathBuf>) -> Client {
        let url = format!("http://{}", self.lab.api_address());
        let mut client = self.bare_client(program);
        for (name, value) in [
            // The CLI, boto3 and the SDK for JavaScript read the first, Ansible the second.
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_URL", url.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("PINTLE_ZONE", ZONE),
        ] {
            client.env(name, value);
        }
        client
    }

    /// A program that has yet to find out where the API is.
    pub fn bare_client(&self, program: impl Into<PathBuf>) -> Client {
        Client::new(program, &self.lab.control_namespace(), self.lab.folder())
    }

    /// What packets say of it.
    pub fn packets(&self) -> Packets<'_> {
        Packets::new(&self.lab)
    }

    /// What clients have made and not removed, by the operator's view of everything: kind and id.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        Ok(inventory(&self.lab)?.difference(&self.before).cloned().collect())
    }
}

fn inventory(lab: &Lab) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for kind in KINDS {
        let answer = lab.api.get(&format!("/native/v1/{kind}"))?;
        let items = answer["items"].as_array().with_context(|| format!("{kind}: no list: {answer}"))?;
        all.extend(items.iter().map(|item| format!("{kind} {}", item["id"].as_str().unwrap_or("?"))));
    }
    Ok(all)
}
