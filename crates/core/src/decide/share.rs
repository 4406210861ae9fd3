//! Rules of shares: of a size and speed that their profile has, on one host for life, gone only with their files.

use std::collections::BTreeSet;

use super::{OWNER_WORDS, change_name, placing, share_mount, step, take_name};
use crate::command::{CreateShare, NewMountTarget, UpdateShare};
use crate::draft::Draft;
use crate::id::{AttachmentId, ShareId};
use crate::lifecycle::Lifecycle;
use crate::model::{Share, TransitEncryption};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};
use crate::share_profile::{self, ShareProfile};

/// The most words that a user may say of a share, and the longest (IBM's user tags).
const USER_TAGS: usize = 1_000;
const USER_TAG_LENGTH: usize = 128;

pub(super) fn create(draft: &mut Draft<'_>, create: CreateShare) -> Result<Share, DecideError> {
    let owner = draft.owner_of_new()?;
    draft.check_zone(&owner, &create.zone)?;
    let profile = profile(&create.profile)?;
    let (least, most) = speeds(profile, create.size_gb)?;
    let iops = create.iops.unwrap_or(least);
    check_iops(iops, (least, most), create.size_gb)?;
    check_tags(&create.user_tags)?;
    let transit_encryption = create.transit_encryption.unwrap_or_else(|| default_modes(&create.mount_targets));
    check_modes(&transit_encryption)?;
    let id = ShareId::new(draft.ids);
    let wanted = create.mount_targets.len() as u64;
    let host = placing::in_place(draft, create.host, &create.zone, wanted)?;
    let share = Share {
        id,
        name: take_name::<Share>(draft, create.name, &owner.scope(), OWNER_WORDS, id)?,
        owner,
        created_at: draft.now,
        zone: host.zone,
        host: host.id,
        profile: create.profile,
        size_gb: create.size_gb,
        iops,
        transit_encryption,
        initial_owner: create.initial_owner,
        user_tags: create.user_tags,
        lifecycle: Lifecycle::Pending,
        failure: None,
    };
    draft.insert(&share);
    draft.put_raw(format!("{}{id}", record::shares_of_host(share.host)), id.to_string().into_bytes());
    for new in create.mount_targets {
        share_mount::create_on(draft, &share, new)?;
    }
    Ok(share)
}

fn default_modes(mount_targets: &[NewMountTarget]) -> BTreeSet<TransitEncryption> {
    let modes: BTreeSet<TransitEncryption> = mount_targets.iter().map(|new| new.transit_encryption).collect();
    if modes.is_empty() { BTreeSet::from([TransitEncryption::None]) } else { modes }
}

fn check_modes(modes: &BTreeSet<TransitEncryption>) -> Result<(), Refusal> {
    if modes.is_empty() {
        return Err(Refusal::invalid("allowed_transit_encryption_modes", "", "a share allows at least one"));
    }
    Ok(())
}

fn profile(name: &str) -> Result<&'static ShareProfile, Refusal> {
    share_profile::find(name)
        .ok_or_else(|| Refusal::invalid("profile", name, "there is no profile of shares with this name"))
}

/// The fewest and the most operations per second of a share of this size.
fn speeds(profile: &ShareProfile, size_gb: u32) -> Result<(u32, u32), Refusal> {
    profile.iops(size_gb).ok_or_else(|| {
        let rule =
            format!("shares of profile '{}' have {} to {} GB", profile.name, profile.least_gb, profile.most_gb());
        Refusal::invalid("size", size_gb, rule)
    })
}

fn check_iops(iops: u32, (least, most): (u32, u32), size_gb: u32) -> Result<(), Refusal> {
    if (least..=most).contains(&iops) {
        return Ok(());
    }
    Err(Refusal::invalid("iops", iops, format!("a share of {size_gb} GB has {least} to {most}")))
}

fn check_tags(tags: &BTreeSet<String>) -> Result<(), Refusal> {
    if tags.len() > USER_TAGS {
        return Err(Refusal::TooManyTags { limit: USER_TAGS });
    }
    let bad =
        |tag: &&String| tag.is_empty() || tag.chars().count() > USER_TAG_LENGTH || tag.chars().any(char::is_control);
    match tags.iter().find(bad) {
        Some(tag) => {
            let rule = format!("a tag has 1 to {USER_TAG_LENGTH} characters, none of them a control character");
            Err(Refusal::invalid("user_tags", tag, rule))
        }
        None => Ok(()),
    }
}

