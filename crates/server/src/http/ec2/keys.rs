//! Derived signing keys, kept so that a request costs two hashes and not the derivation and a read of the store.
//!
//! An entry is good as long as its access key's record is at the same revision, which one cached read tells.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pintle_core::txn::Revision;
use scratchstack_aws_signature::KSigningKey;

/// The most keys that are kept; a client has one a day, region and service.
const MOST: usize = 10_000;

/// What a signing key is derived for: access key, date, region, service.
pub(super) type Scope = String;

#[derive(Default)]
pub(in crate::http) struct SigningKeys(Mutex<HashMap<Scope, (Revision, KSigningKey)>>);

impl SigningKeys {
    /// The key of this scope, derived by `derive` unless it is kept from the same revision of its access key.
    pub(super) fn get<E>(
        &self,
        scope: &str,
        revision: Revision,
        derive: impl FnOnce() -> Result<KSigningKey, E>,
    ) -> Result<KSigningKey, E> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(scope).copied();
        if let Some((_, key)) = kept.filter(|(at, _)| *at == revision) {
            return Ok(key);
        }
        let key = derive()?;
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST {
            // Yesterday's scopes are never asked for again; today's are derived again in microseconds.
            keys.clear();
        }
        keys.insert(scope.to_owned(), (revision, key));
        Ok(key)
    }
}
