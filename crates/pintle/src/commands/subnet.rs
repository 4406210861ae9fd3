//! `pintle subnet`.

use serde_json::{Value, json};

use super::vpc;
use crate::args::{Format, SubnetCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |s| text(s, "/name")),
    ("ID", |s| text(s, "/id")),
    ("CIDR", |s| text(s, "/ipv4_cidr_block")),
    ("ZONE", |s| text(s, "/zone/name")),
    ("VPC", |s| text(s, "/vpc/name")),
    ("FREE", |s| text(s, "/available_ipv4_address_count")),
];

/// The id of the subnet that the user named.
pub(crate) async fn id(api: &Client, named: &str) -> anyhow::Result<String> {
    api.id("subnet", named).await
}

pub(super) async fn run(api: &Client, format: Format, command: SubnetCommand) -> anyhow::Result<()> {
    match command {
        SubnetCommand::Create { vpc, zone, cidr, name } => {
            let mut body = json!({
                "vpc": { "id": vpc::id(api, &vpc).await? },
                "zone": { "name": zone },
                "ipv4_cidr_block": cidr.to_string(),
            });
            if let Some(name) = name {
                body["name"] = Value::String(name);
            }
            output::one(format, &api.post("/v1/subnets", &body).await?, COLUMNS);
        }
        SubnetCommand::List => output::list(format, api.list("subnets").await?, COLUMNS),
        SubnetCommand::Get { subnet } => {
            let id = id(api, &subnet).await?;
            output::one(format, &api.get(&format!("/v1/subnets/{id}")).await?, COLUMNS);
        }
        SubnetCommand::Delete { subnet } => {
            let id = id(api, &subnet).await?;
            api.delete(&format!("/v1/subnets/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}
