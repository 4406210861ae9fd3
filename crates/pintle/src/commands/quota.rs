//! `pintle quota`: how many of each thing an account may have.

use anyhow::Context;
use serde_json::json;

use crate::args::{Format, QuotaCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("QUOTA", |q| text(q, "/name")),
    ("PER", |q| text(q, "/per")),
    ("LIMIT", |q| text(q, "/limit")),
    ("DEFAULT", |q| text(q, "/default")),
];

pub(super) async fn run(api: &Client, format: Format, command: QuotaCommand) -> anyhow::Result<()> {
    match command {
        QuotaCommand::List { account } => {
            let found = api.get(&format!("/native/v1/quotas/{account}")).await?;
            let quotas = found["quotas"].as_array().cloned().unwrap_or_default();
            output::list(format, quotas, COLUMNS);
        }
        QuotaCommand::Set { name, limit, account } => {
            let limit: Option<u32> = match limit.as_str() {
                "default" => None,
                number => Some(
                    number
                        .parse()
                        .with_context(|| format!("limit '{number}': it must be a whole number, or 'default'"))?,
                ),
            };
            let set = api.put(&format!("/native/v1/quotas/{account}/{name}"), &json!({ "limit": limit })).await?;
            output::one(format, &set, COLUMNS);
        }
    }
    Ok(())
}
