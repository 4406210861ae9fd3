//! `pintle api-key` and `pintle policy`: who may use IBM's API, and what keys may do.

use serde_json::json;

use crate::args::{ApiKeyCommand, Format, PolicyCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const KEYS: &[Column] = &[
    ("ID", |k| text(k, "/id")),
    ("NAME", |k| text(k, "/name")),
    ("ACCOUNT", |k| text(k, "/account")),
    ("ROLES", |k| roles(k)),
    ("CREATED", |k| text(k, "/created_at")),
];

const POLICIES: &[Column] = &[
    ("ID", |p| text(p, "/id")),
    ("KEY", |p| text(p, "/key")),
    ("ROLE", |p| text(p, "/role")),
    ("TYPE", |p| text(p, "/resource_type")),
    ("RESOURCE", |p| text(p, "/resource")),
];

fn roles(key: &serde_json::Value) -> String {
    let policies = key["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let roles: Vec<String> = policies.iter().map(|policy| text(policy, "/role")).collect();
    if roles.is_empty() { "-".to_owned() } else { roles.join(", ") }
}

pub(super) async fn run(api: &Client, format: Format, command: ApiKeyCommand) -> anyhow::Result<()> {
    const COLLECTION: &str = "/native/v1/api_keys";
    match command {
        ApiKeyCommand::Create { name, account, roles } => {
            let mut body = json!({ "name": name });
            if let Some(account) = account {
                body["account"] = json!(account);
            }
            if !roles.is_empty() {
                body["policies"] = roles.iter().map(|role| json!({ "role": role })).collect();
            }
            let made = api.post(COLLECTION, &body).await?;
            match format {
                Format::Json => output::one(format, &made, KEYS),
                Format::Table => {
                    println!("# The secret is shown this once. For IBM's SDKs:");
                    println!("export VPC_URL={}/v1", api.url());
                    println!("export VPC_AUTH_TYPE=iam");
                    println!("export VPC_AUTH_URL={}", api.url());
                    println!("export VPC_APIKEY={}", text(&made, "/secret"));
                }
            }
        }
        ApiKeyCommand::List => output::list(format, api.native_list(COLLECTION).await?, KEYS),
        ApiKeyCommand::Delete { id } => {
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}

pub(super) async fn policy(api: &Client, format: Format, command: PolicyCommand) -> anyhow::Result<()> {
    const COLLECTION: &str = "/native/v1/policies";
    match command {
        PolicyCommand::Create { key, role, resource_type, resource } => {
            let mut body = json!({ "key": key, "role": role });
            if let Some(resource_type) = resource_type {
                body["resource_type"] = json!(resource_type);
            }
            if let Some(resource) = resource {
                body["resource"] = json!(resource);
            }
            output::one(format, &api.post(COLLECTION, &body).await?, POLICIES);
        }
        PolicyCommand::List { key } => {
            let path = key.map_or_else(|| COLLECTION.to_owned(), |key| format!("{COLLECTION}?key={key}"));
            let found = api.get(&path).await?;
            output::many(format, found["items"].as_array().map(Vec::as_slice).unwrap_or_default(), POLICIES);
        }
        PolicyCommand::Delete { id } => {
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}
