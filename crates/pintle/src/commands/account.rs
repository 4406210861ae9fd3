//! `pintle account`: tenants, whose things are theirs alone.

use serde_json::json;

use crate::args::{AccountCommand, Format};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] =
    &[("ID", |a| text(a, "/id")), ("NAME", |a| text(a, "/name")), ("CREATED", |a| text(a, "/created_at"))];

const COLLECTION: &str = "/native/v1/accounts";

pub(super) async fn run(api: &Client, format: Format, command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Create { id, name } => {
            let mut body = json!({});
            for (field, value) in [("id", id), ("name", name)] {
                if let Some(value) = value {
                    body[field] = json!(value);
                }
            }
            output::one(format, &api.post(COLLECTION, &body).await?, COLUMNS);
        }
        AccountCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
    }
    Ok(())
}
