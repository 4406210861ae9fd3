//! `pintle floating-ip`, `pintle public-gateway` and `pintle public-pool`.

use serde_json::{Value, json};

use crate::args::{FloatingIpCommand, Format, PublicGatewayCommand, PublicPoolCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const IP_COLUMNS: &[Column] = &[
    ("NAME", |i| text(i, "/name")),
    ("ID", |i| text(i, "/id")),
    ("ADDRESS", |i| text(i, "/address")),
    ("ZONE", |i| text(i, "/zone")),
    ("INTERFACE", |i| text(i, "/virtual_network_interface/name")),
    ("PRIVATE ADDRESS", |i| text(i, "/private_address")),
    ("PUBLIC GATEWAY", |i| text(i, "/public_gateway/name")),
];

const GATEWAY_COLUMNS: &[Column] = &[
    ("NAME", |g| text(g, "/name")),
    ("ID", |g| text(g, "/id")),
    ("VPC", |g| text(g, "/vpc/name")),
    ("ZONE", |g| text(g, "/zone")),
    ("ADDRESS", |g| text(g, "/address")),
    ("HOST", |g| text(g, "/host/name")),
];

const POOL_COLUMNS: &[Column] = &[
    ("NAME", |p| text(p, "/name")),
    ("ID", |p| text(p, "/id")),
    ("ZONE", |p| text(p, "/zone")),
    ("RANGES", |p| p["cidrs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
];

const IPS: &str = "/native/v1/floating_ips";
const GATEWAYS: &str = "/native/v1/public_gateways";
const POOLS: &str = "/native/v1/public_pools";
/// The zone that hosts and subnets are in unless told otherwise.
const DEFAULT_ZONE: &str = "local-1";

pub(super) async fn floating_ip(api: &Client, format: Format, command: FloatingIpCommand) -> anyhow::Result<()> {
    match command {
        FloatingIpCommand::Create { name, zone, address, vni, private_address } => {
            let mut body = json!({ "name": name, "address": address });
            match vni {
                Some(vni) => body["target"] = json!({ "vni": vni, "private_address": private_address }),
                None => body["zone"] = json!(zone.as_deref().unwrap_or(DEFAULT_ZONE)),
            }
            output::one(format, &api.post(IPS, &body).await?, IP_COLUMNS);
        }
        FloatingIpCommand::List => output::list(format, api.native_list(IPS).await?, IP_COLUMNS),
        FloatingIpCommand::Get { ip } => output::one(format, &api.get(&format!("{IPS}/{ip}")).await?, IP_COLUMNS),
        FloatingIpCommand::Associate { ip, vni, private_address, reassociate } => {
            let body = json!({ "vni": vni, "private_address": private_address, "reassociate": reassociate });
            output::one(format, &api.post(&format!("{IPS}/{ip}/actions/associate"), &body).await?, IP_COLUMNS);
        }
        FloatingIpCommand::Disassociate { ip } => {
            let changed = api.post(&format!("{IPS}/{ip}/actions/disassociate"), &json!({})).await?;
            output::one(format, &changed, IP_COLUMNS);
        }
        FloatingIpCommand::Delete { ip } => delete(api, format, IPS, &ip).await?,
    }
    Ok(())
}

pub(super) async fn gateway(api: &Client, format: Format, command: PublicGatewayCommand) -> anyhow::Result<()> {
    match command {
        PublicGatewayCommand::Create { vpc, name, zone, floating_ip, host } => {
            let body = json!({ "vpc": vpc, "name": name, "zone": zone, "floating_ip": floating_ip, "host": host });
            output::one(format, &api.post(GATEWAYS, &body).await?, GATEWAY_COLUMNS);
        }
        PublicGatewayCommand::List => output::list(format, api.native_list(GATEWAYS).await?, GATEWAY_COLUMNS),
        PublicGatewayCommand::Delete { gateway } => delete(api, format, GATEWAYS, &gateway).await?,
    }
    Ok(())
}

pub(super) async fn pool(api: &Client, format: Format, command: PublicPoolCommand) -> anyhow::Result<()> {
    match command {
        PublicPoolCommand::Create { name, zone, cidrs } => {
            let body = json!({ "name": name, "zone": zone, "cidrs": cidrs });
            output::one(format, &api.post(POOLS, &body).await?, POOL_COLUMNS);
        }
        PublicPoolCommand::List => output::list(format, api.native_list(POOLS).await?, POOL_COLUMNS),
        PublicPoolCommand::Delete { pool } => delete(api, format, POOLS, &pool).await?,
    }
    Ok(())
}

async fn delete(api: &Client, format: Format, collection: &str, named: &str) -> anyhow::Result<()> {
    let id = text(&api.get(&format!("{collection}/{named}")).await?, "/id");
    api.delete(&format!("{collection}/{id}")).await?;
    output::deleted(format, &id);
    Ok(())
}
