//! Holding tenants to their quotas: what counts takes a numbered slot when it is made, and gives it back when it goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::by_id;
use crate::draft::{Draft, Kept, decode_as, encode};
use crate::model::{AccountId, Vpc};
use crate::quota::{self, Limits, Per, Quota};
use crate::refusal::{DecideError, Refusal};

/// The limits of an account, relied upon: which slots a thing tries depends on them.
fn limits(draft: &mut Draft<'_>, account: AccountId) -> Result<Limits, DecideError> {
    let key = quota::limits_key(account);
    draft.raw(&key)?.map_or_else(|| Ok(Limits::default()), |value| decode_as(&key, &value))
}

/// The limit of a quota that binds only in VPCs with implied ways out; `None`: the VPC is none, or no tenant asks.
pub(super) fn implied_limit(draft: &mut Draft<'_>, vpc: &Vpc, quota: &Quota) -> Result<Option<u64>, DecideError> {
    if !(vpc.implied_ways && draft.by.is_tenant()) {
        return Ok(None);
    }
    Ok(Some(limits(draft, vpc.owner.account)?.limit(quota).into()))
}

/// Takes a slot for something that a tenant's request makes.
pub(super) fn take(draft: &mut Draft<'_>, kept: &Kept) -> Result<(), DecideError> {
    let (Some(quota), Some(account), Some(within)) = (quota::of(kept.noun), kept.account(), &kept.within) else {
        return Ok(());
    };
    if !draft.by.is_tenant() {
        return Ok(());
    }
    let limit = limits(draft, account)?.limit(quota);
    for slot in quota::tried(&kept.id, limit) {
        let key = quota::slot_key(kept.kind, account, within, slot);
        if draft.claim_if_free(key, &kept.id)? {
            return Ok(());
        }
    }
    let slot = one_left(draft, kept, account, within, limit)?.ok_or_else(|| Refusal::Quota {
        noun: kept.noun,
        within: words(quota, account, within),
        limit,
    })?;
    draft.put_raw(quota::slot_of_key(&kept.id), slot.to_string().into_bytes());
    let claimed = draft.claim(quota::slot_key(kept.kind, account, within, slot), &kept.id)?;
    debug_assert!(claimed.is_ok(), "it was seen to be free");
    Ok(())
}

/// A free slot, looked for among all; none if as many are held as there may be, with whatever numbers.
fn one_left(
    draft: &Draft<'_>,
    kept: &Kept,
    account: AccountId,
    within: &str,
    limit: u32,
) -> Result<Option<u32>, DecideError> {
    let prefix = quota::slots(kept.kind, account, within);
    let held = draft.keys_hint(&prefix, "", usize::MAX)?;
    if held.len() >= limit as usize {
        return Ok(None);
    }
    let held: BTreeSet<u32> =
        held.iter().filter_map(|key| u32::from_str_radix(&key[prefix.len()..], 16).ok()).collect();
    let free: Vec<u32> = (0..limit).filter(|slot| !held.contains(slot)).collect();
    Ok(free.get(quota::place(&kept.id, free.len())).copied())
}

fn words(quota: &Quota, account: AccountId, within: &str) -> String {
    match quota.per {
        Per::Region => format!("account {account} in region '{}'", within.split('.').next().unwrap_or_default()),
        Per::Vpc => format!("VPC {within}"),
        Per::Zone => format!("account {account} in zone '{within}'"),
        Per::SecurityGroup => format!("security group {within}"),
    }
}

/// Gives back the slot of something that goes, if it holds one.
pub(super) fn give_back(draft: &mut Draft<'_>, kept: &Kept) -> Result<(), DecideError> {
    let (Some(quota), Some(account), Some(within)) = (quota::of(kept.noun), kept.account(), &kept.within) else {
        return Ok(());
    };
    let limit = limits(draft, account)?.limit(quota);
    let Some(slot) = held_by(draft, kept, account, within, limit)? else { return Ok(()) };
    draft.delete_raw(quota::slot_key(kept.kind, account, within, slot));
    if slot < limit { come_down(draft, kept, account, within, (slot, limit)) } else { Ok(()) }
}

