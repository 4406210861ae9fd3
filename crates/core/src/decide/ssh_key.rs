//! Rules of SSH keys: unique names, each key once.

use super::{OWNER_WORDS, change_name, take_name};
use crate::command::CreateSshKey;
use crate::draft::Draft;
use crate::id::SshKeyId;
use crate::model::SshKey;
use crate::record;
use crate::refusal::{DecideError, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateSshKey) -> Result<SshKey, DecideError> {
    let owner = draft.owner_of_new()?;
    let id = SshKeyId::new(draft.ids);
    if let Err(id) = draft.claim(record::ssh_key_of_key(&owner, &create.fingerprint), &id.to_string())? {
        return Err(Refusal::AlreadyExists { noun: Noun::SshKey, id }.into());
    }
    let name = take_name::<SshKey>(draft, create.name, &owner.scope(), OWNER_WORDS, id)?;
    let CreateSshKey { kind, length, public_key, fingerprint, .. } = create;
    let key = SshKey { id, owner, name, created_at: draft.now, kind, length, public_key, fingerprint };
    draft.insert(&key);
    Ok(key)
}

pub(super) fn rename(draft: &mut Draft<'_>, id: SshKeyId, name: &str) -> Result<SshKey, DecideError> {
    let mut key: SshKey = draft.get(id)?;
    change_name::<SshKey>(draft, &key.name, name, &key.owner.scope(), OWNER_WORDS, id)?;
    key.name = name.to_owned();
    draft.put(&key);
    Ok(key)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: SshKeyId) -> Result<SshKey, DecideError> {
    let key: SshKey = draft.get(id)?;
    draft.delete_raw(record::name_key::<SshKey>(&key.owner.scope(), &key.name));
    draft.delete_raw(record::ssh_key_of_key(&key.owner, &key.fingerprint));
    draft.remove(&key);
    Ok(key)
}
