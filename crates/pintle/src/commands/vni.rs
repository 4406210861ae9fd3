//! `pintle vni`.

use anyhow::bail;
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::args::{Format, Switch, VniCommand, VniGroupsCommand, VniIpCommand};
use crate::client::Client;
use crate::output::{self, Column, names, text};

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

/// What one interface is shown with: all that may pass it and how fast, too.
const ONE: &[Column] = &[
    ("NAME", |v| text(v, "/name")),
    ("ID", |v| text(v, "/id")),
    ("ADDRESSES", |v| addresses(v)),
    ("PREFIXES", |v| joined(v, "prefixes")),
    ("MAC", |v| text(v, "/mac_address")),
    ("STATE", |v| text(v, "/lifecycle")),
    ("INSTANCE", |v| text(v, "/instance/name")),
    ("HOST", |v| text(v, "/host/name")),
    ("SUBNET", |v| text(v, "/subnet/name")),
    ("GROUPS", |v| names(v, "security_groups")),
    ("QUARANTINE", |v| applied(v, "quarantine", "nothing passes")),
    ("SHADOW", |v| applied(v, "shadow", "nothing would pass")),
    ("CHECKS", |v| checks(v)),
    ("LIMITS", |v| limits(v)),
];

/// What could be attached to, and what of the interface is in the way.
const TARGETS: &[Column] = &[
    ("TARGET", |t| text(t, "/target")),
    ("ATTACHABLE", |t| if t["attachable"] == true { "yes" } else { "no" }.to_owned()),
    ("STATE FILTERING", |t| if t["state_filtering"] == true { "on" } else { "off" }.to_owned()),
    ("CONFLICTS", |t| conflicts(t)),
];

fn conflicts(target: &Value) -> String {
    let all = target["conflicts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |conflict: &Value| {
        let part = |path| text(conflict, path);
        format!("{} is {}: {}", part("/field"), part("/value"), part("/rule"))
    };
    if all.is_empty() { "-".to_owned() } else { all.iter().map(one).collect::<Vec<_>>().join("; ") }
}

const COLLECTION: &str = "/native/v1/virtual_network_interfaces";

