//! What is asked of interfaces and of the instances that they are attached to.

use std::collections::{BTreeMap, BTreeSet};

use super::{IpChoice, PrefixChoice};
use crate::id::{HostId, SecurityGroupId, SubnetId, VniId, VpcId};
use crate::legality::Manner;
use crate::model::{
    AccountId, Instance, InterfaceStyle, Namespace, Nic, ProtocolStateFiltering, Role, VniLimits, VniUse,
};
use crate::policy::FlowTimeouts;

/// Creates an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateVni {
    /// In this subnet; may be absent when the primary address is a reservation that exists.
    pub subnet: Option<SubnetId>,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// What it is for; up to 255 characters in one line, may be empty.
    pub description: String,
    /// Its primary address, an IPv4 one.
    pub primary_ip: IpChoice,
    /// Its other addresses, of both IP versions; the first IPv6 one is the primary IPv6 address.
    pub ips: Vec<IpChoice>,
    /// Whether the primary IPv6 address stays for as long as the interface. Default: false.
    pub keep_primary_ipv6: Option<bool>,
    /// Networks that are delegated to it.
    pub prefixes: Vec<PrefixChoice>,
    /// Its security groups; none: the VPC's default group.
    pub security_groups: Vec<SecurityGroupId>,
    /// Default: false.
    pub allow_ip_spoofing: Option<bool>,
    /// Default: true.
    pub source_dest_check: Option<bool>,
    /// Default: false when created by itself, true when created with its target.
    pub auto_delete: Option<bool>,
    /// Default: true.
    pub enable_infrastructure_nat: Option<bool>,
    /// Default: auto.
    pub protocol_state_filtering: Option<ProtocolStateFiltering>,
    /// Default: [`FlowTimeouts::default`].
    pub timeouts: Option<FlowTimeouts>,
    /// Default: false.
    pub untracked_open: Option<bool>,
    /// Default: no limits.
    pub limits: Option<VniLimits>,
    /// Whether it is to be an EFA interface.
    pub efa: bool,
}

/// Changes an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateVni {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// Whether the primary IPv6 address stays for as long as the interface; what stays can't be let go again.
    pub keep_primary_ipv6: Option<bool>,
    /// Whether it has a public address of its own where it is an instance's first interface; takes effect at once.
    pub public_address: Option<bool>,
    /// A new `allow_ip_spoofing`.
    pub allow_ip_spoofing: Option<bool>,
    /// A new `source_dest_check`.
    pub source_dest_check: Option<bool>,
    /// A new `auto_delete`.
    pub auto_delete: Option<bool>,
    /// A new `enable_infrastructure_nat`.
    pub enable_infrastructure_nat: Option<bool>,
    /// How many floating IPs it may have if that is true.
    pub manner: Manner,
    /// A new protocol state filtering mode; takes effect on flows that exist.
    pub protocol_state_filtering: Option<ProtocolStateFiltering>,
    /// New timeouts, all of them.
    pub timeouts: Option<FlowTimeouts>,
    /// A new `untracked_open`.
    pub untracked_open: Option<bool>,
    /// New limits, all of them.
    pub limits: Option<VniLimits>,
}

/// What happens to an interface's security groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupsChange {
    /// These and no others; not empty.
    Set(Vec<SecurityGroupId>),
    /// One more; nothing happens if it has it.
    Add(SecurityGroupId),
    /// One less, which must not be its last; refused if it does not have it.
    Remove(SecurityGroupId),
}

/// Lets another account use an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateVniPermission {
    /// The interface.
    pub vni: VniId,
    /// Who may use it, in the interface's region.
    pub account: AccountId,
    /// For what.
    pub allows: VniUse,
}

/// An interface that exists, or one to be made on the spot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VniChoice {
    /// This one.
    Existing(VniId),
    /// A new one.
    New(Box<CreateVni>),
    /// A new one that is part of its instance, which must be of that style.
    Child(Box<CreateVni>),
}

/// Where on an instance an attachment goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seat {
    /// The network card, 0 first.
    pub card: u8,
    /// The place on the card, 0 to [`crate::model::MAX_INDEX`]; default: the first free one.
    pub index: Option<u8>,
}

/// An attachment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The interface.
    pub vni: VniChoice,
    /// How fast it may be each way, in megabits (1,000,000 bits) per second, beside what the interface says.
    pub port_speed: Option<u32>,
    /// Where on the instance.
    pub seat: Seat,
    /// How its frames are told from those of others on its card; only bare metal servers have VLANs.
    pub nic: Nic,
    /// Whether its primary address gets a public one of the instance's own whenever the instance runs; none: as the subnet
    /// says for what is launched in it, if there is one to be had.
    pub own_public_address: Option<bool>,
}

