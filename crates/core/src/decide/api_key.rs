//! Rules of API keys: the account exists, and a secret is one key's only.

use super::key_policy;
use crate::command::CreateApiKey;
use crate::draft::Draft;
use crate::id::ApiKeyId;
use crate::model::{Account, AccountId, ApiKey, Principal};
use crate::name;
use crate::record;
use crate::refusal::{DecideError, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateApiKey) -> Result<ApiKey, DecideError> {
    let CreateApiKey { id, account, name, digest, policies } = create;
    name::check(Noun::ApiKey, &name)?;
    // The first account is there without a record.
    if account != AccountId::FIRST {
        draft.get::<Account>(account)?;
    }
    let id = id.unwrap_or_else(|| ApiKeyId::new(draft.ids));
    let taken = |holder: String| {
        let (noun, name, scope) = (Noun::ApiKey, id.to_string(), "the server".to_owned());
        Refusal::NameTaken { noun, name, holder, scope }
    };
    if let Some(other) = draft.find::<ApiKey>(id)? {
        return Err(taken(format!("account {}", other.account)).into());
    }
    let digest = digest.to_string();
    draft.claim(record::api_key_of(&digest), &id.to_string())?.map_err(taken)?;
    let policies = policies
        .into_iter()
        .map(|new| key_policy::make(draft, Principal::ApiKey(id), new))
        .collect::<Result<_, DecideError>>()?;
    let key = ApiKey { id, account, name, digest, created_at: draft.now, policies };
    draft.insert(&key);
    Ok(key)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: ApiKeyId) -> Result<ApiKey, DecideError> {
    let key: ApiKey = draft.get(id)?;
    key_policy::forget(draft, &key.policies);
    draft.delete_raw(record::api_key_of(&key.digest));
    draft.remove(&key);
    Ok(key)
}
