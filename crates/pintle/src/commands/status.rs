//! `pintle status`: is everything well?

use std::process::ExitCode;

use serde_json::{Value, json};

use super::host;
use crate::args::{ClientArguments, Format};
use crate::client::Client;
use crate::output::{self, text};

/// How many of the latest differences between hosts and desired state are shown.
const DRIFT_SHOWN: usize = 5;

/// Above this many percent of its flow table a host is named: new flows are refused when it is full (row K08).
const FLOWS_PERCENT: u64 = 70;

/// Shows it; fails when the server can't be asked, a host is away, or something on one has failed. As JSON there is an
/// answer in any case, so that a monitor needs to look at one field.
pub(super) async fn run(arguments: &ClientArguments) -> anyhow::Result<ExitCode> {
    let status = match read(arguments).await {
        Ok(status) => status,
        Err(error) if arguments.output == Format::Json => json!({ "well": false, "error": output::chain(&error) }),
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
    let flows = api.get("/native/v1/flows?limit=1").await?;
    let hosts_well = hosts.iter().all(|host| host["connected"] == true && items(host, "failures").is_empty());
    let well = hosts_well && latest(items(&drift, "items")).iter().all(|(event, _)| event["repaired"] == true);
    Ok(json!({ "well": well, "server": server, "hosts": hosts, "drift": drift["items"], "warnings": crowded(&flows) }))
}

fn show(status: &Value) {
    let (server, hosts) = (&status["server"], items(status, "hosts"));
    let counts = &server["counts"];
    println!(
        "server {}, revision {}, up {} s",
        text(server, "/version"),
        text(server, "/revision"),
        text(server, "/uptime_seconds")
    );
    println!(
        "VPCs {}, subnets {}, interfaces {}, instances {}, hosts {}",
        counts["vpcs"], counts["subnets"], counts["virtual_network_interfaces"], counts["instances"], counts["hosts"]
    );
    if hosts.is_empty() {
        println!("no host has joined: 'pintle host create' says how");
    } else {
        println!();
        output::list(Format::Table, hosts.to_vec(), host::COLUMNS);
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
    for warning in items(status, "warnings") {
        println!("warning: {}", text(warning, "/message"));
    }
    drift(items(status, "drift"));
    println!("{}", if status["well"] == true { "all is well" } else { "not all is well" });
}

/// A warning for each host whose flow table is nearly full.
fn crowded(flows: &Value) -> Vec<Value> {
    let warn = |host: &Value| {
        let (held, capacity) = (host["held"].as_u64()?, host["capacity"].as_u64()?);
        let busiest = items(host, "usage").first().map(|usage| text(usage, "/virtual_network_interface/name"));
        let most = busiest.map(|name| format!("; interface {name} has the most")).unwrap_or_default();
        (held * 100 > capacity * FLOWS_PERCENT).then(|| {
            let name = text(host, "/host/name");
            let message = format!("{name} holds {held} flows of {capacity}, above {FLOWS_PERCENT} %{most}");
            json!({ "kind": "flow_table", "host": host["host"], "held": held, "capacity": capacity, "message": message })
        })
    };
    items(flows, "hosts").iter().filter_map(warn).collect()
}

fn drift(events: &[Value]) {
    let latest = latest(events);
    for (event, times) in &latest[latest.len().saturating_sub(DRIFT_SHOWN)..] {
        let repaired = if event["repaired"] == true { "repaired" } else { "NOT REPAIRED" };
        let again = if *times > 1 { format!(", {times} times") } else { String::new() };
        let (host, at) = (text(event, "/host/name"), text(event, "/at"));
        println!("drift on {host} at {at}{again}, {repaired}: {}", text(event, "/message"));
    }
    if latest.len() > DRIFT_SHOWN {
        println!("and drift of {} more: see 'pintle status -o json'", latest.len() - DRIFT_SHOWN);
    }
}

/// The last report on each thing of each host, and how many there were. What is not repaired is reported again and again.
fn latest(events: &[Value]) -> Vec<(&Value, usize)> {
    let mut latest: Vec<(&Value, usize)> = Vec::new();
    for event in events {
        let subject = |other: &Value| (other["host"]["id"].clone(), other["entry"].clone());
        let before = latest.iter().position(|(other, _)| subject(other) == subject(event));
        let times = before.map_or(0, |at| latest.remove(at).1);
        latest.push((event, times + 1));
    }
    latest
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k08_a_flow_table_is_named_above_seventy_percent_and_not_at_it() {
        for (held, warned) in [(0, false), (690, false), (700, false), (701, true), (1000, true)] {
            let usage = [json!({ "virtual_network_interface": { "name": "noisy" } })];
            let host = json!({ "host": { "name": "h1" }, "held": held, "capacity": 1000, "usage": usage });
            let warnings = crowded(&json!({ "hosts": [host] }));
            assert_eq!(warnings.len(), usize::from(warned), "{held}: {warnings:?}");
            assert!(warnings.iter().all(|warning| text(warning, "/message").contains("noisy")), "{warnings:?}");
        }
        assert_eq!(crowded(&json!({ "hosts": [], "missing": [{}] })), Vec::<Value>::new());
    }

    #[test]
    fn of_drift_the_last_report_on_each_thing_counts() {
        let event = |host: &str, entry: Option<&str>, repaired: bool| json!({ "host": { "id": host, "name": host }, "entry": entry, "repaired": repaired, "message": "m" });
        let events = [
            event("h1", None, false),
            event("h1", Some("port/1"), true),
            event("h1", None, false),
            event("h2", None, true),
            event("h1", None, true),
        ];
        let latest = latest(&events);
        assert_eq!(latest.iter().map(|(_, times)| *times).collect::<Vec<_>>(), [1, 1, 3]);
        assert!(latest.iter().all(|(event, _)| event["repaired"] == true));
    }
}