impl NewAttachment {
    /// An attachment of this interface with everything by default.
    pub fn of(vni: VniChoice) -> Self {
        NewAttachment {
            name: None,
            vni,
            port_speed: None,
            seat: Seat::default(),
            nic: Nic::default(),
            own_public_address: None,
        }
    }
}

/// Creates an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInstance {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// What it is to its users.
    pub role: Role,
    /// How its interfaces are shown and made.
    pub style: InterfaceStyle,
    /// The VPC that its interfaces are in.
    pub vpc: VpcId,
    /// The host it runs on; when absent, one in the zone with the fewest instances.
    pub host: Option<HostId>,
    /// The zone; needed when there is no host.
    pub zone: Option<String>,
    /// Its network namespace, or that it is a virtual machine.
    pub namespace: Namespace,
    /// How fast all its interfaces together may be each way, in kilobits (1,000 bits) per second; none: no limit.
    pub bandwidth_kbps: Option<u32>,
    /// How many addresses of one IP version each of its interfaces may have; default: what its type says, or
    /// [`crate::limits::IPS_PER_INTERFACE`].
    pub ips_per_interface: Option<u16>,
    /// What it is launched from; none for an instance that is nothing but a place for interfaces.
    pub launch: Option<Box<NewLaunch>>,
    /// The attachment that it can't be without; none for an instance that takes what is attached later.
    pub primary: Option<NewAttachment>,
    /// Further attachments from the start.
    pub attachments: Vec<NewAttachment>,
}

impl CreateInstance {
    /// A server in this VPC with everything by default, in a namespace of its own and without interfaces; it needs a host or
    /// a zone.
    pub fn of(vpc: VpcId) -> Self {
        CreateInstance {
            name: None,
            role: Role::Server,
            style: InterfaceStyle::Attachments,
            vpc,
            host: None,
            zone: None,
            namespace: Namespace::Made,
            bandwidth_kbps: None,
            ips_per_interface: None,
            launch: None,
            primary: None,
            attachments: Vec::new(),
        }
    }
}

/// What an instance is launched from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLaunch {
    /// The name of its type, one of [`crate::instance_type`], or of [`crate::instance_profile`] if it is made alone; none: no
    /// type, which only those have that are made alone.
    pub kind: Option<String>,
    /// Whether it is made on its own and named as other things are (IBM); otherwise with others in a launch (EC2).
    pub alone: bool,
    /// What its disk was to be made from, in its user's words.
    pub image: String,
    /// Refuses to be deleted.
    pub delete_protected: bool,
    /// Refuses to be stopped.
    pub stop_protected: bool,
    /// What the front end wants to show again; it means nothing to the core, which keeps it apart from the record.
    pub notes: BTreeMap<String, String>,
}

/// Launches instances that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInstances {
    /// What each is; what it names can only be one's is refused for the second.
    pub each: CreateInstance,
    /// How many there must be, 1 at least: if that can't be, there are none.
    pub least: u32,
    /// How many there are if there is room, up to [`crate::limits::LAUNCHED_AT_ONCE`].
    pub most: u32,
}

/// What is to become of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstancesChange {
    /// They run.
    Start,
    /// They rest.
    Stop,
    /// They go. One that has gone already stays so.
    Delete,
}

/// An instance before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceChange {
    /// As it was.
    pub before: Instance,
    /// As it is now.
    pub after: Instance,
    /// Whether it had gone before.
    pub departed: bool,
}

/// Changes an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateInstance {
    /// A new name.
    pub name: Option<String>,
    /// A new `bandwidth_kbps`; `Some(None)`: no limit.
    pub bandwidth_kbps: Option<Option<u32>>,
    /// Another type; only while it is stopped, and only one that has room for its interfaces and their addresses.
    pub kind: Option<String>,
    /// A new `delete_protected`.
    pub delete_protected: Option<bool>,
    /// A new `stop_protected`.
    pub stop_protected: Option<bool>,
    /// Notes to write, or to take away.
    pub notes: BTreeMap<String, Option<String>>,
}

/// Changes a child interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateChild {
    /// A new name.
    pub name: Option<String>,
    /// A new `allow_ip_spoofing`.
    pub allow_ip_spoofing: Option<bool>,
}

/// Changes an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateAttachment {
    /// A new name.
    pub name: Option<String>,
    /// A new `port_speed`; `Some(None)`: no limit.
    pub port_speed: Option<Option<u32>>,
    /// The VLANs that others may use on its card, which is a bare metal server's; those in use must be among them.
    pub allowed_vlans: Option<BTreeSet<u16>>,
}
