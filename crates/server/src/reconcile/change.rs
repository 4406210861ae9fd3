//! What the reconciler is shown of the records: those that changed, or all that are unsettled.

use std::collections::BTreeSet;

use pintle_core::id::{AttachmentId, HostId, InstanceId, ShareId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Move, Share};
use pintle_core::query;
use pintle_core::refusal::DecideError;
use pintle_core::txn::{Revision, Snapshot};

use crate::projector::{Dirty, for_each};

/// A record and the revision of its last write: what a command about it must find unchanged.
#[derive(Debug, Clone)]
pub(crate) struct Tracked<R> {
    /// The record.
    pub(crate) record: R,
    /// The revision of its last write.
    pub(crate) modified: Revision,
}

/// A move with what it takes to judge it.
#[derive(Debug, Clone)]
pub(crate) struct TrackedMove {
    /// The record and its revision.
    pub(crate) moving: Tracked<Move>,
    /// The host that is left.
    pub(crate) from: HostId,
    /// The host that takes over.
    pub(crate) to: HostId,
    /// Where the new attachment is in its life.
    pub(crate) to_lifecycle: Lifecycle,
}

/// Records as they are at one revision; `None` where there is none any more.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Whether this is everything unsettled, and whatever is not in it is settled.
    pub(crate) everything: bool,
    /// Attachments.
    pub(crate) attachments: Vec<(AttachmentId, Option<Tracked<Attachment>>)>,
    /// Instances.
    pub(crate) instances: Vec<(InstanceId, Option<Tracked<Instance>>)>,
    /// Shares.
    pub(crate) shares: Vec<(ShareId, Option<Tracked<Share>>)>,
    /// Moves.
    pub(crate) moves: Vec<(VniId, Option<TrackedMove>)>,
}

impl Change {
    /// Reads what some commits touched.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn read(snapshot: &dyn Snapshot, dirty: &Dirty) -> Result<Change, DecideError> {
        let mut change = Change::default();
        let mut moves: BTreeSet<VniId> = dirty.moves.clone();
        for id in &dirty.attachments {
            let found = query::find::<Attachment>(snapshot, *id)?;
            // A move waits for its new attachment's state.
            moves.extend(found.as_ref().map(|(attachment, _)| attachment.vni));
            change.attachments.push((*id, tracked(found)));
        }
        for id in &dirty.instances {
            change.instances.push((*id, tracked(query::find::<Instance>(snapshot, *id)?)));
        }
        for id in &dirty.shares {
            change.shares.push((*id, tracked(query::find::<Share>(snapshot, *id)?)));
        }
        for id in moves {
            change.moves.push((id, find_move(snapshot, id)?));
        }
        Ok(change)
    }

    /// Reads everything that is unsettled.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) fn read_all(snapshot: &dyn Snapshot) -> Result<Change, DecideError> {
        let mut change = Change { everything: true, ..Change::default() };
        for_each::<Attachment>(snapshot, |record, modified| {
            if record.lifecycle != Lifecycle::Stable || record.adopting {
                change.attachments.push((record.id, Some(Tracked { record, modified })));
            }
            Ok(())
        })?;
        for_each::<Instance>(snapshot, |record, modified| {
            if record.lifecycle != Lifecycle::Stable {
                change.instances.push((record.id, Some(Tracked { record, modified })));
            }
            Ok(())
        })?;
        for_each::<Share>(snapshot, |record, modified| {
            if record.lifecycle != Lifecycle::Stable {
                change.shares.push((record.id, Some(Tracked { record, modified })));
            }
            Ok(())
        })?;
        for_each::<Move>(snapshot, |record, _| {
            change.moves.push((record.vni, find_move(snapshot, record.vni)?));
            Ok(())
        })?;
        Ok(change)
    }
}

fn tracked<R>(found: Option<(R, Revision)>) -> Option<Tracked<R>> {
    found.map(|(record, modified)| Tracked { record, modified })
}

fn find_move(snapshot: &dyn Snapshot, id: VniId) -> Result<Option<TrackedMove>, DecideError> {
    let Some((record, modified)) = query::find::<Move>(snapshot, id)? else { return Ok(None) };
    let (from, _) = query::get::<Attachment>(snapshot, record.from)?;
    let (to, _) = query::get::<Attachment>(snapshot, record.to)?;
    let moving = Tracked { record, modified };
    Ok(Some(TrackedMove { moving, from: from.host, to: to.host, to_lifecycle: to.lifecycle }))
}
