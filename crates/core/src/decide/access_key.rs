//! Rules of access keys: an id is one account's only, and the account exists.

use crate::command::CreateAccessKey;
use crate::draft::Draft;
use crate::model::{AccessKey, AccessKeyId, Account, AccountId};
use crate::refusal::{DecideError, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateAccessKey) -> Result<AccessKey, DecideError> {
    let CreateAccessKey { id, account, sealed } = create;
    // The first account is there without a record.
    if account != AccountId::FIRST {
        draft.get::<Account>(account)?;
    }
    if let Some(other) = draft.find::<AccessKey>(id)? {
        let (noun, name, scope) = (Noun::AccessKey, id.to_string(), "the server".to_owned());
        return Err(Refusal::NameTaken { noun, name, holder: format!("account {}", other.account), scope }.into());
    }
    let key = AccessKey { id, account, sealed, created_at: draft.now, policies: None };
    draft.insert(&key);
    super::defaults::ensure_everywhere(draft, account)?;
    Ok(key)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: AccessKeyId) -> Result<AccessKey, DecideError> {
    let key: AccessKey = draft.get(id)?;
    super::key_policy::forget(draft, key.policies.as_deref().unwrap_or_default());
    draft.remove(&key);
    Ok(key)
}
