//! `pintle instance`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::exec;
use crate::args::{Format, InstanceCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

pub(super) const COLUMNS: &[Column] = &[
    ("NAME", |i| text(i, "/name")),
    ("ID", |i| text(i, "/id")),
    ("STATE", |i| text(i, "/state")),
    ("LIFECYCLE", |i| text(i, "/lifecycle")),
    ("HOST", |i| text(i, "/host/name")),
    ("ZONE", |i| text(i, "/zone")),
    ("INTERFACES", |i| interfaces(i)),
    ("NAMESPACE", |i| text(i, "/namespace/path")),
    ("FAILURE", |i| text(i, "/failure")),
];

const COLLECTION: &str = "/native/v1/instances";
/// The zone that hosts and subnets are in unless told otherwise.
pub(super) const DEFAULT_ZONE: &str = "local-1";
/// How long a host may take to make or start an instance before that is called slow.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// The same for a deletion.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// How often the server is asked meanwhile.
const INTERVAL: Duration = Duration::from_millis(20);

fn interfaces(instance: &Value) -> String {
    let all = instance["interfaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What a machine behind a tap calls its device is its own affair.
    let device = if instance["namespace"]["kind"] == "tap" { "/attachment/host_device" } else { "/attachment/device" };
    let one = |interface: &Value| {
        format!("{}={}", text(interface, device), text(interface, "/virtual_network_interface/name"))
    };
    if all.is_empty() { "-".to_owned() } else { all.iter().map(one).collect::<Vec<_>>().join(",") }
}

pub(super) async fn run(api: &Client, format: Format, command: InstanceCommand) -> anyhow::Result<ExitCode> {
    match command {
        InstanceCommand::Create { vpc, host, zone, name, netns, pid, tap, tap_owner, vni, no_wait } => {
            let namespace = match (netns, pid) {
                (Some(path), _) => json!({ "path": path }),
                (None, Some(pid)) => json!({ "pid": pid }),
                (None, None) if tap => json!({ "tap": { "owner": tap_owner } }),
                (None, None) => json!({ "made": true }),
            };
            let mut body = json!({ "vpc": vpc, "namespace": namespace });
            let zone = zone.or_else(|| host.is_none().then(|| DEFAULT_ZONE.to_owned()));
            for (field, value) in [("host", host), ("zone", zone), ("name", name)] {
                if let Some(value) = value {
                    body[field] = Value::String(value);
                }
            }
            if let Some(vni) = vni {
                body["primary"] = json!({ "vni": vni });
            }
            create(api, format, &body, no_wait).await?;
        }
        InstanceCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        InstanceCommand::Get { instance } => output::one(format, &get(api, &instance).await?, COLUMNS),
        InstanceCommand::Delete { instance } => delete(api, format, &instance).await?,
        InstanceCommand::Start { instance } => act(api, format, &instance, "start").await?,
        InstanceCommand::Stop { instance } => act(api, format, &instance, "stop").await?,
        InstanceCommand::Exec { instance, command } => {
            let instance = get(api, &instance).await?;
            return exec::become_command(&instance, &command);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates what this body says, and shows it, once its host has realised it unless nobody waits.
pub(super) async fn create(api: &Client, format: Format, body: &Value, no_wait: bool) -> anyhow::Result<()> {
    let made = api.post(COLLECTION, body).await?;
    if no_wait {
        output::one(format, &made, COLUMNS);
        return Ok(());
    }
    show_ready(api, format, made).await
}

pub(super) async fn get(api: &Client, named: &str) -> anyhow::Result<Value> {
    api.get(&format!("{COLLECTION}/{named}")).await
}

/// Shows an instance once its host has realised it; an error when the host can't, or takes too long.
pub(super) async fn show_ready(api: &Client, format: Format, mut instance: Value) -> anyhow::Result<()> {
    let id = text(&instance, "/id");
    let deadline = Instant::now() + READY_WITHIN;
    while matches!(instance["lifecycle"].as_str(), Some("pending" | "updating")) && Instant::now() < deadline {
        tokio::time::sleep(INTERVAL).await;
        instance = get(api, &id).await?;
    }
    output::one(format, &instance, COLUMNS);
    let (name, host) = (text(&instance, "/name"), text(&instance, "/host/name"));
    match instance["lifecycle"].as_str() {
        Some("failed") => bail!("host '{host}' could not realise '{name}': {}", text(&instance, "/failure")),
        Some("pending" | "updating") => bail!(
            "'{name}' exists, but host '{host}' has not realised it within {} s; 'pintle host list' says whether it is connected",
            READY_WITHIN.as_secs()
        ),
        _ => Ok(()),
    }
}

async fn act(api: &Client, format: Format, named: &str, action: &str) -> anyhow::Result<()> {
    let id = text(&get(api, named).await?, "/id");
    api.post(&format!("/v1/instances/{id}/actions"), &json!({ "type": action })).await?;
    show_ready(api, format, get(api, &id).await?).await
}

pub(super) async fn delete(api: &Client, format: Format, named: &str) -> anyhow::Result<()> {
    let instance = get(api, named).await?;
    let id = text(&instance, "/id");
    api.delete(&format!("{COLLECTION}/{id}")).await?;
    let deadline = Instant::now() + GONE_WITHIN;
    while api.find(&format!("{COLLECTION}/{id}")).await?.is_some() {
        if Instant::now() > deadline {
            bail!(
                "{id} is being deleted, but its host '{}' has not let go of it; 'pintle host list' says whether it is connected",
                text(&instance, "/host/name")
            );
        }
        tokio::time::sleep(INTERVAL).await;
    }
    output::deleted(format, &id);
    Ok(())
}
