//! `pintle bare-metal`.

use serde_json::{Value, json};

use super::instance::{self, COLUMNS, DEFAULT_ZONE};
use crate::args::{BareMetalCommand, Format};
use crate::client::Client;
use crate::output::{self, text};

const COLLECTION: &str = "/native/v1/bare_metal_servers";

pub(super) async fn run(api: &Client, format: Format, command: BareMetalCommand) -> anyhow::Result<()> {
    match command {
        BareMetalCommand::Create { vpc, host, zone, name, vni, allowed_vlans, no_wait } => {
            let primary = json!({ "vni": vni, "allowed_vlans": allowed_vlans });
            let mut body = json!({ "bare_metal": true, "vpc": vpc, "primary": primary });
            let zone = zone.or_else(|| host.is_none().then(|| DEFAULT_ZONE.to_owned()));
            for (field, value) in [("host", host), ("zone", zone), ("name", name)] {
                if let Some(value) = value {
                    body[field] = Value::String(value);
                }
            }
            instance::create(api, format, &body, no_wait).await
        }
        BareMetalCommand::List => {
            output::list(format, api.native_list(COLLECTION).await?, COLUMNS);
            Ok(())
        }
        BareMetalCommand::Get { server } => {
            output::one(format, &instance::get(api, &server).await?, COLUMNS);
            Ok(())
        }
        BareMetalCommand::Delete { server } => instance::delete(api, format, &server).await,
        BareMetalCommand::Start { server } => act(api, format, &server, "start", json!({})).await,
        BareMetalCommand::Stop { server } => act(api, format, &server, "stop", json!({ "type": "hard" })).await,
    }
}

async fn act(api: &Client, format: Format, named: &str, action: &str, body: Value) -> anyhow::Result<()> {
    let id = text(&instance::get(api, named).await?, "/id");
    api.post(&format!("/v1/bare_metal_servers/{id}/{action}"), &body).await?;
    instance::show_ready(api, format, instance::get(api, &id).await?).await
}
