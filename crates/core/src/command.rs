//! The only door to change: every way to alter the world, and what comes back.
//!
//! Dialects decode requests into these, reconcilers report what hosts did with these; [`crate::decide()`] judges them all.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::{AttachmentId, HostId, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use crate::model::{Attachment, Host, Instance, Move, MoveStep, Namespace, ProtocolStateFiltering};
use crate::model::{ReservedIp, Subnet, Vni, Vpc};

/// Creates a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateVpc {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Ranges that its subnets must lie in; none: any.
    pub cidrs: Vec<Ipv4Net>,
}

/// Creates a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubnet {
    /// In this VPC.
    pub vpc: VpcId,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// In this zone.
    pub zone: String,
    /// Its range.
    pub cidr: Ipv4Net,
}

/// Which address an interface or a reservation gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpChoice {
    /// Any free one of the subnet.
    Auto {
        /// Name of the reservation; made up when absent.
        name: Option<String>,
        /// Whether the reservation goes with the interface.
        auto_delete: bool,
    },
    /// This one, reserved on the spot.
    Address {
        /// The address.
        address: Ipv4Addr,
        /// Name of the reservation; made up when absent.
        name: Option<String>,
        /// Whether the reservation goes with the interface.
        auto_delete: bool,
    },
    /// A reservation that exists and is not bound.
    Reserved(ReservedIpId),
}

impl Default for IpChoice {
    fn default() -> Self {
        IpChoice::Auto { name: None, auto_delete: true }
    }
}

/// Reserves an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateReservedIp {
    /// In this subnet.
    pub subnet: SubnetId,
    /// This address; any free one when absent.
    pub address: Option<Ipv4Addr>,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Whether it goes when its interface lets go of it.
    pub auto_delete: bool,
    /// Bound to this interface at once.
    pub target: Option<VniId>,
}

/// Changes a reserved IP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateReservedIp {
    /// A new name.
    pub name: Option<String>,
    /// A new `auto_delete`.
    pub auto_delete: Option<bool>,
}

/// Creates an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateVni {
    /// In this subnet; may be absent when the primary address is a reservation that exists.
    pub subnet: Option<SubnetId>,
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Its primary address.
    pub primary_ip: IpChoice,
    /// Its secondary addresses.
    pub ips: Vec<IpChoice>,
    /// Default: false.
    pub allow_ip_spoofing: Option<bool>,
    /// Default: false when created by itself, true when created with its target.
    pub auto_delete: Option<bool>,
    /// Default: true.
    pub enable_infrastructure_nat: Option<bool>,
    /// Default: auto.
    pub protocol_state_filtering: Option<ProtocolStateFiltering>,
}

/// Changes an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateVni {
    /// A new name.
    pub name: Option<String>,
    /// A new `allow_ip_spoofing`.
    pub allow_ip_spoofing: Option<bool>,
    /// A new `auto_delete`.
    pub auto_delete: Option<bool>,
    /// A new `enable_infrastructure_nat`.
    pub enable_infrastructure_nat: Option<bool>,
    /// A new protocol state filtering mode.
    pub protocol_state_filtering: Option<ProtocolStateFiltering>,
}

/// An interface that exists, or one to be made on the spot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VniChoice {
    /// This one.
    Existing(VniId),
    /// A new one.
    New(Box<CreateVni>),
}

/// An attachment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The interface.
    pub vni: VniChoice,
}

/// Creates an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInstance {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// The VPC that its interfaces are in.
    pub vpc: VpcId,
    /// The host it runs on; when absent, one in the zone with the fewest instances.
    pub host: Option<HostId>,
    /// The zone; needed when there is no host.
    pub zone: Option<String>,
    /// Its network namespace.
    pub namespace: Namespace,
    /// The attachment that it can't be without; none for an instance that takes what is attached later.
    pub primary: Option<NewAttachment>,
    /// Further attachments from the start.
    pub attachments: Vec<NewAttachment>,
}

