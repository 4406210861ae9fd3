//! Tags: beside each thing a set of its user's words, made with it, changed on their own, gone with it.

use crate::by_id;
use crate::command::{ChangeTags, TagRemoval};
use crate::draft::{Draft, Kept, decode_as, encode};
use crate::model::Tags;
use crate::record;
use crate::refusal::{DecideError, Noun, Refusal};

/// Gives what a request makes the tags that it asks for.
pub(super) fn give(draft: &mut Draft<'_>, made: &Kept, tags: &[(Noun, Tags)]) -> Result<(), DecideError> {
    let mut all = Tags::default();
    for (_, given) in tags.iter().filter(|(noun, _)| *noun == made.noun) {
        all = all.with(given)?;
    }
    if let (Some(owner), false) = (&made.owner, all.is_empty()) {
        draft.put_raw(record::tags_key(owner, &made.id), encode(&all));
    }
    Ok(())
}

/// Takes the tags of what goes away.
pub(super) fn drop(draft: &mut Draft<'_>, gone: &Kept) -> Result<(), DecideError> {
    let Some(owner) = &gone.owner else { return Ok(()) };
    let key = record::tags_key(owner, &gone.id);
    if draft.hint(&key)?.is_some() {
        draft.delete_raw(key);
    }
    Ok(())
}

/// Adds tags to things, and takes others away: all of it or nothing.
pub(super) fn change(draft: &mut Draft<'_>, change: &ChangeTags) -> Result<(), DecideError> {
    let ChangeTags { resources, put, remove } = change;
    for id in resources {
        let Some(owner) = by_id::owner_of(draft, id)? else {
            let noun = by_id::noun_of(id).unwrap_or(Noun::Resource);
            return Err(Refusal::NotFound { noun, id: id.clone() }.into());
        };
        let key = record::tags_key(&owner, id);
        let before: Tags = draft.raw(&key)?.map(|value| decode_as(&key, &value)).transpose()?.unwrap_or_default();
        let mut after = before.clone();
        match remove {
            TagRemoval::All => after = Tags::default(),
            TagRemoval::These(tags) => tags.iter().for_each(|(tag, value)| after.remove(tag, value.as_deref())),
        }
        let after = after.with(put)?;
        if after != before {
            if after.is_empty() { draft.delete_raw(key) } else { draft.put_raw(key, encode(&after)) }
        }
    }
    Ok(())
}
