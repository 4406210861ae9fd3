//! Records joined with what a reply shows beside them, read from one snapshot so that a reply never mixes two moments.

mod address_prefix;
mod attachment;
mod child;
mod flow_log;
mod instance;
mod list;
mod network_acl;
mod network_interface;
mod public;
mod reserved_ip;
mod resolve;
mod route_table;
mod security_group;
mod share;
mod subnet;
mod vni;
mod vpc;

pub use address_prefix::{AddressPrefixView, address_prefix, address_prefixes};
pub use attachment::AttachmentView;
pub use child::{ChildView, child_vni, own_vni};
pub use flow_log::{FlowLogView, WatchedView};
pub use instance::{InstanceView, bare_metal_servers, instance_for, of_role, vpc_of_interface};
pub use list::{
    ChildOfVpc, Page, Scope, all, by_ids, by_name, child_ids, every, every_of, of_ids, of_texts, own, own_shown,
    own_vnis,
};
pub use network_acl::NetworkAclView;
pub use network_interface::NetworkInterfaceView;
pub use public::{FloatingIpView, PublicGatewayView, TargetView};
pub use reserved_ip::{ReservedIpView, floating_ip_at, ip_at, ssh_key_with};
pub use resolve::{Named, resolve, resolve_within};
pub use route_table::{Leads, RouteTableView, RouteView};
pub use security_group::{MemberView, SecurityGroupView, members};
pub use share::{MountTargetView, ShareView, mount_target_named, mount_targets};
pub use subnet::SubnetView;
pub use vni::VniView;
pub use vpc::VpcView;

use pintle_core::record::Record;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{Actor, DecideError};

/// A record with what a reply shows beside it.
pub trait View: Sized {
    /// The record.
    type Record: Record;

    /// Reads what belongs to the record.
    ///
    /// # Errors
    /// When the store can't be read, or lacks what the record names.
    fn join(snapshot: &dyn Snapshot, record: Self::Record, revision: Revision) -> Result<Self, DecideError>;

    /// The view of the record with this id.
    ///
    /// # Errors
    /// [`pintle_core::Refusal::NotFound`], or as [`View::join`].
    fn read(snapshot: &dyn Snapshot, id: <Self::Record as Record>::Id) -> Result<Self, DecideError> {
        let (record, revision) = pintle_core::query::get::<Self::Record>(snapshot, id)?;
        Self::join(snapshot, record, revision)
    }

    /// The view of the record with this id, as an actor may see it.
    ///
    /// # Errors
    /// [`pintle_core::Refusal::NotFound`] also for what is another tenant's, or as [`View::join`].
    fn read_for(snapshot: &dyn Snapshot, by: &Actor, id: <Self::Record as Record>::Id) -> Result<Self, DecideError> {
        let (record, revision) = pintle_core::query::get_for::<Self::Record>(snapshot, by, id)?;
        Self::join(snapshot, record, revision)
    }
}

/// A record that is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain<R> {
    /// The record.
    pub record: R,
    /// The revision of its last write.
    pub revision: Revision,
}

impl<R: Record> View for Plain<R> {
    type Record = R;
    fn join(_: &dyn Snapshot, record: R, revision: Revision) -> Result<Self, DecideError> {
        Ok(Plain { record, revision })
    }
}
