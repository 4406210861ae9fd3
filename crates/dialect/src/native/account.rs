//! Accounts: tenants, whose things are theirs alone.

use pintle_core::Command;
use pintle_core::command::CreateAccount;
use pintle_core::model::{Account, AccountId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{Written, given, timestamp};

/// Body of `POST /native/v1/accounts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// 12 digits; drawn when absent.
    #[serde(default, deserialize_with = "given")]
    id: Option<Written<AccountId>>,
    /// Made up when absent.
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
}

impl Create {
    /// What it asks for.
    pub fn command(self) -> Command {
        Command::CreateAccount(CreateAccount { id: self.id.map(|id| id.0), name: self.name })
    }
}

/// An account as replies show it.
pub fn encode(account: &Account) -> Value {
    json!({
        "id": account.id.to_string(),
        "name": account.name,
        "created_at": timestamp(account.created_at),
    })
}
