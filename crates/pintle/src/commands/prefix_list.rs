//! `pintle prefix-list`.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::group::count;
use crate::args::{Format, PrefixListCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |l| text(l, "/name")),
    ("ID", |l| text(l, "/id")),
    ("FAMILY", |l| text(l, "/family")),
    ("ENTRIES", |l| count(l, "entries")),
    ("MAX ENTRIES", |l| text(l, "/max_entries")),
    ("VERSION", |l| text(l, "/version")),
];

const ENTRIES: &[Column] = &[("NETWORK", |e| text(e, "/network")), ("DESCRIPTION", |e| text(e, "/description"))];

const COLLECTION: &str = "/native/v1/prefix_lists";

pub(super) async fn run(api: &Client, format: Format, command: PrefixListCommand) -> anyhow::Result<()> {
    match command {
        PrefixListCommand::Create { name, max_entries, networks, ipv6 } => {
            let mut body = json!({ "name": name, "max_entries": max_entries, "entries": entries(&networks) });
            if networks.is_empty() {
                body["family"] = json!(if ipv6 { "ipv6" } else { "ipv4" });
            }
            show(format, &api.post(COLLECTION, &body).await?);
        }
        PrefixListCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        PrefixListCommand::Get { list } => show(format, &api.get(&format!("{COLLECTION}/{list}")).await?),
        PrefixListCommand::Modify { list, add, remove, max_entries } => {
            let path = format!("{COLLECTION}/{list}");
            let now = api.get(&path).await?;
            let mut body = json!({ "add": entries(&add), "remove": remove });
            // Whoever changed it since is not overwritten: the server says so.
            body["current_version"] = now["version"].clone();
            if let Some(most) = max_entries {
                body["max_entries"] = json!(most);
            }
            show(format, &api.patch(&path, &body).await?);
        }
        PrefixListCommand::Delete { list } => {
            let id = text(&api.get(&format!("{COLLECTION}/{list}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}

fn entries(networks: &[IpNet]) -> Vec<Value> {
    networks.iter().map(|network| json!({ "network": network })).collect()
}

fn show(format: Format, list: &Value) {
    output::one(format, list, COLUMNS);
    output::children(format, list, "entries", ENTRIES);
}
