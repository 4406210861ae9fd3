//! The virtual network interface: addresses, MAC and policy that outlive whatever they are attached to.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::{AttachmentId, ReservedIpId, SubnetId, VniId, VpcId};
use crate::lifecycle::Lifecycle;
use crate::net::Mac;

/// Whether packets must fit the state of the connection they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ProtocolStateFiltering {
    /// By the kind of target: enabled on instances and shares, disabled on bare metal.
    #[default]
    Auto,
    /// Always.
    Enabled,
    /// Never.
    Disabled,
}

/// A virtual network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vni {
    /// Its id.
    pub id: VniId,
    /// Its name, unique within the VPC.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC of its subnet.
    pub vpc: VpcId,
    /// The subnet that all its addresses are in.
    pub subnet: SubnetId,
    /// The subnet's zone.
    pub zone: String,
    /// Its hardware address, kept for life.
    pub mac: Mac,
    /// Its addresses, the primary one first; never empty.
    pub ips: Vec<ReservedIpId>,
    /// Whether it may send from addresses that are not its own.
    pub allow_ip_spoofing: bool,
    /// Whether it goes when its target goes.
    pub auto_delete: bool,
    /// Whether floating IPs are translated to its primary address.
    pub enable_infrastructure_nat: bool,
    /// Protocol state filtering.
    pub protocol_state_filtering: ProtocolStateFiltering,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Counts its attachments and moves: of two that claim to realise it, the higher one does.
    pub generation: u32,
    /// The attachment that speaks for it; during a move, the old one until the new one has taken over.
    pub attachment: Option<AttachmentId>,
}

/// The most addresses that one interface may have (IBM VPC's quota).
pub const MAX_IPS: usize = 8;

impl Vni {
    /// The reserved IP of the primary address.
    pub fn primary_ip(&self) -> ReservedIpId {
        self.ips[0]
    }
}
