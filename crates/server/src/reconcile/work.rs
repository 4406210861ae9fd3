//! The records that are not settled: what the reconciler has to keep in mind, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::id::{AttachmentId, HostId, InstanceId, ShareId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Share};
use pintle_core::txn::Revision;
use tokio::time::Instant;

use super::item::Item;
use super::{Change, Tracked, TrackedMove};
use crate::life;

/// An attachment that takes in connections that began elsewhere.
#[derive(Debug)]
struct Adoption {
    /// The revision of the attachment's record.
    modified: Revision,
    /// When its move was first seen to have ended; `None` while it runs.
    since: Option<Instant>,
}

/// Everything unsettled.
#[derive(Debug, Default)]
pub(crate) struct Work {
    attachments: BTreeMap<AttachmentId, Tracked<Attachment>>,
    instances: BTreeMap<InstanceId, Tracked<Instance>>,
    shares: BTreeMap<ShareId, Tracked<Share>>,
    moves: BTreeMap<VniId, (TrackedMove, Instant)>,
    adoptions: BTreeMap<AttachmentId, Adoption>,
    by_host: BTreeMap<HostId, BTreeSet<Item>>,
    by_instance: BTreeMap<InstanceId, BTreeSet<AttachmentId>>,
}

impl Work {
    /// Takes changed records in; the items that are to be looked at because of them.
    pub(crate) fn take(&mut self, change: Change, now: Instant) -> BTreeSet<Item> {
        let mut look = BTreeSet::new();
        if change.everything {
            *self = Work::default();
        }
        for (id, record) in change.attachments {
            look.insert(Item::Attachment(id));
            self.take_adoption(id, record.as_ref());
            self.take_attachment(id, record, &mut look);
        }
        for (id, record) in change.instances {
            look.insert(Item::Instance(id));
            self.take_instance(id, record);
        }
        for (id, record) in change.shares {
            look.insert(Item::Share(id));
            self.take_share(id, record);
        }
        for (id, record) in change.moves {
            look.insert(Item::Move(id));
            self.take_move(id, record, now);
        }
        look.extend(self.begin_adoptions(now));
        look
    }

    fn take_attachment(&mut self, id: AttachmentId, new: Option<Tracked<Attachment>>, look: &mut BTreeSet<Item>) {
        let old = self.attachments.remove(&id).map(|tracked| tracked.record);
        if let Some(old) = &old {
            self.unlist(old.host, Item::Attachment(id));
            if let Some(others) = self.by_instance.get_mut(&old.instance) {
                others.remove(&id);
                if others.is_empty() {
                    self.by_instance.remove(&old.instance);
                    // An instance goes when the last of its attachments has gone.
                    look.insert(Item::Instance(old.instance));
                }
            }
        }
        let Some(new) = new.filter(|new| new.record.lifecycle != Lifecycle::Stable) else { return };
        let record = &new.record;
        if record.lifecycle == Lifecycle::Deleting && old.is_none_or(|old| old.lifecycle != Lifecycle::Deleting) {
            life::detached(record.vni, id, record.host);
        }
        self.list(record.host, Item::Attachment(id));
        self.by_instance.entry(record.instance).or_default().insert(id);
        self.attachments.insert(id, new);
    }

    fn take_adoption(&mut self, id: AttachmentId, new: Option<&Tracked<Attachment>>) {
        match new.filter(|new| new.record.adopting && new.record.lifecycle != Lifecycle::Deleting) {
            Some(new) => {
                let since = self.adoptions.remove(&id).and_then(|old| old.since);
                self.adoptions.insert(id, Adoption { modified: new.modified, since });
            }
            None => drop(self.adoptions.remove(&id)),
        }
    }

    /// The clock of an adoption runs from the end of its move.
    fn begin_adoptions(&mut self, now: Instant) -> Vec<Item> {
        let moving: BTreeSet<AttachmentId> = self.moves.values().map(|(tracked, _)| tracked.moving.record.to).collect();
        let waiting =
            self.adoptions.iter_mut().filter(|(id, adoption)| adoption.since.is_none() && !moving.contains(id));
        waiting
            .map(|(id, adoption)| {
                adoption.since = Some(now);
                Item::Adoption(*id)
            })
            .collect()
    }

    /// Since when an attachment has been adopting with its move ended.
    pub(crate) fn adopting(&self, id: AttachmentId) -> Option<Instant> {
        self.adoptions.get(&id).and_then(|adoption| adoption.since)
    }

