//! `PATCH /virtual_network_interfaces/{id}`. Addresses and security groups are not patched: they have operations of their own.

use pintle_core::command::{Command, UpdateVni};
use pintle_core::id::VniId;
use pintle_core::legality::Manner;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ibm::choice::FilteringMode;
use crate::wire::{Text, given};

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VirtualNetworkInterfacePatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    allow_ip_spoofing: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    auto_delete: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    enable_infrastructure_nat: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Text<FilteringMode>")]
    protocol_state_filtering_mode: Option<Text<FilteringMode>>,
}

impl Update {
    /// What it asks for.
    pub fn command(self, id: VniId) -> Command {
        Command::UpdateVni(
            id,
            UpdateVni {
                name: self.name,
                allow_ip_spoofing: self.allow_ip_spoofing,
                auto_delete: self.auto_delete,
                enable_infrastructure_nat: self.enable_infrastructure_nat,
                manner: Manner::PerInterface,
                protocol_state_filtering: self.protocol_state_filtering_mode.map(|Text(FilteringMode(mode))| mode),
                ..UpdateVni::default()
            },
        )
    }
}
