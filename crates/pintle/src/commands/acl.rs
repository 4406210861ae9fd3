//! `pintle acl`.

use serde_json::{Value, json};

use super::group::{count, list};
use crate::args::{AclCommand, Format};
use crate::client::Client;
use crate::output::{self, Column, names, text};

const COLUMNS: &[Column] = &[
    ("NAME", |a| text(a, "/name")),
    ("ID", |a| text(a, "/id")),
    ("VPC", |a| text(a, "/vpc/name")),
    ("RULES", |a| count(a, "rules")),
    ("SUBNETS", |a| names(a, "subnets")),
];

const RULES: &[Column] = &[
    ("NUMBER", |r| text(r, "/number")),
    ("RULE", |r| text(r, "/rule")),
    ("NAME", |r| text(r, "/name")),
    ("ID", |r| text(r, "/id")),
];

const COLLECTION: &str = "/native/v1/network_acls";

pub(super) async fn run(api: &Client, format: Format, command: AclCommand) -> anyhow::Result<()> {
    match command {
        AclCommand::Create { vpc, name, rules } => {
            let rules: Vec<Value> = rules.into_iter().map(|rule| json!({ "rule": rule })).collect();
            let body = json!({ "vpc": vpc, "name": name, "rules": rules });
            show(format, &api.post(COLLECTION, &body).await?);
        }
        AclCommand::List { vpc } => output::list(format, list(api, COLLECTION, vpc).await?, COLUMNS),
        AclCommand::Get { acl } => show(format, &api.get(&format!("{COLLECTION}/{acl}")).await?),
        AclCommand::Delete { acl } => {
            let id = text(&api.get(&format!("{COLLECTION}/{acl}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
        AclCommand::AddRule { acl, rule, before, number } => {
            let added = json!({ "rule": rule, "before": before, "number": number });
            change(api, format, &acl, &json!({ "add": [added] })).await?;
        }
        AclCommand::RemoveRule { acl, rules } => change(api, format, &acl, &json!({ "remove": rules })).await?,
    }
    Ok(())
}

async fn change(api: &Client, format: Format, acl: &str, body: &Value) -> anyhow::Result<()> {
    show(format, &api.post(&format!("{COLLECTION}/{acl}/actions/change_rules"), body).await?);
    Ok(())
}

fn show(format: Format, acl: &Value) {
    output::one(format, acl, COLUMNS);
    output::children(format, acl, "rules", RULES);
}