    fn take_instance(&mut self, id: InstanceId, new: Option<Tracked<Instance>>) {
        if let Some(old) = self.instances.remove(&id) {
            self.unlist(old.record.host, Item::Instance(id));
        }
        if let Some(new) = new.filter(|new| new.record.lifecycle != Lifecycle::Stable) {
            self.list(new.record.host, Item::Instance(id));
            self.instances.insert(id, new);
        }
    }

    fn take_share(&mut self, id: ShareId, new: Option<Tracked<Share>>) {
        if let Some(old) = self.shares.remove(&id) {
            self.unlist(old.record.host, Item::Share(id));
        }
        if let Some(new) = new.filter(|new| new.record.lifecycle != Lifecycle::Stable) {
            self.list(new.record.host, Item::Share(id));
            self.shares.insert(id, new);
        }
    }

    fn take_move(&mut self, id: VniId, new: Option<TrackedMove>, now: Instant) {
        let old = self.moves.remove(&id);
        if let Some(new) = new {
            let same_step = old.filter(|(old, _)| old.moving.modified == new.moving.modified);
            let since = same_step.map_or(now, |(_, since)| since);
            self.moves.insert(id, (new, since));
        }
    }

    /// Keeps a settled record in mind that its host says something about.
    pub(crate) fn remember_attachment(&mut self, tracked: Tracked<Attachment>) {
        let Attachment { id, host, instance, .. } = tracked.record;
        self.list(host, Item::Attachment(id));
        self.by_instance.entry(instance).or_default().insert(id);
        self.attachments.entry(id).or_insert(tracked);
    }

    /// As [`Work::remember_attachment`].
    pub(crate) fn remember_instance(&mut self, tracked: Tracked<Instance>) {
        self.list(tracked.record.host, Item::Instance(tracked.record.id));
        self.instances.entry(tracked.record.id).or_insert(tracked);
    }

    /// As [`Work::remember_attachment`].
    pub(crate) fn remember_share(&mut self, tracked: Tracked<Share>) {
        self.list(tracked.record.host, Item::Share(tracked.record.id));
        self.shares.entry(tracked.record.id).or_insert(tracked);
    }

    /// The attachments, instances and shares on a host. Moves wait for hosts of their own accord.
    pub(crate) fn on_host(&self, host: HostId) -> impl Iterator<Item = Item> {
        self.by_host.get(&host).into_iter().flatten().copied()
    }

    /// Whether an item is kept in mind.
    pub(crate) fn knows(&self, item: Item) -> bool {
        match item {
            Item::Attachment(id) => self.attachments.contains_key(&id),
            Item::Instance(id) => self.instances.contains_key(&id),
            Item::Share(id) => self.shares.contains_key(&id),
            Item::Move(id) => self.moves.contains_key(&id),
            Item::Adoption(id) => self.adoptions.contains_key(&id),
        }
    }

    /// An attachment.
    pub(crate) fn attachment(&self, id: AttachmentId) -> Option<&Tracked<Attachment>> {
        self.attachments.get(&id)
    }

    /// An instance, unless it is on its way out and waits for attachments.
    pub(crate) fn instance(&self, id: InstanceId) -> Option<&Tracked<Instance>> {
        let waits = |tracked: &&Tracked<Instance>| {
            tracked.record.lifecycle == Lifecycle::Deleting && self.by_instance.contains_key(&id)
        };
        self.instances.get(&id).filter(|tracked| !waits(tracked))
    }

    /// A share.
    pub(crate) fn share(&self, id: ShareId) -> Option<&Tracked<Share>> {
        self.shares.get(&id)
    }

    /// A move, and when its present step was first seen.
    pub(crate) fn moving(&self, id: VniId) -> Option<(&TrackedMove, Instant)> {
        self.moves.get(&id).map(|(tracked, since)| (tracked, *since))
    }

    fn list(&mut self, host: HostId, item: Item) {
        self.by_host.entry(host).or_default().insert(item);
    }

    fn unlist(&mut self, host: HostId, item: Item) {
        if let Some(items) = self.by_host.get_mut(&host) {
            items.remove(&item);
            if items.is_empty() {
                self.by_host.remove(&host);
            }
        }
    }

    /// The revision that a command about this item must find.
    pub(crate) fn modified(&self, item: Item) -> Option<Revision> {
        match item {
            Item::Attachment(id) => self.attachments.get(&id).map(|tracked| tracked.modified),
            Item::Instance(id) => self.instances.get(&id).map(|tracked| tracked.modified),
            Item::Share(id) => self.shares.get(&id).map(|tracked| tracked.modified),
            Item::Move(id) => self.moves.get(&id).map(|(tracked, _)| tracked.moving.modified),
            Item::Adoption(id) => self.adoptions.get(&id).map(|adoption| adoption.modified),
        }
    }
}
