//! `pintle lint`: what is permitted, and better were not (docs/exposure.md).
//!
//! The rules that packets meet are right or wrong by what somebody wants, which no program knows. These are the ones that
//! are hardly ever wanted.

use std::process::ExitCode;

use pintle_core::policy::{Direction, ProtocolMatch, Remote};
use pintle_dialect::rule_text::{RemoteText, RuleText};
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::Client;
use crate::output::{self, Column, text};

const GROUPS: &str = "/native/v1/security_groups";
const INTERFACES: &str = "/native/v1/virtual_network_interfaces";

/// Ports at which machines are administered, or at which services listen that trust whoever reaches them.
const SENSITIVE: &[(u16, &str)] = &[
    (22, "SSH"),
    (23, "Telnet"),
    (135, "Windows RPC"),
    (445, "SMB"),
    (1433, "SQL Server"),
    (2375, "Docker"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (5432, "PostgreSQL"),
    (5900, "VNC"),
    (5985, "WinRM"),
    (6379, "Redis"),
    (6443, "Kubernetes"),
    (9200, "Elasticsearch"),
    (10250, "kubelet"),
    (11211, "memcached"),
    (27017, "MongoDB"),
];

const COLUMNS: &[Column] = &[
    ("FINDING", |f| text(f, "/finding")),
    ("INTERFACES", |f| text(f, "/interfaces")),
    ("BY", |f| text(f, "/by")),
    ("WHY", |f| text(f, "/why")),
];

/// Shows what it finds; fails if there is anything.
pub(super) async fn run(api: &Client, format: Format) -> anyhow::Result<ExitCode> {
    let (groups, interfaces) = (api.native_list(GROUPS).await?, api.native_list(INTERFACES).await?);
    let findings = findings(&groups, &interfaces);
    let clean = findings.is_empty();
    match format {
        Format::Table if clean => println!("nothing found"),
        _ => output::many(format, &findings, COLUMNS),
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn findings(groups: &[Value], interfaces: &[Value]) -> Vec<Value> {
    let mut findings = Vec::new();
    for group in groups {
        let members = group["members"].as_array().map_or(0, Vec::len);
        for rule in group["rules"].as_array().into_iter().flatten().filter(|_| members > 0) {
            let written = text(rule, "/rule");
            if let Some(why) = written.parse().ok().and_then(|rule| exposes(&rule)) {
                let by = format!("{}: {written}", text(group, "/name"));
                findings.push(json!({ "finding": "exposed", "interfaces": members, "by": by, "why": why }));
            }
        }
    }
    let open_to_all: Vec<&Value> = groups.iter().filter(|group| takes_from_anywhere(group)).collect();
    for interface in interfaces.iter().filter(|interface| is_privileged(interface)) {
        let groups = interface["security_groups"].as_array().into_iter().flatten();
        let open = groups.filter_map(|own| open_to_all.iter().find(|group| group["id"] == own["id"]));
        for group in open {
            findings.push(json!({
                "finding": "privileged and exposed",
                "interfaces": text(interface, "/name"),
                "by": text(group, "/name"),
                "why": "it may send from addresses that are not its own, and anybody may speak to it",
            }));
        }
    }
    findings
}

/// Why a rule should not be, if it should not.
fn exposes(rule: &RuleText) -> Option<String> {
    if !is_from_anywhere(rule) {
        return None;
    }
    match rule.protocol {
        ProtocolMatch::Any | ProtocolMatch::IcmpTcpUdp => Some("any address may speak to every port".to_owned()),
        ProtocolMatch::Tcp(ports) => {
            let open = |(port, _): &&(u16, &str)| (ports.first..=ports.last).contains(port);
            let names: Vec<&str> = SENSITIVE.iter().filter(open).map(|(_, name)| *name).collect();
            (!names.is_empty()).then(|| format!("any address may speak to {}", names.join(", ")))
        }
        _ => None,
    }
}

fn is_from_anywhere(rule: &RuleText) -> bool {
    let any = match &rule.remote {
        RemoteText::Known(Remote::Any) => true,
        RemoteText::Known(Remote::Net(net)) => net.prefix_len() == 0,
        _ => false,
    };
    any && rule.direction == Direction::Ingress
}

fn takes_from_anywhere(group: &Value) -> bool {
    let mut rules = group["rules"].as_array().into_iter().flatten().map(|rule| text(rule, "/rule"));
    rules.any(|rule| rule.parse().is_ok_and(|rule| is_from_anywhere(&rule)))
}

/// Whether it can do more than speak for itself.
fn is_privileged(interface: &Value) -> bool {
    interface["allow_ip_spoofing"] == true || interface["source_dest_check"] == false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, members: usize, rules: &[&str]) -> Value {
        let rules: Vec<Value> = rules.iter().map(|rule| json!({ "rule": rule })).collect();
        json!({ "id": name, "name": name, "members": vec![json!({}); members], "rules": rules })
    }

    #[test]
    fn d24_what_anybody_may_reach_that_should_be_few_is_named() {
        let cases = [
            ("tcp/22 from any", true),
            ("tcp/22 from 0.0.0.0/0", true),
            ("tcp/1-65535 from ::/0", true),
            ("tcp from any", true),
            ("any from any", true),
            ("icmp_tcp_udp from any", true),
            ("tcp/22 from 10.0.0.0/8", false),
            ("tcp/443 from any", false),
            ("tcp/22 to any", false),
            ("any to any", false),
            ("icmp from any", false),
            ("udp/53 from any", false),
            ("tcp/22 from admins", false),
        ];
        for (rule, found) in cases {
            assert_eq!(findings(&[group("g", 1, &[rule])], &[]).len(), usize::from(found), "{rule}");
            assert_eq!(findings(&[group("g", 0, &[rule])], &[]).len(), 0, "{rule} of a group without members");
        }
    }

    #[test]
    fn d24_an_interface_that_may_spoof_and_that_anybody_reaches_is_named() {
        let open = group("web", 1, &["tcp/443 from any"]);
        let closed = group("inner", 1, &["tcp/443 from web"]);
        let interface = |group: &str, spoofs: bool, checked: bool| {
            json!({
                "name": "router", "allow_ip_spoofing": spoofs, "source_dest_check": checked,
                "security_groups": [{ "id": group }],
            })
        };
        for (group, spoofs, checked, found) in
            [("web", true, true, 1), ("web", false, false, 1), ("web", false, true, 0), ("inner", true, false, 0)]
        {
            let found_now = findings(&[open.clone(), closed.clone()], &[interface(group, spoofs, checked)]);
            assert_eq!(found_now.len(), found, "{group} {spoofs} {checked}: {found_now:?}");
        }
    }
}
