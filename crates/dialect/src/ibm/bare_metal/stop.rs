//! `POST /bare_metal_servers/{id}/stop`.

use std::str::FromStr;

use pintle_core::command::Command;
use pintle_core::id::InstanceId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::{Text, TextForm};

/// The body. There is no system to be asked for a clean end, so both ways are the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerStop")]
pub struct Stop {
    #[serde(rename = "type")]
    _type: Text<StopType>,
}

#[derive(Debug, Clone, Copy)]
struct StopType;

impl FromStr for StopType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        matches!(text, "soft" | "hard").then_some(StopType).ok_or(())
    }
}
impl TextForm for StopType {
    const WORDS: &'static str = "one of 'soft' and 'hard'";
}

impl Stop {
    /// What it asks for.
    pub fn command(&self, id: InstanceId) -> Command {
        Command::StopInstance(id)
    }
}
