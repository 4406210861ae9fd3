//! A lab as a client of the EC2 API or of IBM's VPC API sees it: an endpoint's URL, a pair of keys or a token, and nothing else.
//!
//! Clients are run unmodified, with an empty environment but for what their own documentation names, in the namespace of
//! the server. What they have asked for is then judged by packets: [`Packets`].

mod client;
mod dialogue;
pub mod document;
mod ec2;
mod forged;
mod guest_image;
mod packets;
mod translated;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use crate::bench::signed::Key;
use crate::internet::POOL;
use crate::world::{Lab, LabOptions};

pub use client::{Client, repository};
pub use dialogue::{Dialogue, converse};
pub use ec2::Ec2;
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

    /// A program that is to use the EC2 API, with what clients read from their environment and nothing else.
    pub fn client(&self, program: impl Into<PathBuf>) -> Client {
        let mut client = self.bare_client(program);
        self.tell_ec2(&mut client);
        client
    }

    /// A Python program that is to use IBM's VPC API by IBM's SDK, with what the SDK reads from its environment.
    ///
    /// # Errors
    /// When no API key can be had.
    pub fn ibm_client(&self) -> anyhow::Result<Client> {
        self.python(&[])
    }

    /// A Python program that is to use both APIs, by boto3 and by IBM's SDK.
    ///
    /// # Errors
    /// As [`Cloud::ibm_client`].
    pub fn both_clients(&self) -> anyhow::Result<Client> {
        let libraries = repository().join("target/aws/lib");
        let version = std::fs::read_dir(&libraries)
            .with_context(|| format!("{}: run scripts/setup-clients.sh", libraries.display()))?
            .next()
            .context("no Python there")??;
        let mut client = self.python(&[repository().join("scripts/aws"), version.path().join("site-packages")])?;
        self.tell_ec2(&mut client);
        Ok(client)
    }

    /// A client that sends the EC2 API what it is told.
    ///
    /// # Errors
    /// When it can't connect.
    pub fn ec2(&self) -> anyhow::Result<Ec2> {
        let key = Key { id: KEY.to_owned(), secret: SECRET.to_owned(), region: REGION.to_owned() };
        Ec2::connect(&self.lab.control_namespace(), self.lab.api_address(), key)
    }

    fn tell_ec2(&self, client: &mut Client) {
        let url = format!("http://{}", self.lab.api_address());
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
    }

    /// The Python that has IBM's SDK, with modules from these folders too.
    fn python(&self, folders: &[PathBuf]) -> anyhow::Result<Client> {
        // An administrator may do neither of the other two by that.
        let roles = ["administrator", "ip-spoofing-operator", "infrastructure-nat-operator"];
        let policies = roles.map(|role| json!({ "role": role }));
        let key = self.lab.api.post("/native/v1/api_keys", json!({ "name": "test", "policies": policies }))?;
        let secret = key["secret"].as_str().with_context(|| format!("an API key without a secret: {key}"))?;
        let mut client = self.bare_client(repository().join("target/ibm/bin/python"));
        let url = format!("http://{}", self.lab.api_address());
        for (name, value) in [
            ("VPC_URL", format!("{url}/v1").as_str()),
            // The SDK exchanges the key for a token, and the token for a new one in time.
            ("VPC_AUTH_TYPE", "iam"),
            ("VPC_AUTH_URL", url.as_str()),
            ("VPC_APIKEY", secret),
            ("PINTLE_ZONE", ZONE),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ] {
            client.env(name, value);
        }
        let own = ["scripts/ibm", "crates/lab/tests/clients"].map(|folder| repository().join(folder));
        client.env("PYTHONPATH", std::env::join_paths(own.iter().chain(folders))?);
        Ok(client)
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