/// Something to be done to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Creates a VPC → [`Reply::Vpc`].
    CreateVpc(CreateVpc),
    /// Renames a VPC → [`Reply::Vpc`].
    RenameVpc(VpcId, String),
    /// Deletes a VPC that holds nothing → [`Reply::Vpc`], as it was.
    DeleteVpc(VpcId),
    /// Creates a subnet → [`Reply::Subnet`].
    CreateSubnet(CreateSubnet),
    /// Renames a subnet → [`Reply::Subnet`].
    RenameSubnet(SubnetId, String),
    /// Deletes a subnet that holds no interface and no user's reservation → [`Reply::Subnet`], as it was.
    DeleteSubnet(SubnetId),
    /// Reserves an address → [`Reply::ReservedIp`].
    CreateReservedIp(CreateReservedIp),
    /// Changes a reservation → [`Reply::ReservedIp`].
    UpdateReservedIp(ReservedIpId, UpdateReservedIp),
    /// Gives an unbound reservation back → [`Reply::ReservedIp`], as it was.
    DeleteReservedIp(ReservedIpId),
    /// Creates an interface → [`Reply::Vni`].
    CreateVni(CreateVni),
    /// Changes an interface; takes effect at once where it is attached → [`Reply::Vni`].
    UpdateVni(VniId, UpdateVni),
    /// Deletes an interface that is not attached, with its addresses → [`Reply::Vni`], as it was.
    DeleteVni(VniId),
    /// Adds a secondary address → [`Reply::ReservedIp`].
    AddVniIp(VniId, IpChoice),
    /// Takes a secondary address away → [`Reply::ReservedIp`].
    RemoveVniIp(VniId, ReservedIpId),
    /// Creates an instance with its attachments → [`Reply::Instance`].
    CreateInstance(CreateInstance),
    /// Renames an instance → [`Reply::Instance`].
    RenameInstance(InstanceId, String),
    /// Lets an instance run → [`Reply::Instance`].
    StartInstance(InstanceId),
    /// Lets an instance rest; its attachments stay and wait → [`Reply::Instance`].
    StopInstance(InstanceId),
    /// Deletes an instance, its attachments, and the interfaces that go with it → [`Reply::Instance`].
    DeleteInstance(InstanceId),
    /// Attaches an interface → [`Reply::Attachment`].
    Attach(InstanceId, NewAttachment),
    /// Renames an attachment → [`Reply::Attachment`].
    RenameAttachment(AttachmentId, String),
    /// Detaches; with `force` without waiting for the host, which every other host then refuses → [`Reply::Attachment`].
    Detach {
        /// The attachment.
        attachment: AttachmentId,
        /// Do not wait for the host.
        force: bool,
    },
    /// Moves an interface to another instance → [`Reply::Move`].
    MoveVni {
        /// The interface.
        vni: VniId,
        /// The instance that it moves to.
        to: InstanceId,
    },
    /// A host joins, or comes back with another address, name, zone or MTU → [`Reply::Host`].
    RegisterHost(RegisterHost),
    /// Removes a host that has no instances → [`Reply::Host`], as it was.
    DeleteHost(HostId),
    /// Removes a host that will never speak again, and with it what is being deleted there, which it can no longer
    /// confirm → [`Reply::Host`].
    DeleteLostHost(HostId),
    /// A host has realised an attachment of this generation → [`Reply::Done`].
    AttachmentRealised(AttachmentId, u32),
    /// A host could not realise an attachment of this generation → [`Reply::Done`].
    AttachmentFailed(AttachmentId, u32, String),
    /// A host no longer has anything of an attachment that is being deleted → [`Reply::Done`].
    AttachmentGone(AttachmentId),
    /// A host has realised an instance → [`Reply::Done`].
    InstanceRealised(InstanceId),
    /// A host could not realise an instance → [`Reply::Done`].
    InstanceFailed(InstanceId, String),
    /// A host no longer has anything of an instance that is being deleted → [`Reply::Done`].
    InstanceGone(InstanceId),
    /// The hosts concerned have done this step of a move: on to the next → [`Reply::Done`].
    AdvanceMove(VniId, MoveStep),
    /// The new side can't be made ready or can't speak, and the old side still does: the interface stays where it is →
    /// [`Reply::Done`].
    AbortMove(VniId, String),
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterHost {
    /// Its id, fixed when it enrolled.
    pub id: HostId,
    /// Its name, unique among hosts.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its underlay address.
    pub vtep: Ipv4Addr,
    /// MTU of its underlay device, in bytes, 626 to 65535.
    pub underlay_mtu: u16,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A VPC.
    Vpc(Vpc),
    /// A subnet.
    Subnet(Subnet),
    /// A reserved IP.
    ReservedIp(ReservedIp),
    /// An interface.
    Vni(Vni),
    /// An instance.
    Instance(Instance),
    /// An attachment.
    Attachment(Attachment),
    /// A move.
    Move(Move),
    /// A host.
    Host(Host),
    /// Nothing to show.
    Done,
}
