//! `pintle status`: is everything well?

use std::process::ExitCode;

use serde_json::{Value, json};

use super::host;
use crate::args::{ClientArguments, Format};
use crate::client::Client;
use crate::output::{self, text};

/// How many of the latest differences between hosts and desired state are shown.
const DRIFT_SHOWN: usize = 5;

/// Shows it; fails when the server can't be asked, a host is away, or something on one has failed. As JSON there is an
/// answer in any case, so that a monitor needs to look at one field.
pub(super) async fn run(arguments: &ClientArguments) -> anyhow::Result<ExitCode> {
    let status = match read(arguments).await {
        Ok(status) => status,
        Err(error) if arguments.output == Format::Json => json!({ "well": false, "error": format!("{error:#}") }),
        Err(error) => return Err(error),
    };
    match arguments.output {
        Format::Json => output::json(&status),
        Format::Table => show(&status),
    }
    Ok(if status["well"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn read(arguments: &ClientArguments) -> anyhow::Result<Value> {
    let api = Client::new(arguments).await?;
    let server = api.get("/native/v1/status").await?;
    let hosts = api.native_list(host::COLLECTION).await?;
    let drift = api.get("/native/v1/drift").await?;
    let well = hosts.iter().all(|host| host["connected"] == true && items(host, "failures").is_empty());
    Ok(json!({ "well": well, "server": server, "hosts": hosts, "drift": drift["items"] }))
}

fn show(status: &Value) {
    let (server, hosts) = (&status["server"], items(status, "hosts"));
    let counts = &server["counts"];
    println!(
        "server {}, revision {}, up {} s: {} VPCs, {} subnets, {} interfaces, {} instances, {} hosts",
        text(server, "/version"),
        text(server, "/revision"),
        text(server, "/uptime_seconds"),
        counts["vpcs"],
        counts["subnets"],
        counts["virtual_network_interfaces"],
        counts["instances"],
        counts["hosts"]
    );
    if hosts.is_empty() {
        println!("no host has joined: 'pintle host create' says how");
    } else {
        println!();
        output::many(Format::Table, hosts, host::COLUMNS);
        println!();
    }
    for host in hosts {
        let name = text(host, "/name");
        if host["connected"] != true {
            println!("away: {name} is not connected; its interfaces go on as they are, and changes wait for it");
        }
        for failure in items(host, "failures") {
            println!("failed on {name}: {}: {}", text(failure, "/entry"), text(failure, "/message"));
        }
    }
    drift(items(status, "drift"));
    println!("{}", if status["well"] == true { "all is well" } else { "not all is well" });
}

fn drift(events: &[Value]) {
    let shown = &events[events.len().saturating_sub(DRIFT_SHOWN)..];
    for event in shown {
        let repaired = if event["repaired"] == true { "repaired" } else { "not repaired" };
        println!(
            "drift on {} at {}, {repaired}: {}",
            text(event, "/host/name"),
            text(event, "/at"),
            text(event, "/message")
        );
    }
    if shown.len() < events.len() {
        println!("and {} reports of drift before: see 'drift' in 'pintle status -o json'", events.len() - shown.len());
    }
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}
