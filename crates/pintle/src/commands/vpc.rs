//! `pintle vpc`.

use serde_json::json;

use crate::args::{Format, VpcCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |v| text(v, "/name")),
    ("ID", |v| text(v, "/id")),
    ("STATUS", |v| text(v, "/status")),
    ("CREATED", |v| text(v, "/created_at")),
];

/// The id of the VPC that the user named.
pub(crate) async fn id(api: &Client, named: &str) -> anyhow::Result<String> {
    api.id("vpc", named).await
}

pub(super) async fn run(api: &Client, format: Format, command: VpcCommand) -> anyhow::Result<()> {
    match command {
        VpcCommand::Create { name, ipv6, dns, domain } => {
            let body = json!({ "name": name, "ipv6_cidrs": ipv6, "dhcp": { "dns": dns, "domain": domain } });
            let made = api.post("/native/v1/vpcs", &body).await?;
            output::one(format, &api.get(&format!("/v1/vpcs/{}", text(&made, "/id"))).await?, COLUMNS);
        }
        VpcCommand::List => output::list(format, api.list("vpcs").await?, COLUMNS),
        VpcCommand::Get { vpc } => {
            let id = id(api, &vpc).await?;
            output::one(format, &api.get(&format!("/v1/vpcs/{id}")).await?, COLUMNS);
        }
        VpcCommand::Delete { vpc } => {
            let id = id(api, &vpc).await?;
            api.delete(&format!("/v1/vpcs/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}
