//! Quotas of accounts, as the operator sees and changes them.

use pintle_core::quota::{Limits, Per, QUOTAS, Quota};
use serde::Deserialize;
use serde_json::{Value, json};

/// Body of `PUT /native/v1/quotas/{account}/{quota}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// The limit; `null`: the default one.
    pub limit: Option<u32>,
}

/// All quotas of an account.
pub fn encode(limits: &Limits) -> Value {
    json!({ "quotas": QUOTAS.iter().map(|quota| encode_one(quota, limits)).collect::<Vec<_>>() })
}

/// One quota of an account.
pub fn encode_one(quota: &Quota, limits: &Limits) -> Value {
    let per = match quota.per {
        Per::Region => "region",
        Per::Vpc => "vpc",
        Per::Zone => "zone",
        Per::SecurityGroup => "security_group",
    };
    json!({ "name": quota.name, "per": per, "limit": limits.limit(quota), "default": quota.default })
}
