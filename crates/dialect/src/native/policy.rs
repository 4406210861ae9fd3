//! Policies: what a key may do.

use pintle_core::Command;
use pintle_core::command::NewPolicy;
use pintle_core::model::{AccessRole, Policy, Principal, ResourceType};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{given, timestamp};

/// A role on all things, those of a type, or a single one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {
    role: AccessRole,
    #[serde(default, deserialize_with = "given")]
    resource_type: Option<ResourceType>,
    #[serde(default, deserialize_with = "given")]
    resource: Option<String>,
}

impl From<Right> for NewPolicy {
    fn from(right: Right) -> Self {
        NewPolicy { role: right.role, resource_type: right.resource_type, resource: right.resource }
    }
}

/// Body of `POST /native/v1/policies`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Whose.
    key: Principal,
    role: AccessRole,
    #[serde(default, deserialize_with = "given")]
    resource_type: Option<ResourceType>,
    #[serde(default, deserialize_with = "given")]
    resource: Option<String>,
}

impl Create {
    /// What it asks for.
    pub fn command(self) -> Command {
        let Create { key, role, resource_type, resource } = self;
        Command::CreatePolicy(key, NewPolicy { role, resource_type, resource })
    }
}

/// A policy as the reply that shows its key shows it.
pub fn encode(policy: &Policy) -> Value {
    json!({
        "id": policy.id.to_string(),
        "role": policy.role,
        "resource_type": policy.resource_type,
        "resource": policy.resource,
        "created_at": timestamp(policy.created_at),
    })
}

/// A policy with whose it is.
pub fn encode_with_key(key: Principal, policy: &Policy) -> Value {
    let mut shown = encode(policy);
    shown["key"] = json!(key);
    shown
}
