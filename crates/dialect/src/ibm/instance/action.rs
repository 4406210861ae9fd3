//! `POST /instances/{id}/actions`.

use std::str::FromStr;

use pintle_core::command::Command;
use pintle_core::id::InstanceId;
use pintle_core::model::{Instance, InstanceState, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::Site;
use crate::wire::{Text, TextForm, timestamp};

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstanceActionPrototype")]
pub struct Action {
    r#type: Text<ActionType>,
    /// Whether not to wait for the server's own system, which nothing here does in any case.
    #[serde(default)]
    force: bool,
}

#[derive(Debug, Clone, Copy)]
enum ActionType {
    Start,
    Stop,
}

impl FromStr for ActionType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "start" => Ok(ActionType::Start),
            "stop" => Ok(ActionType::Stop),
            _ => Err(()),
        }
    }
}
impl TextForm for ActionType {
    const WORDS: &'static str = "one of 'start' and 'stop'";
}

impl Action {
    /// Whether it is by force.
    pub fn is_forced(&self) -> bool {
        self.force
    }

    /// What it asks for.
    pub fn command(&self, id: InstanceId) -> Command {
        match self.r#type.0 {
            ActionType::Start => Command::StartInstance(id),
            ActionType::Stop => Command::StopInstance(id),
        }
    }
}

/// The action as the reply shows it. `trace` names it: the same id finds it in the server's log.
///
/// It is completed: the instance's wanted state has been stored. What its host makes of that is shown by the instance.
pub fn encode_action(site: &Site, instance: &Instance, force: bool, at: Timestamp, trace: &str) -> Value {
    let at = timestamp(at);
    json!(Shape {
        id: trace.to_owned(),
        href: format!("{}/actions/{trace}", super::href(site, instance.id)),
        r#type: match instance.state {
            InstanceState::Running => "start",
            InstanceState::Stopped => "stop",
        },
        status: "completed",
        created_at: at.clone(),
        started_at: at.clone(),
        completed_at: at,
        force,
    })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstanceAction")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    r#type: &'static str,
    status: &'static str,
    created_at: String,
    started_at: String,
    completed_at: String,
    force: bool,
}
