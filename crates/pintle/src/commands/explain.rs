//! `pintle explain`: what becomes of a packet, and why.

use serde_json::{Value, json};

use crate::args::{ExplainArguments, Format};
use crate::client::Client;
use crate::output::{self, text};

pub(super) async fn run(api: &Client, format: Format, arguments: ExplainArguments) -> anyhow::Result<()> {
    let ExplainArguments { source, destination, protocol, from, source_port } = arguments;
    let body = json!({
        "from": source,
        "to": destination,
        "protocol": protocol,
        "source": from,
        "source_port": source_port,
    });
    let answer = api.post("/native/v1/explain", &body).await?;
    match format {
        Format::Json => output::json(&answer),
        Format::Table => lines(&answer).iter().for_each(|line| println!("{line}")),
    }
    Ok(())
}

/// The answer for a person.
fn lines(answer: &Value) -> Vec<String> {
    let ends = |end: &str, address: &str| match text(answer, &format!("/{end}/name")).as_str() {
        "-" => text(answer, address),
        name => format!("{name} ({})", text(answer, address)),
    };
    let (from, to) = (ends("from", "/source"), ends("to", "/destination"));
    let mut lines = vec![format!("{from} to {to}, {}", packet(&answer["packet"]))];
    for hop in answer["hops"].as_array().into_iter().flatten() {
        lines.push(format!("host {}", text(hop, "/host/name")));
        for half in ["model", "kernel"] {
            lines.extend(path(half, &hop[half]));
        }
        if hop["agree"] == false {
            lines.push("  MODEL AND KERNEL DISAGREE: what is programmed is not what should be".to_owned());
        }
    }
    if let Some(missing) = answer["missing"].as_str() {
        lines.push(format!("not followed further: {missing}"));
    }
    lines.push(match answer["permitted"].as_bool() {
        Some(true) => "it arrives".to_owned(),
        Some(false) => "it is dropped".to_owned(),
        None => "whether it arrives is not known".to_owned(),
    });
    lines
}

fn packet(packet: &Value) -> String {
    match text(packet, "/protocol").as_str() {
        protocol @ ("tcp" | "udp") => {
            format!("{protocol} port {} to {}", packet["source_port"], packet["destination_port"])
        }
        "icmp" => format!("icmp type {} code {}", packet["type"], packet["code"]),
        other => other.to_owned(),
    }
}

fn path(half: &str, path: &Value) -> Vec<String> {
    if let Some(reason) = path["unknown"].as_str() {
        return vec![format!("  {half:6}  not followed: {reason}")];
    }
    let stages = path["stages"].as_array().into_iter().flatten();
    let mut said: Vec<String> = stages
        .map(|stage| {
            let rule = rule(&stage["rule"]).map(|rule| format!(" [{rule}]")).unwrap_or_default();
            format!("{:14}  {}{rule}", text(stage, "/stage"), text(stage, "/text"))
        })
        .collect();
    said.push(format!("=> {}", verdict(&path["verdict"])));
    let label = std::iter::once(half).chain(std::iter::repeat(""));
    said.into_iter().zip(label).map(|(line, label)| format!("  {label:6}  {line}")).collect()
}

/// A rule: where it stands and what it says, if it still exists, and its id.
pub(super) fn rule(rule: &Value) -> Option<String> {
    let id = rule["id"].as_str()?;
    let place = [&rule["security_group"]["name"], &rule["network_acl"]["name"]].into_iter().find_map(Value::as_str);
    Some(match (place, rule["rule"].as_str()) {
        (Some(place), Some(said)) => format!("{place}: {said}, {id}"),
        _ => id.to_owned(),
    })
}

fn verdict(verdict: &Value) -> String {
    match text(verdict, "/kind").as_str() {
        "delivered" => format!("delivered to {}", text(verdict, "/virtual_network_interface/name")),
        "tunnelled" => format!("sent to the host at {}", text(verdict, "/vtep")),
        "public" => format!("sent to the public network from {}", text(verdict, "/address")),
        "answered" => format!("answered here: {}", text(verdict, "/text")),
        _ => {
            let by = rule(&verdict["rule"]).map(|rule| format!(" [{rule}]")).unwrap_or_default();
            format!("dropped, {}: {}{by}", text(verdict, "/reason/code"), text(verdict, "/reason/text"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_stage_by_stage_with_rules_and_reasons() {
        let rule = json!({ "id": "sgr-1", "security_group": { "id": "sg-1", "name": "web" }, "rule": "any to any" });
        let sent = json!({ "kind": "tunnelled", "vtep": "192.0.2.2", "segment": 7 });
        let reason = json!({ "code": "no_rule", "text": "no rule permits it" });
        let dropped = json!({ "kind": "dropped", "reason": reason, "rule": null });
        let stage = json!({ "stage": "egress", "text": "permitted", "rule": rule });
        let answer = json!({
            "from": { "name": "one" }, "to": null, "source": "10.0.0.1", "destination": "10.0.0.2",
            "packet": { "protocol": "tcp", "source_port": 50000, "destination_port": 443 },
            "hops": [
                { "host": { "name": "a" }, "model": { "stages": [stage], "verdict": sent }, "kernel": { "stages": [], "verdict": sent }, "agree": true },
                { "host": { "name": "b" }, "model": { "stages": [], "verdict": dropped }, "kernel": { "unknown": "no device" }, "agree": null },
            ],
            "permitted": false, "agree": null, "missing": null,
        });
        assert_eq!(
            lines(&answer),
            [
                "one (10.0.0.1) to 10.0.0.2, tcp port 50000 to 443",
                "host a",
                "  model   egress          permitted [web: any to any, sgr-1]",
                "          => sent to the host at 192.0.2.2",
                "  kernel  => sent to the host at 192.0.2.2",
                "host b",
                "  model   => dropped, no_rule: no rule permits it",
                "  kernel  not followed: no device",
                "it is dropped",
            ]
        );
    }
}
