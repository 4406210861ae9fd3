//! `pintle access-key`: what clients of the EC2 API sign their requests with.

use serde_json::json;

use crate::args::{AccessKeyCommand, Format};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] =
    &[("ID", |k| text(k, "/id")), ("ACCOUNT", |k| text(k, "/account")), ("CREATED", |k| text(k, "/created_at"))];

const COLLECTION: &str = "/native/v1/access_keys";

pub(super) async fn run(api: &Client, format: Format, command: AccessKeyCommand) -> anyhow::Result<()> {
    match command {
        AccessKeyCommand::Create { id, secret, account } => {
            let mut body = json!({});
            for (name, value) in [("id", id), ("secret", secret), ("account", account)] {
                if let Some(value) = value {
                    body[name] = json!(value);
                }
            }
            let made = api.post(COLLECTION, &body).await?;
            match format {
                Format::Json => output::one(format, &made, COLUMNS),
                Format::Table => {
                    let status = api.get("/native/v1/status").await?;
                    println!("# The secret is shown this once. For the AWS CLI and its kin:");
                    println!("export AWS_ENDPOINT_URL={}", api.url());
                    // Some clients read the one, some the other.
                    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
                        println!("export {name}={}", text(&status, "/region"));
                    }
                    println!("export AWS_ACCESS_KEY_ID={}", text(&made, "/id"));
                    println!("export AWS_SECRET_ACCESS_KEY={}", text(&made, "/secret"));
                }
            }
        }
        AccessKeyCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        AccessKeyCommand::Delete { id } => {
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}
