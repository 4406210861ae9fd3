//! `PATCH /instances/{id}/network_interfaces/{id}`.

use pintle_core::command::{Command, UpdateChild};
use pintle_core::id::AttachmentId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::given;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkInterfacePatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    allow_ip_spoofing: Option<bool>,
}

impl Update {
    /// What it asks for, also when nothing is to change: what can only be read refuses that too.
    pub fn command(self, id: AttachmentId) -> Command {
        Command::UpdateChild(id, UpdateChild { name: self.name, allow_ip_spoofing: self.allow_ip_spoofing })
    }
}