fn addresses(vni: &Value) -> String {
    let all = vni["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

fn joined(vni: &Value, field: &str) -> String {
    let all: Vec<&str> = vni[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(",") }
}

/// Groups that apply at the moment; none of them means something else than not at all.
fn applied(vni: &Value, field: &str, none: &str) -> String {
    match vni[field].as_array().map(Vec::len) {
        None => "-".to_owned(),
        Some(0) => none.to_owned(),
        Some(_) => names(vni, field),
    }
}

fn checks(vni: &Value) -> String {
    let spoofing = if vni["allow_ip_spoofing"] == true { "may spoof addresses" } else { "no spoofing" };
    let transit = if vni["source_dest_check"] == false { ", forwards for others" } else { "" };
    format!("{spoofing}{transit}, state filtering {}", text(vni, "/protocol_state_filtering"))
}

fn limits(vni: &Value) -> String {
    let limits = &vni["limits"];
    let rate =
        |field: &str| limits[field].as_u64().map_or_else(|| "no limit".to_owned(), |kbps| format!("{kbps} kbit/s"));
    format!("{} out, {} in, priority {}", rate("egress_kbps"), rate("ingress_kbps"), text(limits, "/priority"))
}

pub(super) async fn run(api: &Client, format: Format, command: VniCommand) -> anyhow::Result<()> {
    match command {
        VniCommand::Create { subnet, name, address, secondary, ipv6, groups, allow_ip_spoofing } => {
            let mut body = json!({
                "subnet": subnet,
                "name": name,
                "address": address,
                "addresses": secondary,
                "ipv6_address_count": u8::from(ipv6),
                "allow_ip_spoofing": allow_ip_spoofing,
            });
            if !groups.is_empty() {
                body["security_groups"] = json!(groups);
            }
            output::one(format, &api.post(COLLECTION, &body).await?, ONE);
        }
        VniCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        VniCommand::Get { vni } => show(api, format, &vni).await?,
        VniCommand::Delete { vni } => {
            let id = text(&api.get(&format!("{COLLECTION}/{vni}")).await?, "/id");
            api.delete(&format!("/v1/virtual_network_interfaces/{id}")).await?;
            output::deleted(format, &id);
        }
        VniCommand::Attach { vni, instance, vlan, float } => {
            attach(api, format, &vni, &with_vlan(json!({ "instance": instance }), vlan, float)).await?;
        }
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
        VniCommand::Move { vni, to, vlan, float } => {
            move_to(api, format, &vni, &with_vlan(json!({ "to": to }), vlan, float)).await?;
        }
        VniCommand::Targets { vni } => {
            let answer = api.get(&format!("{COLLECTION}/{vni}/targets")).await?;
            output::many(format, answer["items"].as_array().map(Vec::as_slice).unwrap_or_default(), TARGETS);
        }
        VniCommand::Set { vni, name, allow_ip_spoofing, source_dest_check, state_filtering, tcp_timeout } => {
            let mut body = json!({});
            let switch = |switch: Option<Switch>| switch.map(|switch| json!(switch == Switch::On));
            for (field, value) in [
                ("name", name.map(Value::String)),
                ("allow_ip_spoofing", switch(allow_ip_spoofing)),
                ("source_dest_check", switch(source_dest_check)),
                ("protocol_state_filtering", state_filtering.map(Value::String)),
                ("timeouts", tcp_timeout.map(|seconds| json!({ "tcp_established": seconds }))),
            ] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            change(api, format, &vni, &body).await?;
        }
        VniCommand::Limit { vni, egress, ingress, priority } => {
            let limits = json!({ "egress_kbps": egress, "ingress_kbps": ingress, "priority": priority });
            change(api, format, &vni, &json!({ "limits": limits })).await?;
        }
        VniCommand::Groups(VniGroupsCommand::Set { vni, groups }) => {
            act(api, format, &vni, "set_security_groups", &json!({ "security_groups": groups })).await?;
        }
        VniCommand::Ip(command) => ip(api, format, command).await?,
        VniCommand::Quarantine { vni, groups } => {
            act(api, format, &vni, "quarantine", &json!({ "security_groups": groups })).await?;
        }
        VniCommand::Release { vni } => act(api, format, &vni, "release", &json!({})).await?,
        VniCommand::Flush { vni } => act(api, format, &vni, "flush", &json!({})).await?,
        VniCommand::Shadow { vni, groups, off } => {
            let groups = if off { Value::Null } else { json!(groups) };
            act(api, format, &vni, "shadow", &json!({ "security_groups": groups })).await?;
        }
    }
    Ok(())
}

/// A body that says on which VLAN, if on one.
fn with_vlan(mut body: Value, vlan: Option<u16>, float: bool) -> Value {
    if let Some(vlan) = vlan {
        body["vlan"] = json!(vlan);
        body["allow_to_float"] = json!(float);
    }
    body
}

async fn ip(api: &Client, format: Format, command: VniIpCommand) -> anyhow::Result<()> {
    // A network of full length is an address.
    let address = |net: IpNet| (net.prefix_len() == net.max_prefix_len()).then(|| net.addr());
    match command {
        VniIpCommand::Add { vni, address: given, ipv6, prefix, reassign } => {
            let family = if ipv6 { "ipv6" } else { "ipv4" };
            let (action, body) = match given.map(|net| (net, address(net))) {
                Some((_, Some(address))) => ("add_address", json!({ "address": address, "reassign": reassign })),
                Some((net, None)) if reassign => bail!("--reassign is for addresses: {net} is a network"),
                Some((net, None)) => ("add_prefix", json!({ "prefix": net })),
                None if prefix => ("add_prefix", json!({ "family": family })),
                None => ("add_address", json!({ "family": family })),
            };
            act(api, format, &vni, action, &body).await
        }
        VniIpCommand::Remove { vni, address: given } => match address(given) {
            Some(address) => act(api, format, &vni, "remove_address", &json!({ "address": address })).await,
            None => act(api, format, &vni, "remove_prefix", &json!({ "prefix": given })).await,
        },
    }
}

/// One of an interface's actions, answered with the interface.
async fn act(api: &Client, format: Format, vni: &str, action: &str, body: &Value) -> anyhow::Result<()> {
    output::one(format, &api.post(&format!("{COLLECTION}/{vni}/actions/{action}"), body).await?, ONE);
    Ok(())
}

async fn change(api: &Client, format: Format, vni: &str, body: &Value) -> anyhow::Result<()> {
    output::one(format, &api.patch(&format!("{COLLECTION}/{vni}"), body).await?, ONE);
    Ok(())
}

async fn show(api: &Client, format: Format, vni: &str) -> anyhow::Result<()> {
    output::one(format, &api.get(&format!("{COLLECTION}/{vni}")).await?, ONE);
    Ok(())
}

async fn attach(api: &Client, format: Format, vni: &str, body: &Value) -> anyhow::Result<()> {
    let path = format!("{COLLECTION}/{vni}/actions/attach?wait=30");
    let answer = api.post(&path, body).await?;
    match answer["attachment"]["lifecycle"].as_str() {
        Some("stable") => show(api, format, vni).await,
        Some("waiting") => {
            eprintln!("attached; '{}' is stopped, so it takes effect when that starts", text(body, "/instance"));
            show(api, format, vni).await
        }
        Some("failed") => bail!("the host could not attach '{vni}': {}", text(&answer, "/attachment/failure")),
        _ => bail!(
            "'{vni}' is attached, but its host has not realised it within 30 s; 'pintle host list' says whether it is connected"
        ),
    }
}

async fn move_to(api: &Client, format: Format, vni: &str, body: &Value) -> anyhow::Result<()> {
    let answer = api.post(&format!("{COLLECTION}/{vni}/actions/move"), body).await?;
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
