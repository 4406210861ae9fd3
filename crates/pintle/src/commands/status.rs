//! `pintle status`: is everything well?

use std::process::ExitCode;

use serde_json::{Value, json};

use super::host;
use crate::args::Format;
use crate::client::Client;
use crate::output::{self, text};

/// Shows it; fails when a host is away or something on one has failed.
pub(super) async fn run(api: &Client, format: Format) -> anyhow::Result<ExitCode> {
    let server = api.get("/native/v1/status").await?;
    let hosts = api.native_list(host::COLLECTION).await?;
    let drift = api.get("/native/v1/drift").await?;
    let well = hosts.iter().all(|host| host["connected"] == true && failures(host).is_empty());
    if format == Format::Json {
        let all = json!({ "well": well, "server": server, "hosts": hosts, "drift": drift["items"] });
        output::one(format, &all, &[]);
    } else {
        let counts = &server["counts"];
        println!(
            "server {}, revision {}, up {} s: {} VPCs, {} subnets, {} interfaces, {} instances",
            text(&server, "/version"),
            text(&server, "/revision"),
            text(&server, "/uptime_seconds"),
            counts["vpcs"],
            counts["subnets"],
            counts["virtual_network_interfaces"],
            counts["instances"]
        );
        output::many(format, &hosts, host::COLUMNS);
        for host in &hosts {
            for failure in failures(host) {
                println!(
                    "failed on {}: {}: {}",
                    text(host, "/name"),
                    text(failure, "/entry"),
                    text(failure, "/message")
                );
            }
        }
        for event in drift["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            println!("drift on {}: {}", text(event, "/host/name"), text(event, "/message"));
        }
        println!("{}", if well { "all is well" } else { "not all is well" });
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn failures(host: &Value) -> &[Value] {
    host["failures"].as_array().map(Vec::as_slice).unwrap_or_default()
}
