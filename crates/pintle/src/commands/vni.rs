//! `pintle vni`.

use std::net::Ipv4Addr;

use anyhow::bail;
use serde_json::{Value, json};

use super::subnet;
use crate::args::{Format, VniCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |v| text(v, "/name")),
    ("ID", |v| text(v, "/id")),
    ("ADDRESSES", |v| addresses(v)),
    ("MAC", |v| text(v, "/mac_address")),
    ("STATE", |v| text(v, "/lifecycle")),
    ("INSTANCE", |v| text(v, "/instance/name")),
    ("HOST", |v| text(v, "/host/name")),
    ("SUBNET", |v| text(v, "/subnet/name")),
];

const COLLECTION: &str = "/native/v1/virtual_network_interfaces";

fn addresses(vni: &Value) -> String {
    let all = vni["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

pub(super) async fn run(api: &Client, format: Format, command: VniCommand) -> anyhow::Result<()> {
    match command {
        VniCommand::Create { subnet, name, address, secondary, allow_ip_spoofing } => {
            let subnet = subnet::id(api, &subnet).await?;
            let body = body(&subnet, name, address, &secondary, allow_ip_spoofing);
            let created = api.post("/v1/virtual_network_interfaces", &body).await?;
            show(api, format, &text(&created, "/id")).await?;
        }
        VniCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        VniCommand::Get { vni } => show(api, format, &vni).await?,
        VniCommand::Delete { vni } => {
            let id = text(&api.get(&format!("{COLLECTION}/{vni}")).await?, "/id");
            api.delete(&format!("/v1/virtual_network_interfaces/{id}")).await?;
            output::deleted(format, &id);
        }
        VniCommand::Attach { vni, instance } => attach(api, format, &vni, &instance).await?,
        VniCommand::Detach { vni, force } => {
            let path = format!("{COLLECTION}/{vni}/actions/detach?wait=30");
            let answer = api.post(&path, &json!({ "force": force })).await?;
            if answer["settled"] != true {
                bail!(
                    "the host of '{vni}' has not let go of it within 30 s; 'pintle host list' says whether it is connected, --force does not wait for it"
                );
            }
            show(api, format, &vni).await?;
        }
        VniCommand::Move { vni, to } => move_to(api, format, &vni, &to).await?,
    }
    Ok(())
}

fn body(
    subnet: &str,
    name: Option<String>,
    address: Option<Ipv4Addr>,
    secondary: &[Ipv4Addr],
    spoofing: bool,
) -> Value {
    let mut body = json!({ "subnet": { "id": subnet }, "allow_ip_spoofing": spoofing });
    if let Some(name) = name {
        body["name"] = Value::String(name);
    }
    if let Some(address) = address {
        body["primary_ip"] = json!({ "address": address });
    }
    if !secondary.is_empty() {
        body["ips"] = secondary.iter().map(|address| json!({ "address": address })).collect();
    }
    body
}

async fn show(api: &Client, format: Format, vni: &str) -> anyhow::Result<()> {
    output::one(format, &api.get(&format!("{COLLECTION}/{vni}")).await?, COLUMNS);
    Ok(())
}

async fn attach(api: &Client, format: Format, vni: &str, instance: &str) -> anyhow::Result<()> {
    let path = format!("{COLLECTION}/{vni}/actions/attach?wait=30");
    let answer = api.post(&path, &json!({ "instance": instance })).await?;
    match answer["attachment"]["lifecycle"].as_str() {
        Some("stable") => show(api, format, vni).await,
        Some("waiting") => {
            eprintln!("attached; '{instance}' is stopped, so it takes effect when that starts");
            show(api, format, vni).await
        }
        Some("failed") => bail!("the host could not attach '{vni}': {}", text(&answer, "/attachment/failure")),
        _ => bail!(
            "'{vni}' is attached, but its host has not realised it within 30 s; 'pintle host list' says whether it is connected"
        ),
    }
}

async fn move_to(api: &Client, format: Format, vni: &str, to: &str) -> anyhow::Result<()> {
    let answer = api.post(&format!("{COLLECTION}/{vni}/actions/move"), &json!({ "to": to })).await?;
    match answer["outcome"].as_str() {
        Some("moved") => {
            if format == Format::Table {
                println!("moved in {:.1} ms", answer["duration_ms"].as_f64().unwrap_or_default());
            }
            show(api, format, vni).await
        }
        Some("aborted") => bail!("the move was given up, '{vni}' is where it was: {}", text(&answer, "/failure")),
        _ => bail!(
            "the move has not ended yet (step '{}'); 'pintle vni get {vni}' says how it goes on",
            text(&answer, "/step")
        ),
    }
}
