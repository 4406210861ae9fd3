//! Rules of prefix lists: one IP version, no more entries than announced, changed only by those who know what is there.

use ipnet::IpNet;

use super::security_group::{check_description, check_list_grows};
use super::{OWNER_WORDS, change_name, rules, take_name};
use crate::command::{CreatePrefixList, UpdatePrefixList};
use crate::draft::Draft;
use crate::id::{PrefixListId, SecurityGroupId};
use crate::limits::MAX_PREFIX_LIST_ENTRIES;
use crate::model::{IpFamily, PrefixList, PrefixListEntry};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreatePrefixList) -> Result<PrefixList, DecideError> {
    let id = PrefixListId::new(draft.ids);
    let CreatePrefixList { name, family, max_entries, entries } = create;
    for (position, entry) in entries.iter().enumerate() {
        if entries[..position].iter().any(|other| other.net == entry.net) {
            return Err(Refusal::invalid("entries", entry.net, "it is named twice").into());
        }
    }
    let owner = draft.owner_of_new()?;
    let name = take_name::<PrefixList>(draft, name, &owner.scope(), OWNER_WORDS, id)?;
    let mut list = PrefixList { id, owner, name, created_at: draft.now, family, max_entries, version: 1, entries };
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
    if let Some(given) = update.current_version
        && given != list.version
    {
        let (noun, id) = (Noun::PrefixList, id.to_string());
        return Err(Refusal::WrongVersion { noun, id, given, current: list.version }.into());
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
        list.version += 1;
    }
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

/// Checks a list as it would be, and puts its entries in order.
fn tidy(list: &mut PrefixList) -> Result<(), DecideError> {
    if !(1..=MAX_PREFIX_LIST_ENTRIES).contains(&list.max_entries) {
        let rule = format!("it must be from 1 to {MAX_PREFIX_LIST_ENTRIES}");
        return Err(Refusal::invalid("max_entries", list.max_entries, rule).into());
    }
    if list.entries.len() > list.max_entries as usize {
        let what = format!("prefix list {} would have {} entries", list.id, list.entries.len());
        return Err(Refusal::Limit { of: Limited::EntriesOfPrefixList, what, limit: list.max_entries.into() }.into());
    }
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
    draft.remove(&list);
    Ok(list)
}
