//! What must hold of child interfaces after every commit: an instance has one kind of interface only, and a child is nothing
//! beside its attachment.

use std::collections::BTreeMap;

use pintle_core::id::{AttachmentId, InstanceId, VniId};
use pintle_core::model::{Attachment, Instance, InterfaceStyle, ProtocolStateFiltering, Vni, VniPermission};

use super::Store;

/// Checks the whole store.
#[track_caller]
pub(crate) fn check(store: &Store) {
    let vnis: BTreeMap<VniId, Vni> = store.records::<Vni>().into_iter().map(|vni| (vni.id, vni)).collect();
    let instances: BTreeMap<InstanceId, Instance> =
        store.records::<Instance>().into_iter().map(|instance| (instance.id, instance)).collect();
    let mut attachments: BTreeMap<AttachmentId, Attachment> = BTreeMap::new();
    for attachment in store.records::<Attachment>() {
        let instance = &instances[&attachment.instance];
        // What has been detached or has moved on can be deleted before the host lets go of it.
        if let Some(vni) = vnis.get(&attachment.vni) {
            assert_eq!(vni.child, instance.style == InterfaceStyle::Children, "{instance:?} has {vni:?}");
        }
        attachments.insert(attachment.id, attachment);
    }
    let lent: Vec<VniId> = store.records::<VniPermission>().into_iter().map(|permission| permission.vni).collect();
    for vni in vnis.values().filter(|vni| vni.child) {
        let attachment = vni.attachment.and_then(|id| attachments.get(&id));
        assert!(attachment.is_some_and(|attachment| attachment.vni == vni.id), "a child without its server: {vni:?}");
        assert!(vni.ips.len() == 1 && vni.prefixes.is_empty(), "a child has one address: {vni:?}");
        assert!(vni.auto_delete && vni.enable_infrastructure_nat, "{vni:?}");
        assert_eq!(vni.protocol_state_filtering, ProtocolStateFiltering::Auto, "{vni:?}");
        assert!(!lent.contains(&vni.id), "a child is lent to nobody: {vni:?}");
    }
}
