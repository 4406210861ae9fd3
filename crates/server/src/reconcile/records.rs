//! Judging attachments, instances and shares: what a host's reports say about one record.

use pintle_core::Command;
use pintle_core::host_spec::{Entry, EntryKey, PortMode, ShareSpec};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, InstanceState, Share};

use crate::projector::Projection;
use crate::sessions::Progress;

/// What to say of an attachment, if anything is to be said.
pub(crate) fn attachment(record: &Attachment, desired: &Projection, progress: Progress<'_>) -> Option<Command> {
    let Attachment { id, host, generation, lifecycle, .. } = *record;
    let key = EntryKey::Port(id);
    let failure = progress.failure(host, &key);
    if lifecycle == Lifecycle::Deleting {
        // What serves a share ends before its interface is let go of.
        let serves = progress.is_pending(host, &EntryKey::Instance(record.instance));
        return (!serves && is_gone(key, host, desired, progress)).then_some(Command::AttachmentGone(id));
    }
    let slot = desired.host(host).get(&key)?;
    // A prepared port is not yet realised, and a fenced one no longer; a move decides about those.
    let current =
        matches!(&slot.entry, Entry::Port(port) if port.mode == PortMode::Active && port.generation == generation);
    if !current || !progress.has_applied(host, slot.revision) {
        return None;
    }
    match failure {
        Some(why) if lifecycle == Lifecycle::Failed && record.failure.as_deref() == Some(why) => None,
        Some(why) if lifecycle.may_become(Lifecycle::Failed) => {
            Some(Command::AttachmentFailed(id, generation, why.to_owned()))
        }
        None if unsettled(lifecycle) => Some(Command::AttachmentRealised(id, generation)),
        _ => None,
    }
}

/// What to say of an instance, if anything is to be said.
pub(crate) fn instance(record: &Instance, desired: &Projection, progress: Progress<'_>) -> Option<Command> {
    let Instance { id, host, lifecycle, .. } = *record;
    let key = EntryKey::Instance(id);
    if lifecycle == Lifecycle::Deleting {
        return is_gone(key, host, desired, progress).then_some(Command::InstanceGone(id));
    }
    if record.state == InstanceState::Stopped {
        let stopped = lifecycle != Lifecycle::Waiting && is_gone(key, host, desired, progress);
        return stopped.then_some(Command::InstanceStopped(id));
    }
    let slot = desired.host(host).get(&key)?;
    if !progress.has_applied(host, slot.revision) || progress.is_pending(host, &key) {
        return None;
    }
    match progress.failure(host, &key) {
        Some(why) if lifecycle == Lifecycle::Failed && record.failure.as_deref() == Some(why) => None,
        Some(why) if lifecycle.may_become(Lifecycle::Failed) => Some(Command::InstanceFailed(id, why.to_owned())),
        None if unsettled(lifecycle) => Some(Command::InstanceRealised(id)),
        _ => None,
    }
}

/// What to say of a share, if anything is to be said.
pub(crate) fn share(record: &Share, desired: &Projection, progress: Progress<'_>) -> Option<Command> {
    let Share { id, host, lifecycle, .. } = *record;
    let key = EntryKey::Share(id);
    let slot = desired.host(host).get(&key)?;
    let erases = matches!(slot.entry, Entry::Share(ShareSpec::Erase));
    let current = erases == (lifecycle == Lifecycle::Deleting);
    if !current || !progress.has_applied(host, slot.revision) || progress.is_pending(host, &key) {
        return None;
    }
    match progress.failure(host, &key) {
        Some(why) if record.failure.as_deref() == Some(why) => None,
        Some(why) => Some(Command::ShareFailed(id, why.to_owned())),
        None if erases => Some(Command::ShareGone(id)),
        None if unsettled(lifecycle) => Some(Command::ShareRealised(id)),
        None => None,
    }
}

fn unsettled(lifecycle: Lifecycle) -> bool {
    use Lifecycle::{Failed, Pending, Updating, Waiting};
    matches!(lifecycle, Pending | Failed | Updating | Waiting)
}

/// Whether the host has said that nothing of an entry is left there.
fn is_gone(key: EntryKey, host: pintle_core::id::HostId, desired: &Projection, progress: Progress<'_>) -> bool {
    let absent = desired.host(host).absent_since(&key);
    let settled = progress.failure(host, &key).is_none() && !progress.is_pending(host, &key);
    settled && absent.is_some_and(|since| progress.has_applied(host, since))
}