pub(super) fn update(draft: &mut Draft<'_>, id: ShareId, update: UpdateShare) -> Result<Share, DecideError> {
    let mut share: Share = draft.get(id)?;
    if let Some(name) = update.name {
        change_name::<Share>(draft, &share.name, &name, &share.owner.scope(), OWNER_WORDS, id)?;
        share.name = name;
    }
    if update.size_gb.is_some_and(|size| size != share.size_gb) && share.lifecycle != Lifecycle::Stable {
        return Err(wrong_state(&share, "its size can be changed while it is stable only"));
    }
    let size_gb = update.size_gb.unwrap_or(share.size_gb);
    if size_gb < share.size_gb {
        let rule = format!("a share only grows, and this one has {} GB", share.size_gb);
        return Err(Refusal::invalid("size", size_gb, rule).into());
    }
    share.size_gb = size_gb;
    share.profile = update.profile.unwrap_or(share.profile);
    share.iops = update.iops.unwrap_or(share.iops);
    check_iops(share.iops, speeds(profile(&share.profile)?, size_gb)?, size_gb)?;
    if let Some(modes) = update.transit_encryption {
        check_modes(&modes)?;
        // All that are there send in the clear: no other way is served.
        if !modes.contains(&TransitEncryption::None)
            && let Some(target) = first_mount_target(draft, id)?
        {
            let rule = format!("mount target {target} does not encrypt what it sends, so 'none' must stay allowed");
            return Err(Refusal::invalid("allowed_transit_encryption_modes", words(&modes), rule).into());
        }
        share.transit_encryption = modes;
    }
    if let Some(tags) = update.user_tags {
        check_tags(&tags)?;
        share.user_tags = tags;
    }
    draft.put(&share);
    Ok(share)
}

fn words(modes: &BTreeSet<TransitEncryption>) -> String {
    modes.iter().map(|mode| mode.label()).collect::<Vec<_>>().join(", ")
}

fn first_mount_target(draft: &mut Draft<'_>, id: ShareId) -> Result<Option<AttachmentId>, DecideError> {
    draft.first(&record::mount_targets_of_share(id))
}

pub(super) fn delete(draft: &mut Draft<'_>, id: ShareId) -> Result<Share, DecideError> {
    let mut share: Share = draft.get(id)?;
    if let Some(target) = first_mount_target(draft, id)? {
        let (holder, remedy) = (Holder::MountTarget(target), "delete its mount targets first");
        return Err(Refusal::InUse { noun: Noun::Share, id: id.to_string(), holder, remedy }.into());
    }
    step::<Share>(&mut share.lifecycle, Lifecycle::Deleting, id)?;
    share.failure = None;
    draft.put(&share);
    Ok(share)
}

/// That a share takes mount targets.
pub(super) fn refuse_deleting(share: &Share) -> Result<(), DecideError> {
    match share.lifecycle {
        Lifecycle::Deleting => Err(wrong_state(share, "a share that is being deleted takes no change")),
        _ => Ok(()),
    }
}

fn wrong_state(share: &Share, rule: &str) -> DecideError {
    let (noun, id, state) = (Noun::Share, share.id.to_string(), share.lifecycle.label().to_owned());
    Refusal::WrongState { noun, id, state, rule: rule.to_owned() }.into()
}

/// The host has a place for its files.
pub(super) fn realised(draft: &mut Draft<'_>, id: ShareId) -> Result<(), DecideError> {
    let Some(mut share) = draft.find::<Share>(id)? else { return Ok(()) };
    if share.lifecycle != Lifecycle::Stable && share.lifecycle.may_become(Lifecycle::Stable) {
        share.failure = None;
        step::<Share>(&mut share.lifecycle, Lifecycle::Stable, id)?;
        draft.put(&share);
    }
    Ok(())
}

/// The host could not make a place for its files, or could not remove them.
pub(super) fn failed(draft: &mut Draft<'_>, id: ShareId, why: String) -> Result<(), DecideError> {
    let Some(mut share) = draft.find::<Share>(id)?.filter(|share| share.failure.as_ref() != Some(&why)) else {
        return Ok(());
    };
    // One that is on its way out stays so, and is tried again.
    if share.lifecycle.may_become(Lifecycle::Failed) {
        step::<Share>(&mut share.lifecycle, Lifecycle::Failed, id)?;
    }
    share.failure = Some(why);
    draft.put(&share);
    Ok(())
}

/// The host has none of its files any more.
pub(super) fn gone(draft: &mut Draft<'_>, id: ShareId) -> Result<(), DecideError> {
    let Some(share) = draft.find::<Share>(id)?.filter(|share| share.lifecycle == Lifecycle::Deleting) else {
        return Ok(());
    };
    draft.delete_raw(record::name_key::<Share>(&share.owner.scope(), &share.name));
    draft.delete_raw(format!("{}{id}", record::shares_of_host(share.host)));
    draft.remove(&share);
    Ok(())
}
