//! `PATCH /bare_metal_servers/{id}`.

use pintle_core::command::{Command, UpdateInstance};
use pintle_core::id::InstanceId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::create::kbps;
use crate::problem::Problem;
use crate::wire::given;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    bandwidth: Option<u32>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    ///
    /// # Errors
    /// [`Problem`] for a bandwidth beyond all measure.
    pub fn command(self, id: InstanceId) -> Result<Option<Command>, Problem> {
        let Update { name, bandwidth } = self;
        if name.is_none() && bandwidth.is_none() {
            return Ok(None);
        }
        let bandwidth_kbps = bandwidth.map(kbps).transpose()?.map(Some);
        Ok(Some(Command::UpdateInstance(id, UpdateInstance { name, bandwidth_kbps, ..UpdateInstance::default() })))
    }
}
