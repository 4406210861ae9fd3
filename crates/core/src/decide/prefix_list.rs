//! Rules of prefix lists: one IP version, no more entries than announced, changed only by those who know what is there.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::security_group::{check_description, check_list_grows};
use super::{OWNER_WORDS, change_name, rules, take_name};
use crate::command::{CreatePrefixList, UpdatePrefixList};
use crate::draft::{Draft, decode_as, encode};
use crate::id::{PrefixListId, SecurityGroupId};
use crate::limits::{MAX_PREFIX_LIST_ENTRIES, PREFIX_LIST_VERSIONS};
use crate::model::{IpFamily, PrefixList, PrefixListEntry, PrefixListState};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreatePrefixList) -> Result<PrefixList, DecideError> {
    let id = PrefixListId::new(draft.ids);
    let CreatePrefixList { name, family, max_entries, entries } = create;
    let mut named = BTreeSet::new();
    if let Some(twice) = entries.iter().find(|entry| !named.insert(entry.net)) {
        return Err(Refusal::invalid("entries", twice.net, "it is named twice").into());
    }
    let owner = draft.owner_of_new()?;
    let name = take_name::<PrefixList>(draft, name, &owner.scope(), OWNER_WORDS, id)?;
    let (created_at, state) = (draft.now, PrefixListState::Created);
    let mut list = PrefixList { id, owner, name, created_at, family, max_entries, version: 1, entries, state };
    tidy(&mut list)?;
    draft.insert(&list);
    Ok(list)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: PrefixListId,
    update: UpdatePrefixList,
) -> Result<PrefixList, DecideError> {
    let mut list: PrefixList = draft.get(id)?;
    let before = list.clone();
    if let Some(given) = update.current_version {
        check_version(&list, given)?;
    }
    if update.current_version.is_none() && !(update.add.is_empty() && update.remove.is_empty()) {
        let rule = "it is needed when entries change, so that no change is lost";
        return Err(Refusal::invalid("current_version", "", rule).into());
    }
    if let Some(name) = update.name {
        change_name::<PrefixList>(draft, &list.name, &name, &list.owner.scope(), OWNER_WORDS, id)?;
        list.name = name;
    }
    for net in update.remove {
        remove(&mut list, net)?;
    }
    // Before each is looked for among the others, which takes the square of how many there are.
    check_entries(&list, update.add.len(), MAX_PREFIX_LIST_ENTRIES)?;
    for entry in update.add {
        list.entries.retain(|other| other.net != entry.net);
        list.entries.push(entry);
    }
    if let Some(max_entries) = update.max_entries {
        list.max_entries = max_entries;
    }
    tidy(&mut list)?;
    if list.max_entries > before.max_entries {
        for group in draft.index::<SecurityGroupId>(&record::groups_of_prefix_list(id))? {
            check_list_grows(draft, group, id, list.max_entries)?;
        }
    }
    if list.entries != before.entries {
        next_version(draft, &before, &mut list);
    }
    list.state = PrefixListState::Modified;
    draft.put(&list);
    Ok(list)
}

fn check_version(list: &PrefixList, given: u32) -> Result<(), Refusal> {
    if given == list.version {
        return Ok(());
    }
    let (noun, id) = (Noun::PrefixList, list.id.to_string());
    Err(Refusal::WrongVersion { noun, id, given, current: list.version })
}

/// Keeps what a list held, and counts the change.
fn next_version(draft: &mut Draft<'_>, before: &PrefixList, list: &mut PrefixList) {
    draft.put_raw(record::prefix_list_version_key(list.id, before.version), encode(&before.entries));
    list.version = before.version + 1;
    if let Some(oldest) = list.version.checked_sub(PREFIX_LIST_VERSIONS + 1) {
        draft.delete_raw(record::prefix_list_version_key(list.id, oldest));
    }
}

/// Gives a list the entries that it had in a former version, as a new version.
pub(super) fn restore(
    draft: &mut Draft<'_>,
    id: PrefixListId,
    version: u32,
    current: u32,
) -> Result<PrefixList, DecideError> {
    let before: PrefixList = draft.get(id)?;
    check_version(&before, current)?;
    let key = record::prefix_list_version_key(id, version);
    let Some(value) = draft.raw(&key)? else {
        let rule = format!("it is not a former version of prefix list {id} that is kept");
        return Err(Refusal::invalid("version", version, rule).into());
    };
    let mut list = PrefixList { entries: decode_as(&key, &value)?, state: PrefixListState::Restored, ..before.clone() };
    tidy(&mut list)?;
    next_version(draft, &before, &mut list);
    draft.put(&list);
    Ok(list)
}

fn remove(list: &mut PrefixList, net: IpNet) -> Result<(), DecideError> {
    let Some(position) = list.entries.iter().position(|entry| entry.net == net) else {
        return Err(Refusal::invalid("remove", net, format!("it is not in prefix list {}", list.id)).into());
    };
    list.entries.remove(position);
    Ok(())
}

/// That a list has no more entries than it may.
fn check_entries(list: &PrefixList, count: usize, most: u32) -> Result<(), Refusal> {
    if count > most as usize {
        let what = format!("prefix list {} would have {count} entries", list.id);
        return Err(Refusal::Limit { of: Limited::EntriesOfPrefixList, what, limit: most.into() });
    }
    Ok(())
}

/// Checks a list as it would be, and puts its entries in order.
fn tidy(list: &mut PrefixList) -> Result<(), DecideError> {
    if !(1..=MAX_PREFIX_LIST_ENTRIES).contains(&list.max_entries) {
        let rule = format!("it must be from 1 to {MAX_PREFIX_LIST_ENTRIES}");
        return Err(Refusal::invalid("max_entries", list.max_entries, rule).into());
    }
    check_entries(list, list.entries.len(), list.max_entries)?;
    for PrefixListEntry { net, description } in &list.entries {
        rules::check_net("entries", *net)?;
        check_description(description)?;
        if IpFamily::from(*net) != list.family {
            let rule = format!("the list is of {}", list.family.words());
            return Err(Refusal::invalid("entries", net, rule).into());
        }
    }
    list.entries.sort_by_key(|entry| (entry.net.network(), entry.net.prefix_len()));
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: PrefixListId) -> Result<PrefixList, DecideError> {
    let list: PrefixList = draft.get(id)?;
    if let Some(group) = draft.first::<SecurityGroupId>(&record::groups_of_prefix_list(id))? {
        let (noun, holder) = (Noun::PrefixList, Holder::SecurityGroup(group));
        let remedy = "delete the rules that refer to it first";
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
    }
    draft.delete_raw(record::name_key::<PrefixList>(&list.owner.scope(), &list.name));
    for version in list.former_versions() {
        draft.delete_raw(record::prefix_list_version_key(id, version));
    }
    draft.remove(&list);
    Ok(list)
}
