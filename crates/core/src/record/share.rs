//! Keys of what shares occupy.

use super::lists_of;
use crate::id::{HostId, ShareId, VpcId};
use crate::model::Instance;

/// Index: shares whose files a host keeps.
pub fn shares_of_host(host: HostId) -> String {
    format!("index/host_share/{host}/")
}
/// Index: mount targets of a share by their VPC, so that each has one. Its values are attachments' ids.
pub fn mount_targets_of_share(share: ShareId) -> String {
    format!("index/share_mount/{share}/")
}
/// The key that a mount target occupies within its share. Its value is its attachment's id.
pub fn mount_target_key(share: ShareId, vpc: VpcId) -> String {
    format!("{}{vpc}", mount_targets_of_share(share))
}
/// Index: instances that serve a share in a VPC.
pub fn mounts_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_mount/{vpc}/")
}
/// What the list keys of all mount targets begin with, those of instances that serve shares.
pub fn all_mount_targets() -> String {
    format!("{}{}-", lists_of::<Instance>(), ShareId::PREFIX)
}
