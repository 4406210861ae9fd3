//! `pintle flows` and `pintle drops`.

use serde_json::Value;

use super::explain::rule;
use crate::args::{DropsArguments, FlowsArguments, Format};
use crate::client::Client;
use crate::output::{self, Column, text};

const FLOWS: &[Column] = &[
    ("PROTOCOL", |f| text(f, "/protocol")),
    ("FROM", |f| end(&f["opener"])),
    ("TO", |f| end(&f["acceptor"])),
    ("STATE", |f| text(f, "/state")),
    ("PACKETS", |f| sum(f, "packets")),
    ("BYTES", |f| sum(f, "bytes")),
    ("IDLE", |f| seconds(&f["idle_ms"])),
    ("LET IN BY", |f| rule(&f["ingress_rule"]).or_else(|| rule(&f["egress_rule"])).unwrap_or_else(|| "-".to_owned())),
];

const USAGE: &[Column] = &[
    ("INTERFACE", |u| vni(u)),
    ("OPENED", |u| text(u, "/opened")),
    ("ACCEPTED", |u| text(u, "/accepted")),
    ("OVER", |u| text(u, "/over")),
    ("QUOTA", |u| text(u, "/quota")),
];

const TOTALS: &[Column] = &[
    ("INTERFACE", |d| vni(d)),
    ("REASON", |d| text(d, "/reason/code")),
    ("PACKETS", |d| text(d, "/packets")),
    ("BYTES", |d| text(d, "/bytes")),
    ("MEANS", |d| text(d, "/reason/text")),
];

const REFUSED: &[Column] = &[
    ("REFUSED AT", |r| vni(r)),
    ("PROTOCOL", |r| text(r, "/protocol")),
    ("FROM", |r| text(r, "/source")),
    ("TO", |r| refused_to(r)),
    ("REASON", |r| text(r, "/reason/code")),
    ("PACKETS", |r| text(r, "/packets")),
    ("LAST", |r| seconds(&r["last_ms_ago"])),
    ("RULE", |r| rule(&r["rule"]).unwrap_or_else(|| "-".to_owned())),
];

const TOO_BIG: &[Column] = &[
    ("TOO BIG FROM", |e| text(e, "/source")),
    ("TO", |e| text(e, "/destination")),
    ("PACKETS", |e| text(e, "/packets")),
    ("LARGEST", |e| text(e, "/largest")),
    ("MTU", |e| text(e, "/mtu")),
    ("LAST", |e| seconds(&e["last_ms_ago"])),
];

const SHADOW: &[Column] = &[
    ("SHADOW OF", |s| vni(s)),
    ("DIRECTION", |s| text(s, "/direction")),
    ("NOW", |s| said(&s["permitted"])),
    ("WOULD BE", |s| said(&s["would_permit"])),
    ("FLOWS", |s| text(s, "/flows")),
];

fn vni(item: &Value) -> String {
    match text(item, "/virtual_network_interface/name").as_str() {
        "-" => text(item, "/virtual_network_interface/id"),
        name => name.to_owned(),
    }
}

fn end(end: &Value) -> String {
    let (address, port) = (text(end, "/address"), text(end, "/port"));
    let place = if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
    match text(end, "/virtual_network_interface/name").as_str() {
        "-" => place,
        name => format!("{place} ({name})"),
    }
}

fn sum(flow: &Value, field: &str) -> String {
    let one = |end: &str| flow[end][field].as_u64().unwrap_or_default();
    (one("opener") + one("acceptor")).to_string()
}

fn seconds(milliseconds: &Value) -> String {
    milliseconds.as_u64().map_or_else(|| "-".to_owned(), |ms| format!("{:.1} s", ms as f64 / 1000.0))
}

fn refused_to(refused: &Value) -> String {
    let address = text(refused, "/destination");
    match (refused["port"].as_u64(), refused["icmp_type"].as_u64()) {
        (Some(port), _) if port > 0 => format!("{address} port {port}"),
        (_, Some(kind)) => format!("{address} type {kind} code {}", refused["icmp_code"]),
        _ => address,
    }
}

fn said(permitted: &Value) -> String {
    if *permitted == true { "permitted" } else { "denied" }.to_owned()
}

fn query(vni: Option<String>, host: Option<String>, limit: Option<u32>) -> String {
    let limit = limit.map(|limit| limit.to_string());
    let given = [("vni", vni), ("host", host), ("limit", limit)];
    let given: Vec<String> =
        given.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))).collect();
    given.join("&")
}

pub(super) async fn flows(api: &Client, format: Format, arguments: FlowsArguments) -> anyhow::Result<()> {
    let FlowsArguments { vni, host, limit } = arguments;
    let answer = api.get(&format!("/native/v1/flows?{}", query(vni, host, Some(limit)))).await?;
    show(format, &answer, &[("flows", FLOWS), ("usage", USAGE)], |host| {
        format!("{} of {} flows, of {} that fit", host["matching"], host["held"], host["capacity"])
    });
    Ok(())
}

pub(super) async fn drops(api: &Client, format: Format, arguments: DropsArguments) -> anyhow::Result<()> {
    let DropsArguments { vni, host } = arguments;
    let answer = api.get(&format!("/native/v1/drops?{}", query(vni, host, None))).await?;
    let tables = [("totals", TOTALS), ("refused", REFUSED), ("too_big", TOO_BIG), ("shadow", SHADOW)];
    show(format, &answer, &tables, |host| match host["totals"].as_array().map_or(0, Vec::len) {
        0 => "nothing was dropped".to_owned(),
        _ => "dropped so far".to_owned(),
    });
    Ok(())
}

/// Host by host, each with its tables; those without rows are left out.
fn show(format: Format, answer: &Value, tables: &[(&str, &[Column])], title: impl Fn(&Value) -> String) {
    if format == Format::Json {
        return output::json(answer);
    }
    if answer["hosts"].as_array().is_none_or(Vec::is_empty) && answer["missing"].as_array().is_none_or(Vec::is_empty) {
        println!("no host has joined: 'pintle host create' says how");
    }
    for host in answer["hosts"].as_array().into_iter().flatten() {
        println!("host {}: {}", text(host, "/host/name"), title(host));
        for (field, columns) in tables {
            output::children(format, host, field, columns);
        }
    }
    for missing in answer["missing"].as_array().into_iter().flatten() {
        eprintln!("{}", text(missing, "/reason"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ends_and_refusals_are_written_as_people_do() {
        let named = json!({ "address": "2001:db8::1", "port": 443, "virtual_network_interface": { "name": "web" } });
        assert_eq!(end(&named), "[2001:db8::1]:443 (web)");
        assert_eq!(end(&json!({ "address": "10.0.0.1", "port": 0 })), "10.0.0.1:0");
        let icmp = json!({ "destination": "10.0.0.1", "port": null, "icmp_type": 8, "icmp_code": 0 });
        assert_eq!(refused_to(&icmp), "10.0.0.1 type 8 code 0");
        assert_eq!(refused_to(&json!({ "destination": "10.0.0.1", "port": 22 })), "10.0.0.1 port 22");
        assert_eq!(query(Some("web".into()), None, Some(5)), "vni=web&limit=5");
        assert_eq!(query(None, None, None), "");
    }
}