/// The slot that a thing holds. What noted it is forgotten.
fn held_by(
    draft: &mut Draft<'_>,
    kept: &Kept,
    account: AccountId,
    within: &str,
    limit: u32,
) -> Result<Option<u32>, DecideError> {
    let noted = quota::slot_of_key(&kept.id);
    if let Some(slot) = draft.raw(&noted)? {
        draft.delete_raw(noted.clone());
        return decode_as(&noted, &slot).map(Some);
    }
    for slot in quota::tried(&kept.id, limit) {
        let key = quota::slot_key(kept.kind, account, within, slot);
        if draft.hint(&key)?.is_some_and(|holder| holder == kept.id.as_bytes()) {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// While more is held than may be, since the limit was lowered, a slot below the limit goes to one of those above it.
fn come_down(
    draft: &mut Draft<'_>,
    kept: &Kept,
    account: AccountId,
    within: &str,
    (slot, limit): (u32, u32),
) -> Result<(), DecideError> {
    let prefix = quota::slots(kept.kind, account, within);
    let above = quota::slot_key(kept.kind, account, within, limit);
    let Some(key) = draft.keys_hint(&prefix, &above, 1)?.pop() else { return Ok(()) };
    if let Some(holder) = draft.raw(&key)? {
        draft.delete_raw(key);
        let holder = String::from_utf8_lossy(&holder).into_owned();
        draft.put_raw(quota::slot_key(kept.kind, account, within, slot), holder.as_bytes().to_vec());
        draft.put_raw(quota::slot_of_key(&holder), slot.to_string().into_bytes());
    }
    Ok(())
}

/// Gives an account another limit for a quota, or the default one again.
///
/// Which slots a thing tries depends on the limit, so where each thing sits is noted.
pub(super) fn set(
    draft: &mut Draft<'_>,
    account: AccountId,
    name: &str,
    limit: Option<u32>,
) -> Result<(), DecideError> {
    let Some(quota) = quota::named(name) else {
        let names: Vec<&str> = quota::QUOTAS.iter().map(|quota| quota.name).collect();
        return Err(Refusal::invalid("quota", name, format!("it must be one of: {}", names.join(", "))).into());
    };
    if limit.is_some_and(|limit| limit > MOST) {
        return Err(Refusal::invalid("limit", limit.unwrap_or_default(), format!("it must be {MOST} at most")).into());
    }
    if account != AccountId::FIRST {
        draft.get::<crate::model::Account>(account)?;
    }
    let key = quota::limits_key(account);
    let mut limits = self::limits(draft, account)?;
    let before = limits.limit(quota);
    match limit {
        Some(limit) => limits.0.insert(quota.name.to_owned(), limit),
        None => limits.0.remove(quota.name),
    };
    let after = limits.limit(quota);
    if after != before && !quota.implied {
        settle(draft, by_id::kind_of(quota.noun), account, after)?;
    }
    if limits.0.is_empty() {
        draft.delete_raw(key)
    } else {
        draft.put_raw(key, encode(&limits))
    }
    Ok(())
}

/// The largest limit that can be set: what a decision that must look at all slots can bear.
const MOST: u32 = 1_000_000;

/// Notes where each thing sits, and moves those whose slots are above the new limit to free ones below it: as long as more
/// is held than may be, no slot below is free.
fn settle(draft: &mut Draft<'_>, kind: &str, account: AccountId, limit: u32) -> Result<(), DecideError> {
    let all = quota::slots_of(kind, account);
    let mut places: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    for (key, holder) in draft.entries(&all)? {
        let place = key[all.len()..].rsplit_once('/');
        let place = place.and_then(|(within, slot)| Some((within, u32::from_str_radix(slot, 16).ok()?)));
        if let (Some((within, slot)), Ok(holder)) = (place, String::from_utf8(holder)) {
            places.entry(within.to_owned()).or_default().insert(slot, holder);
        }
    }
    for (within, held) in places {
        let mut free = (0..limit).filter(|slot| !held.contains_key(slot));
        for (&slot, holder) in &held {
            let mut now = slot;
            if slot >= limit
                && let Some(lower) = free.next()
            {
                draft.delete_raw(quota::slot_key(kind, account, &within, slot));
                draft.put_raw(quota::slot_key(kind, account, &within, lower), holder.as_bytes().to_vec());
                now = lower;
            }
            draft.put_raw(quota::slot_of_key(holder), now.to_string().into_bytes());
        }
    }
    Ok(())
}
