//! `pintle instance`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use super::exec;
use crate::args::{Format, InstanceCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
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
/// How long a deletion may take before it is called slow.
const GONE_WITHIN: Duration = Duration::from_secs(30);

fn interfaces(instance: &Value) -> String {
    let all = instance["interfaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |interface: &Value| {
        format!("{}={}", text(interface, "/attachment/device"), text(interface, "/virtual_network_interface/name"))
    };
    all.iter().map(one).collect::<Vec<_>>().join(",")
}

pub(super) async fn run(api: &Client, format: Format, command: InstanceCommand) -> anyhow::Result<ExitCode> {
    match command {
        InstanceCommand::Create { vpc, host, zone, name, netns, pid, vni } => {
            let namespace = match (netns, pid) {
                (Some(path), _) => json!({ "path": path }),
                (None, Some(pid)) => json!({ "pid": pid }),
                (None, None) => json!({ "made": true }),
            };
            let mut body = json!({ "vpc": vpc, "namespace": namespace });
            for (field, value) in [("host", host), ("zone", zone), ("name", name)] {
                if let Some(value) = value {
                    body[field] = Value::String(value);
                }
            }
            if let Some(vni) = vni {
                body["primary"] = json!({ "vni": vni });
            }
            output::one(format, &api.post(COLLECTION, &body).await?, COLUMNS);
        }
        InstanceCommand::List => output::many(format, &api.native_list(COLLECTION).await?, COLUMNS),
        InstanceCommand::Get { instance } => output::one(format, &get(api, &instance).await?, COLUMNS),
        InstanceCommand::Delete { instance } => delete(api, &instance).await?,
        InstanceCommand::Start { instance } => act(api, format, &instance, "start").await?,
        InstanceCommand::Stop { instance } => act(api, format, &instance, "stop").await?,
        InstanceCommand::Exec { instance, command } => {
            let instance = get(api, &instance).await?;
            return exec::become_command(&text(&instance, "/namespace/path"), &command);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(api: &Client, named: &str) -> anyhow::Result<Value> {
    api.get(&format!("{COLLECTION}/{named}")).await
}

async fn act(api: &Client, format: Format, named: &str, action: &str) -> anyhow::Result<()> {
    let id = text(&get(api, named).await?, "/id");
    api.post(&format!("/v1/instances/{id}/actions"), &json!({ "type": action })).await?;
    output::one(format, &get(api, &id).await?, COLUMNS);
    Ok(())
}

async fn delete(api: &Client, named: &str) -> anyhow::Result<()> {
    let instance = get(api, named).await?;
    let id = text(&instance, "/id");
    api.delete(&format!("/v1/instances/{id}")).await?;
    let deadline = std::time::Instant::now() + GONE_WITHIN;
    while get(api, &id).await.is_ok() {
        if std::time::Instant::now() > deadline {
            bail!(
                "{id} is being deleted, but its host '{}' has not let go of it; is it connected?",
                text(&instance, "/host/name")
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("deleted {id}");
    Ok(())
}
