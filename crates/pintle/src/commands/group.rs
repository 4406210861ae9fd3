//! `pintle group`.

use serde_json::{Value, json};

use crate::args::{Format, GroupCommand};
use crate::client::Client;
use crate::output::{self, Column, names, text};

const COLUMNS: &[Column] = &[
    ("NAME", |g| text(g, "/name")),
    ("ID", |g| text(g, "/id")),
    ("VPC", |g| text(g, "/vpc/name")),
    ("RULES", |g| count(g, "rules")),
    ("MEMBERS", |g| count(g, "members")),
    ("DESCRIPTION", |g| text(g, "/description")),
];

const ONE: &[Column] = &[
    ("NAME", |g| text(g, "/name")),
    ("ID", |g| text(g, "/id")),
    ("VPC", |g| text(g, "/vpc/name")),
    ("MEMBERS", |g| names(g, "members")),
    ("DESCRIPTION", |g| text(g, "/description")),
];

const RULES: &[Column] = &[("RULE", |r| text(r, "/rule")), ("ID", |r| text(r, "/id"))];

const COLLECTION: &str = "/native/v1/security_groups";

pub(super) fn count(item: &Value, field: &str) -> String {
    item[field].as_array().map_or(0, Vec::len).to_string()
}

pub(super) async fn run(api: &Client, format: Format, command: GroupCommand) -> anyhow::Result<()> {
    match command {
        GroupCommand::Create { vpc, name, description, rules } => {
            let mut body = json!({ "vpc": vpc, "name": name, "description": description });
            if !rules.is_empty() {
                body["rules"] = json!(rules);
            }
            show(format, &api.post(COLLECTION, &body).await?);
        }
        GroupCommand::List { vpc } => output::list(format, list(api, COLLECTION, vpc).await?, COLUMNS),
        GroupCommand::Get { group } => show(format, &api.get(&format!("{COLLECTION}/{group}")).await?),
        GroupCommand::Delete { group } => {
            let id = text(&api.get(&format!("{COLLECTION}/{group}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
        GroupCommand::AddRule { group, rules } => change(api, format, &group, &json!({ "add": rules })).await?,
        GroupCommand::RemoveRule { group, rules } => change(api, format, &group, &json!({ "remove": rules })).await?,
    }
    Ok(())
}

/// A collection of the native dialect, of one VPC if one is named.
pub(super) async fn list(api: &Client, collection: &str, vpc: Option<String>) -> anyhow::Result<Vec<Value>> {
    match vpc {
        None => api.native_list(collection).await,
        Some(vpc) => api.native_list(&format!("{collection}?vpc={vpc}")).await,
    }
}

async fn change(api: &Client, format: Format, group: &str, body: &Value) -> anyhow::Result<()> {
    show(format, &api.post(&format!("{COLLECTION}/{group}/actions/change_rules"), body).await?);
    Ok(())
}

fn show(format: Format, group: &Value) {
    output::one(format, group, ONE);
    output::children(format, group, "rules", RULES);
}
