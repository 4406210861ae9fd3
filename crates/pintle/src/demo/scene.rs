//! The demo's network, made through the API as anyone would make it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::Client;

/// The interface that is moved about.
pub(super) const WEB: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 10);
/// The client's address, in the other subnet.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 20, 2, 10);

/// An instance of the demo.
pub(super) struct Guest {
    /// Its name.
    pub(super) name: &'static str,
    /// The host it is on.
    pub(super) host: String,
    /// Its id.
    pub(super) id: String,
}

impl Guest {
    /// Its network namespace.
    pub(super) fn namespace(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.id)
    }
}

/// What the demo shows.
pub(super) struct Scene {
    /// The three instances that can hold the interface: two on the first host, one on the second.
    pub(super) servers: [Guest; 3],
    /// The instance that asks, on the second host.
    pub(super) client: Guest,
    /// The moving interface's id.
    pub(super) web: String,
}

impl Scene {
    /// Waits for the hosts and makes everything.
    pub(super) async fn make(api: &Client, hosts: [&str; 2]) -> anyhow::Result<Scene> {
        wait_for_hosts(api, hosts).await?;
        let vpc = id(&api.post("/v1/vpcs", &json!({ "name": "demo", "address_prefix_management": "manual" })).await?)?;
        let apps = subnet(api, &vpc, "apps", "10.20.1.0/24").await?;
        let clients = subnet(api, &vpc, "clients", "10.20.2.0/24").await?;
        let servers = [
            guest(api, &vpc, hosts[0], "web-1").await?,
            guest(api, &vpc, hosts[0], "web-2").await?,
            guest(api, &vpc, hosts[1], "web-3").await?,
        ];
        let client = guest(api, &vpc, hosts[1], "client").await?;
        let web = vni(api, &apps, "web", WEB).await?;
        attach(api, &web, &servers[0].id).await?;
        let asking = vni(api, &clients, "client", CLIENT).await?;
        attach(api, &asking, &client.id).await?;
        Ok(Scene { servers, client, web })
    }

    /// Moves the interface to a server and waits until the move has ended.
    pub(super) async fn move_to(&self, api: &Client, server: &Guest) -> anyhow::Result<()> {
        let path = format!("/native/v1/virtual_network_interfaces/{}/actions/move", self.web);
        let answer = api.post(&path, &json!({ "to": server.id })).await?;
        if answer["outcome"] != "moved" {
            bail!("the interface was not moved: {answer}");
        }
        Ok(())
    }
}

async fn wait_for_hosts(api: &Client, hosts: [&str; 2]) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let known = api.get("/native/v1/hosts").await?;
        let connected = |name: &str| {
            known["items"]
                .as_array()
                .is_some_and(|all| all.iter().any(|host| host["name"] == name && host["connected"] == true))
        };
        if hosts.into_iter().all(connected) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the demo's agents did not join within 20 s; 'pintle doctor' says what this machine lacks");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn subnet(api: &Client, vpc: &str, name: &str, cidr: &str) -> anyhow::Result<String> {
    let body = json!({ "name": name, "vpc": { "id": vpc }, "zone": { "name": "local-1" }, "ipv4_cidr_block": cidr });
    id(&api.post("/v1/subnets", &body).await?)
}

async fn vni(api: &Client, subnet: &str, name: &str, address: Ipv4Addr) -> anyhow::Result<String> {
    let body = json!({ "name": name, "subnet": { "id": subnet }, "primary_ip": { "address": address } });
    id(&api.post("/v1/virtual_network_interfaces", &body).await?)
}

async fn guest(api: &Client, vpc: &str, host: &str, name: &'static str) -> anyhow::Result<Guest> {
    let body = json!({ "name": name, "vpc": vpc, "host": host, "namespace": { "made": true } });
    let id = id(&api.post("/native/v1/instances", &body).await?)?;
    Ok(Guest { name, host: host.to_owned(), id })
}

async fn attach(api: &Client, vni: &str, instance: &str) -> anyhow::Result<()> {
    let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/attach?wait=30");
    let answer = api.post(&path, &json!({ "instance": instance })).await?;
    if answer["attachment"]["lifecycle"] != "stable" {
        bail!("an interface could not be attached: {answer}");
    }
    Ok(())
}

fn id(value: &Value) -> anyhow::Result<String> {
    value["id"].as_str().map(str::to_owned).with_context(|| format!("the answer has no id: {value}"))
}
