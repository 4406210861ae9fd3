//! API keys. The secret is in one answer only: that of the creation.

use pintle_core::Command;
use pintle_core::command::{CreateApiKey, NewPolicy};
use pintle_core::id::ApiKeyId;
use pintle_core::model::{AccessRole, AccountId, ApiKey, KeyDigest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::{self, Right};
use crate::wire::{Written, given, timestamp};

/// Body of `POST /native/v1/api_keys`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Drawn when absent.
    #[serde(default, deserialize_with = "given")]
    id: Option<Written<ApiKeyId>>,
    /// The first account when absent.
    #[serde(default, deserialize_with = "given")]
    account: Option<Written<AccountId>>,
    /// What people call it.
    name: String,
    /// What it may do: administrator of its account when absent, nothing when empty.
    #[serde(default, deserialize_with = "given")]
    policies: Option<Vec<Right>>,
}

impl Create {
    /// What it asks for, with the digest of the key's secret.
    pub fn command(self, digest: KeyDigest) -> Command {
        let administrator = || vec![NewPolicy { role: AccessRole::Administrator, resource_type: None, resource: None }];
        Command::CreateApiKey(CreateApiKey {
            id: self.id.map(|id| id.0),
            account: self.account.map(|account| account.0).unwrap_or_default(),
            name: self.name,
            digest,
            policies: self
                .policies
                .map_or_else(administrator, |rights| rights.into_iter().map(NewPolicy::from).collect()),
        })
    }
}

/// An API key as replies show it.
pub fn encode(key: &ApiKey, secret: Option<&str>) -> Value {
    let mut shown = json!({
        "id": key.id.to_string(),
        "account": key.account.to_string(),
        "name": key.name,
        "created_at": timestamp(key.created_at),
        "policies": key.policies.iter().map(policy::encode).collect::<Vec<_>>(),
    });
    if let Some(secret) = secret {
        shown["secret"] = json!(secret);
    }
    shown
}
