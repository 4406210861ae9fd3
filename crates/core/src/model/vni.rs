//! The virtual network interface: addresses, MAC and policy that outlive whatever they are attached to.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Owner, TargetKind, Timestamp};
use crate::id::{AttachmentId, PublicGatewayId, ReservedIpId, SecurityGroupId, SubnetId, VniId, VpcId};
use crate::lifecycle::Lifecycle;
use crate::net::Mac;
use crate::policy::FlowTimeouts;

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

impl ProtocolStateFiltering {
    /// Its name, as fields spell it.
    pub fn name(self) -> &'static str {
        match self {
            ProtocolStateFiltering::Auto => "auto",
            ProtocolStateFiltering::Enabled => "enabled",
            ProtocolStateFiltering::Disabled => "disabled",
        }
    }

    /// Whether packets must fit, on a kind of target.
    pub fn filters_on(self, kind: TargetKind) -> bool {
        match self {
            ProtocolStateFiltering::Auto => kind.filters_state(),
            ProtocolStateFiltering::Enabled => true,
            ProtocolStateFiltering::Disabled => false,
        }
    }
}

/// A virtual network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vni {
    /// Its id.
    pub id: VniId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
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
    /// Its addresses of both IP versions, the primary IPv4 one first; never empty.
    pub ips: Vec<ReservedIpId>,
    /// Which of them is the primary IPv6 address; `None`: it has no IPv6 address.
    pub primary_ipv6: Option<ReservedIpId>,
    /// Whether its primary IPv6 address was asked for as such: then it stays for as long as the interface (EC2's
    /// `EnablePrimaryIpv6`). Otherwise the next one takes the place of one that goes.
    #[serde(default)]
    pub keep_primary_ipv6: bool,
    /// Whether it brings a public address of its own where it is an instance's first interface; `None`: as the instance says.
    #[serde(default)]
    pub public_address: Option<bool>,
    /// Networks that are delegated to it: /28 of IPv4, /80 of IPv6, all in its subnet.
    pub prefixes: Vec<IpNet>,
    /// Its security groups, in the order given; never empty.
    pub security_groups: Vec<SecurityGroupId>,
    /// Whether it may send from addresses that are not its own.
    pub allow_ip_spoofing: bool,
    /// Whether it may only get what is for its own addresses, and only send from them; off for routers and firewalls.
    pub source_dest_check: bool,
    /// Whether it goes when its target goes.
    pub auto_delete: bool,
    /// Whether floating IPs are translated to its primary address.
    pub enable_infrastructure_nat: bool,
    /// Protocol state filtering.
    pub protocol_state_filtering: ProtocolStateFiltering,
    /// How long its idle flows are remembered.
    pub timeouts: FlowTimeouts,
    /// Whether flows that are permitted from anywhere, both ways, end with the rule that permits them (EC2's untracked flows).
    pub untracked_open: bool,
    /// How fast it may be.
    pub limits: VniLimits,
    /// Quarantined: these groups apply instead of its own, to flows that exist too; none: nothing passes.
    pub quarantine: Option<Vec<SecurityGroupId>>,
    /// Groups that are asked beside the real ones, and only counted.
    pub shadow: Option<Vec<SecurityGroupId>>,
    /// Counts the flushes: with each, flows that the policy no longer permits end.
    pub judged: u32,
    /// Counts the changes of its own policy: groups, quarantine, shadow, checks and timeouts; not those of its groups' rules.
    pub policy_version: u32,
    /// Whether it is to be an EFA (Elastic Fabric Adapter) interface, of which a network card of some instance types takes one.
    /// Its packets go the way of every other interface's: no host has a device that guests reach past their kernel.
    #[serde(default)]
    pub efa: bool,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Counts its attachments and moves: of two that claim to realise it, the higher one does.
    pub generation: u32,
    /// The attachment that speaks for it; during a move, the old one until the new one has taken over.
    pub attachment: Option<AttachmentId>,
    /// Whether it is a child interface of the instance that it was made with: it comes and goes with its attachment.
    #[serde(default)]
    pub child: bool,
    /// The public gateway that it belongs to, with which it comes and goes; `None`: it is the user's.
    #[serde(default)]
    pub gateway: Option<PublicGatewayId>,
}

/// How fast an interface may be, in kilobits (1,000 bits) per second, and who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VniLimits {
    /// From the guest; `None`: no limit.
    pub egress_kbps: Option<u32>,
    /// To the guest; `None`: no limit.
    pub ingress_kbps: Option<u32>,
    /// When a link is full: 0 (first) to 7 (last).
    pub priority: u8,
}

impl Vni {
    /// The reserved IP of the primary address.
    pub fn primary_ip(&self) -> ReservedIpId {
        self.ips[0]
    }

    /// The groups that apply to it now.
    pub fn effective_groups(&self) -> &[SecurityGroupId] {
        self.quarantine.as_deref().unwrap_or(&self.security_groups)
    }
}
