//! Access keys. The secret is in one answer only: that of the creation.

use pintle_core::model::{AccessKey, AccessKeyId, AccountId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{Written, given, timestamp};

/// Body of `POST /native/v1/access_keys`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Drawn when absent.
    #[serde(default, deserialize_with = "given")]
    pub id: Option<Written<AccessKeyId>>,
    /// 40 characters; drawn when absent.
    #[serde(default, deserialize_with = "given")]
    pub secret: Option<String>,
    /// The first account when absent.
    #[serde(default, deserialize_with = "given")]
    pub account: Option<Written<AccountId>>,
}

/// An access key as replies show it.
pub fn encode(key: &AccessKey, secret: Option<&str>) -> Value {
    let mut shown = json!({
        "id": key.id.to_string(),
        "account": key.account.to_string(),
        "created_at": timestamp(key.created_at),
    });
    if let Some(secret) = secret {
        shown["secret"] = json!(secret);
    }
    shown
}
