//! `POST /virtual_network_interfaces`.

use pintle_core::command::Command;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ibm::choice::VniFields;
use crate::problem::Problem;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "VirtualNetworkInterfacePrototype")]
pub struct Create(VniFields);

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour or that contradicts another.
    pub fn command(self) -> Result<Command, Problem> {
        Ok(Command::CreateVni(self.0.create("")?))
    }
}
