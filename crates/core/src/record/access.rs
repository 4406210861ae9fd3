//! Where accounts and their keys lie.

use super::{Listed, Record};
use crate::id::{ApiKeyId, PolicyId};
use crate::model::{AccessKey, AccessKeyId, Account, AccountId, ApiKey, Timestamp};
use crate::refusal::Noun;

record!(AccessKey, AccessKeyId, "access_key", AccessKey);
record!(ApiKey, ApiKeyId, "api_key", ApiKey);
record!(Account, AccountId, "account", Account);
listed!(AccessKey);
listed!(ApiKey);
listed!(Account);

/// The key that the digest of an API key's secret occupies. Its value is the API key's id.
pub fn api_key_of(digest: &str) -> String {
    format!("api_key_of/{digest}")
}

/// The key of a policy. Its value is the id of the key that has it.
pub fn policy_key(policy: PolicyId) -> String {
    format!("policy/{policy}")
}
