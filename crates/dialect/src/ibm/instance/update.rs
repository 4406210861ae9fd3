//! `PATCH /instances/{id}`.

use pintle_core::command::Command;
use pintle_core::id::InstanceId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::given;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstancePatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: InstanceId) -> Option<Command> {
        self.name.map(|name| Command::RenameInstance(id, name))
    }
}
