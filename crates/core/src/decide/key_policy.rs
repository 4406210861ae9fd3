//! Rules of policies: they are part of their key's record, which whoever authenticates reads anyway, and end with it.

use crate::command::{NewPolicy, Reply};
use crate::draft::Draft;
use crate::id::PolicyId;
use crate::model::{AccessKey, AccessRole, ApiKey, Policy, Principal, ResourceType};
use crate::record;
use crate::refusal::{DecideError, Noun, Refusal};

/// The most policies of one key.
const MOST: usize = 100;

/// A policy that is part of its key's record from now on, which the caller writes.
pub(super) fn make(draft: &mut Draft<'_>, key: Principal, new: NewPolicy) -> Result<Policy, DecideError> {
    let NewPolicy { role, resource_type, resource } = new;
    if let Some(resource) = &resource {
        if resource_type.is_none() {
            return Err(Refusal::invalid("resource", resource, "name its type with it").into());
        }
        let shaped = (1..=63).contains(&resource.len())
            && resource.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !shaped {
            return Err(Refusal::invalid("resource", resource, "the id of one resource").into());
        }
    }
    let of_interfaces = matches!(role, AccessRole::IpSpoofingOperator | AccessRole::InfrastructureNatOperator);
    if let Some(other) = resource_type.filter(|found| of_interfaces && *found != ResourceType::Vni) {
        return Err(Refusal::invalid("resource_type", other, format!("'{role}' is of interfaces only")).into());
    }
    let id = PolicyId::new(draft.ids);
    draft.put_raw(record::policy_key(id), key.to_string().into_bytes());
    Ok(Policy { id, role, resource_type, resource, created_at: draft.now })
}

pub(super) fn create(draft: &mut Draft<'_>, key: Principal, new: NewPolicy) -> Result<Reply, DecideError> {
    let made = make(draft, key, new)?;
    change(draft, key, |policies| {
        if policies.len() >= MOST {
            let rule = format!("a key has at most {MOST} policies");
            return Err(Refusal::invalid("role", made.role, rule));
        }
        policies.push(made.clone());
        Ok(())
    })?;
    Ok(Reply::Policy(key, made))
}

pub(super) fn delete(draft: &mut Draft<'_>, id: PolicyId) -> Result<Reply, DecideError> {
    let not_found = || Refusal::NotFound { noun: Noun::Policy, id: id.to_string() };
    let key = draft.raw(&record::policy_key(id))?.ok_or_else(not_found)?;
    let key: Principal = crate::draft::parse_id(&record::policy_key(id), &key)?;
    let mut gone = None;
    change(draft, key, |policies| {
        let at = policies.iter().position(|policy| policy.id == id).ok_or_else(not_found)?;
        gone = Some(policies.remove(at));
        Ok(())
    })?;
    draft.delete_raw(record::policy_key(id));
    gone.map(|gone| Reply::Policy(key, gone)).ok_or_else(|| not_found().into())
}

/// Forgets where these are, because their key goes.
pub(super) fn forget(draft: &mut Draft<'_>, policies: &[Policy]) {
    policies.iter().for_each(|policy| draft.delete_raw(record::policy_key(policy.id)));
}

fn change(
    draft: &mut Draft<'_>,
    key: Principal,
    change: impl FnOnce(&mut Vec<Policy>) -> Result<(), Refusal>,
) -> Result<(), DecideError> {
    match key {
        Principal::AccessKey(id) => {
            let mut key: AccessKey = draft.get(id)?;
            change(key.policies.get_or_insert_default())?;
            draft.put(&key);
        }
        Principal::ApiKey(id) => {
            let mut key: ApiKey = draft.get(id)?;
            change(&mut key.policies)?;
            draft.put(&key);
        }
    }
    Ok(())
}
