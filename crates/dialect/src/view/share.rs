//! Shares with their mount targets, and what of a mount target is kept in other records.

use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Host, Instance, Role, Share, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, Refusal, query, record};

use super::{AttachmentView, Page, View};

/// A share and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareView {
    /// The share.
    pub share: Share,
    /// The revision of its last write.
    pub revision: Revision,
    /// The host that keeps its files.
    pub host: Host,
    /// Its mount targets, newest first.
    pub mount_targets: Vec<MountTargetView>,
}

/// A mount target: the attachment whose id is its own, what serves the share there, and its VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountTargetView {
    /// The share that it serves.
    pub share: Share,
    /// Its attachment.
    pub target: AttachmentView,
    /// What serves the share.
    pub instance: Instance,
    /// The VPC in which the share is reached.
    pub vpc: Vpc,
}

impl MountTargetView {
    /// Where it is in its life: it serves once both its interface and its server are there.
    pub fn lifecycle(&self) -> Lifecycle {
        let (interface, server) = (self.target.attachment.lifecycle, self.instance.lifecycle);
        let either = |state| interface == state || server == state;
        [Lifecycle::Deleting, Lifecycle::Failed, Lifecycle::Pending, Lifecycle::Waiting, Lifecycle::Suspended]
            .into_iter()
            .find(|state| either(*state))
            .unwrap_or(if either(Lifecycle::Updating) { Lifecycle::Updating } else { Lifecycle::Stable })
    }

    /// Why it does not serve.
    pub fn failure(&self) -> Option<&str> {
        self.target.attachment.failure.as_deref().or(self.instance.failure.as_deref())
    }

    /// What clients mount, as `address:path`; none while it does not serve.
    pub fn mount_path(&self) -> Option<String> {
        let serves = !matches!(self.lifecycle(), Lifecycle::Pending | Lifecycle::Failed | Lifecycle::Deleting);
        let path = || format!("{}:{}", self.target.primary_ip.address, self.share.export_path());
        serves.then(path)
    }

    fn of_instance(snapshot: &dyn Snapshot, instance: Instance) -> Result<Option<Self>, DecideError> {
        let Role::ShareMount(share) = instance.role else { return Ok(None) };
        // Its server can be there for a moment after its interface has been let go of.
        let attachments = query::index::<AttachmentId>(snapshot, &record::attachments_of_instance(instance.id))?;
        let Some(id) = attachments.first() else { return Ok(None) };
        let target = AttachmentView::read(snapshot, *id)?;
        let (share, _) = query::follow(snapshot, share)?;
        let (vpc, _) = query::follow(snapshot, instance.vpc)?;
        Ok(Some(MountTargetView { share, target, instance, vpc }))
    }
}

impl View for MountTargetView {
    type Record = Attachment;
    fn join(snapshot: &dyn Snapshot, attachment: Attachment, _: Revision) -> Result<Self, DecideError> {
        let (instance, _) = query::follow(snapshot, attachment.instance)?;
        let found = Self::of_instance(snapshot, instance)?;
        found.ok_or_else(|| Refusal::NotFound { noun: Noun::MountTarget, id: attachment.id.to_string() }.into())
    }
}

impl View for ShareView {
    type Record = Share;
    fn join(snapshot: &dyn Snapshot, share: Share, revision: Revision) -> Result<Self, DecideError> {
        let (host, _) = query::follow(snapshot, share.host)?;
        let mount_targets = mount_targets(snapshot, &share, None, usize::MAX)?.items;
        Ok(ShareView { share, revision, host, mount_targets })
    }
}

/// A page of a share's mount targets, newest first.
///
/// # Errors
/// [`Refusal::Invalid`] when `start` is not from this collection, or when the store can't be read.
pub fn mount_targets(
    snapshot: &dyn Snapshot,
    share: &Share,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<MountTargetView>, DecideError> {
    let scope = share.id.to_string();
    let page = query::page::<Instance>(snapshot, &scope, start, limit)?;
    let mut items = Vec::with_capacity(page.items.len());
    for (instance, _) in page.items {
        items.extend(MountTargetView::of_instance(snapshot, instance)?);
    }
    Ok(Page { items, next: page.next, total: query::total::<Instance>(snapshot, &scope)? })
}

/// A share's mount target with this name.
///
/// # Errors
/// When the store can't be read.
pub fn mount_target_named(
    snapshot: &dyn Snapshot,
    share: &Share,
    name: &str,
) -> Result<Option<MountTargetView>, DecideError> {
    // A name that breaks the rule of names is nobody's, and must not reach into the layout of keys.
    if pintle_core::name::check(Noun::MountTarget, name).is_err() {
        return Ok(None);
    }
    let key = record::name_key::<Instance>(&share.id.to_string(), name);
    let Some(stored) = snapshot.get(&key)? else { return Ok(None) };
    let id = std::str::from_utf8(&stored.value).ok().and_then(|text| text.parse::<InstanceId>().ok());
    let Some((instance, _)) = id.map(|id| query::find::<Instance>(snapshot, id)).transpose()?.flatten() else {
        return Ok(None);
    };
    MountTargetView::of_instance(snapshot, instance)
}
