//! What is remembered of launched instances that have gone, for about an hour, so that who waits for their end sees it.

use crate::draft::{Draft, decode_as};
use crate::id::InstanceId;
use crate::model::{DepartedInstance, Instance, Tags, Timestamp};
use crate::record::{self, Listed, Record};
use crate::refusal::DecideError;

/// How many that are forgotten are cleared away with each that goes: more than come.
const SWEPT: usize = 4;

/// Notes that an instance has gone, and clears away what was forgotten long ago.
pub(super) fn remember(draft: &mut Draft<'_>, instance: Instance) -> Result<(), DecideError> {
    sweep(draft)?;
    let key = record::tags_key(&instance.owner, &instance.id.to_string());
    let tags: Tags = draft.hint(&key)?.map(|value| decode_as(&key, &value)).transpose()?.unwrap_or_default();
    let departed = DepartedInstance { at: draft.now, instance, tags };
    // Not inserted: it is no new thing to count or to tag, but the shadow of one that goes in this very decision.
    draft.put(&departed);
    draft.put_raw(departed.list_key(), departed.id().to_string().into_bytes());
    draft.put_raw(record::departed_key(departed.at, departed.id()), departed.list_key().into_bytes());
    Ok(())
}

/// The instance with this id, if it has gone and is remembered, and exists for who asks.
pub(super) fn find(draft: &mut Draft<'_>, id: InstanceId) -> Result<Option<Instance>, DecideError> {
    let found = draft.find::<DepartedInstance>(id)?;
    Ok(found.filter(|departed| departed.remembered(draft.now)).map(|departed| departed.instance))
}

/// Two that do this at once delete the same keys, which is no conflict.
fn sweep(draft: &mut Draft<'_>) -> Result<(), DecideError> {
    for key in draft.keys_hint(record::DEPARTED, "", SWEPT)? {
        let Some((at, id)) = record::read_departed_key(&key) else { continue };
        if DepartedInstance::forgotten(at, draft.now) {
            let list_key = draft.hint(&key)?.and_then(|value| String::from_utf8(value).ok());
            list_key.into_iter().chain([DepartedInstance::key_of(id), key]).for_each(|key| draft.delete_raw(key));
        }
    }
    Ok(())
}

impl DepartedInstance {
    /// Whether what went at a moment is no longer shown.
    fn forgotten(at: Timestamp, now: Timestamp) -> bool {
        now.0.saturating_sub(at.0) > DepartedInstance::SHOWN_FOR
    }
}
