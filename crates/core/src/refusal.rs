//! Why a command is refused: one closed list that every dialect maps exhaustively.
//!
//! A refusal names the field, the value and the rule, and what holds a thing that is in use, so that the user can act.

mod holder;
mod noun;

pub use holder::Holder;
pub use noun::Noun;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::id::{AttachmentId, InstanceId, ReservedIpId};
use crate::id::{FloatingIpId, SubnetId, VniId, VpcId};
use crate::id::{InternetGatewayId, RouteTableId};
use crate::legality::Conflict;
use crate::model::InterfaceStyle;
use crate::txn::ReadError;

pub use crate::limits::Limited;

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing has this id.
    #[error("{} '{id}' was not found", .noun.words())]
    NotFound {
        /// What was looked for.
        noun: Noun,
        /// The id or name as given.
        id: String,
    },
    /// Only the operator may do this.
    #[error("{action} is for the operator of this server only")]
    NotPermitted {
        /// What, in words.
        action: &'static str,
    },
    /// The key lacks a permission.
    #[error("the key has no role with the action '{action}'{}; see 'pintle policy'", .id.as_ref().map(|id| format!(" on {id}")).unwrap_or_default())]
    NotAuthorized {
        /// The action, as IBM's IAM names it.
        action: String,
        /// On what; `None`: on the type as a whole.
        id: Option<String>,
    },
    /// A field's value breaks a rule.
    #[error("field '{field}': value '{value}' is not allowed: {rule}")]
    Invalid {
        /// The field, as the core names it; dialects translate.
        field: &'static str,
        /// The value given.
        value: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// The name is in use within its scope.
    #[error("the name '{name}' is taken by {holder}; names of a {} are unique within {scope}", .noun.words())]
    NameTaken {
        /// What was to be named.
        noun: Noun,
        /// The name.
        name: String,
        /// Who has it.
        holder: String,
        /// Within what it must be unique.
        scope: String,
    },
    /// The address is taken.
    #[error("address {address} is not free: it is held by {holder}")]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// Who holds it.
        holder: Holder,
    },
    /// The reserved IP is bound to something else.
    #[error("reserved IP {id} ({address}) is already bound to {holder}")]
    ReservedIpBound {
        /// The reserved IP.
        id: ReservedIpId,
        /// Its address.
        address: IpAddr,
        /// What it is bound to.
        holder: Holder,
    },
    /// No address is left.
    #[error("subnet {subnet} ({cidr}) has no free address left")]
    SubnetFull {
        /// The subnet.
        subnet: SubnetId,
        /// Its range.
        cidr: IpNet,
    },
    /// No network of a size is left to delegate.
    #[error("subnet {subnet} ({cidr}) has no free /{length} left to delegate")]
    NoPrefixLeft {
        /// The subnet.
        subnet: SubnetId,
        /// Its range.
        cidr: IpNet,
        /// The prefix length that was wanted.
        length: u8,
    },
    /// Two ranges overlap.
    #[error("range {cidr} overlaps {other}, the range of {holder}")]
    CidrOverlap {
        /// The range asked for.
        cidr: IpNet,
        /// The range in its way.
        other: IpNet,
        /// Whose it is.
        holder: Holder,
    },
    /// Something else still needs it.
    #[error("{} {id} is in use by {holder}; {remedy}", .noun.words())]
    InUse {
        /// What was to be deleted or changed.
        noun: Noun,
        /// Its id.
        id: String,
        /// Who needs it (the first found).
        holder: Holder,
        /// What to do first.
        remedy: &'static str,
    },
    /// Interface and target are in different zones.
    #[error(
        "virtual network interface {vni} is in zone '{vni_zone}' but instance {instance} is in zone '{instance_zone}'; both must be in one zone"
    )]
    WrongZone {
        /// The interface.
        vni: VniId,
        /// Its zone.
        vni_zone: String,
        /// The instance.
        instance: InstanceId,
        /// Its zone.
        instance_zone: String,
    },
    /// Interface and target are in different VPCs.
    #[error("virtual network interface {vni} is in VPC {vni_vpc} but instance {instance} is in VPC {instance_vpc}")]
    WrongVpc {
        /// The interface.
        vni: VniId,
        /// Its VPC.
        vni_vpc: VpcId,
        /// The instance.
        instance: InstanceId,
        /// Its VPC.
        instance_vpc: VpcId,
    },
    /// Two things that must be in one VPC are not.
    #[error("{} {id} is in VPC {vpc}, but it is needed in VPC {needed}", .noun.words())]
    OtherVpc {
        /// What is in the wrong VPC.
        noun: Noun,
        /// Its id.
        id: String,
        /// Its VPC.
        vpc: VpcId,
        /// The VPC that it would have to be in.
        needed: VpcId,
    },
    /// A VPC's default group or ACL lives and dies with the VPC.
    #[error("{} {id} is the default one of VPC {vpc}: {rule}", .noun.words())]
    IsDefault {
        /// A security group or a network ACL.
        noun: Noun,
        /// Its id.
        id: String,
        /// Its VPC.
        vpc: VpcId,
        /// What can't be done.
        rule: &'static str,
    },
    /// There is one default thing of a kind, and it is there.
    #[error("{place} has a default {} already: {id}", .noun.words())]
    HasDefault {
        /// A VPC or a subnet.
        noun: Noun,
        /// The one that is there.
        id: String,
        /// Within what there is one, in words.
        place: String,
    },
    /// What was to be done needs a default VPC.
    #[error("{place} has no default VPC; create one first")]
    NoDefaultVpc {
        /// Whose it would be, in words.
        place: String,
    },
    /// A rule is there twice.
    #[error("{holder} has this rule already: {rule}")]
    DuplicateRule {
        /// The group or the ACL.
        holder: Holder,
        /// The rule that is there, its id or (of two new ones) what it says.
        rule: String,
    },
    /// There is one already that does just this.
    #[error("{} {id} already does just this", .noun.words())]
    AlreadyExists {
        /// What.
        noun: Noun,
        /// The id of the one that is there.
        id: String,
    },
    /// It has been changed since the client looked.
    #[error("{} {id} is at version {current}, not {given}: read it again", .noun.words())]
    WrongVersion {
        /// What.
        noun: Noun,
        /// Its id.
        id: String,
        /// The version that the client knows.
        given: u32,
        /// The present version.
        current: u32,
    },
    /// The floating IP leads somewhere else.
    #[error("floating IP {id} ({address}) already leads to {holder}; disassociate it first")]
    FloatingIpBound {
        /// The floating IP.
        id: FloatingIpId,
        /// Its address.
        address: IpAddr,
        /// Where it leads.
        holder: Holder,
    },
    /// A private address has one floating IP at most.
    #[error("address {address} of {vni} already has floating IP {floating_ip}; disassociate that first")]
    AddressHasFloatingIp {
        /// The interface.
        vni: VniId,
        /// Its address.
        address: IpAddr,
        /// The floating IP that it has.
        floating_ip: FloatingIpId,
    },
    /// No public address is left.
    #[error("zone '{zone}' has no free public address; an operator can add a public pool")]
    NoPublicAddress {
        /// The zone.
        zone: String,
    },
    /// No host has an uplink.
    #[error("no host in zone '{zone}' has an uplink; start 'pintle agent' with one there")]
    NoUplink {
        /// The zone.
        zone: String,
    },
    /// Without an internet gateway nothing public leads to a VPC that routes by tables.
    #[error("VPC {vpc} has no internet gateway attached; attach one first")]
    NoInternetGateway {
        /// The VPC.
        vpc: VpcId,
    },
    /// The internet gateway is not attached to that VPC.
    #[error("internet gateway {gateway} is not attached to VPC {vpc}")]
    GatewayNotAttached {
        /// The gateway.
        gateway: InternetGatewayId,
        /// The VPC.
        vpc: VpcId,
    },
    /// The internet gateway is attached already, or the VPC has another.
    #[error(
        "internet gateway {gateway} is attached to VPC {vpc}; a gateway has one VPC at most, and a VPC one gateway"
    )]
    GatewayAttached {
        /// The gateway that is attached.
        gateway: InternetGatewayId,
        /// The VPC that it is attached to.
        vpc: VpcId,
    },
    /// The VPC does not decide by route tables what leaves it, or does and the other was asked for.
    #[error("VPC {vpc} {rule}")]
    OtherRouting {
        /// The VPC.
        vpc: VpcId,
        /// How it routes, and what it therefore does not have.
        rule: &'static str,
    },
    /// The table has a route to that network already.
    #[error("route table {table} has a route to {net} already; replace or delete it")]
    RouteExists {
        /// The table.
        table: RouteTableId,
        /// The network.
        net: IpNet,
    },
    /// The table has no such route.
    #[error("route table {table} has no route to {net}")]
    NoSuchRoute {
        /// The table.
        table: RouteTableId,
        /// The network.
        net: IpNet,
    },
    /// An instance has interfaces of the other kind, since it was created.
    #[error("instance {instance} has {}: {rule}", .style.words())]
    InterfaceStyle {
        /// The instance.
        instance: InstanceId,
        /// What it has.
        style: InterfaceStyle,
        /// What therefore can't be done, and what to do instead.
        rule: &'static str,
    },
    /// A child interface is no interface of its own.
    #[error("virtual network interface {vni} is a child network interface of its instance: {rule}")]
    ChildInterface {
        /// The interface.
        vni: VniId,
        /// What can't be done with it, and what to do instead.
        rule: &'static str,
    },
    /// The primary attachment lives and dies with its instance.
    #[error(
        "network attachment {attachment} is the primary one of instance {instance}; it can't be detached or moved while the instance exists"
    )]
    PrimaryAttachment {
        /// The attachment.
        attachment: AttachmentId,
        /// Its instance.
        instance: InstanceId,
    },
    /// It is attached already.
    #[error(
        "virtual network interface {vni} is already attached to instance {instance} by {attachment}; move or detach it"
    )]
    AlreadyAttached {
        /// The interface.
        vni: VniId,
        /// By this attachment.
        attachment: AttachmentId,
        /// To this instance.
        instance: InstanceId,
    },
    /// It is not attached.
    #[error("virtual network interface {vni} is not attached; attach it first")]
    NotAttached {
        /// The interface.
        vni: VniId,
    },
    /// It is being moved.
    #[error("virtual network interface {vni} is being moved from {from} to {to}; wait until that has ended")]
    Moving {
        /// The interface.
        vni: VniId,
        /// Old attachment.
        from: AttachmentId,
        /// New attachment.
        to: AttachmentId,
    },
    /// An interface can't be like this on its kind of target.
    #[error("{conflict} (virtual network interface {vni})")]
    NotOnTarget {
        /// The interface.
        vni: VniId,
        /// What breaks which rule where.
        conflict: Box<Conflict>,
    },
    /// The state forbids it now.
    #[error("{} {id} is {state}: {rule}", .noun.words())]
    WrongState {
        /// What.
        noun: Noun,
        /// Its id.
        id: String,
        /// The state it is in.
        state: String,
        /// What the state would have to be.
        rule: String,
    },
    /// A limit is reached.
    #[error("{what}: the limit is {limit}")]
    Limit {
        /// What is limited, for dialects to tell apart.
        of: Limited,
        /// In words, with whose it is.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A thing has as many tags as it may have.
    #[error("a resource has at most {limit} tags")]
    TooManyTags {
        /// The limit.
        limit: usize,
    },
    /// The owner has as many of them as it may have.
    #[error("{within} may have at most {limit} of this kind: {}; delete some, or ask the operator for more", .noun.words())]
    Quota {
        /// Of what.
        noun: Noun,
        /// Whose, or of what.
        within: String,
        /// The limit.
        limit: u32,
    },
    /// A request with the same token has asked for something else.
    #[error("a request with the same token but other parameters has been carried out")]
    TokenReused,
    /// The instance refuses to be deleted, or to be stopped.
    #[error("instance {instance} is protected from being {what}; take the protection away first")]
    Protected {
        /// The instance.
        instance: InstanceId,
        /// From what, in words.
        what: &'static str,
    },
    /// No host can take the instance.
    #[error("no host in zone '{zone}' can take the instance; start 'pintle agent' on a host there")]
    NoHost {
        /// The zone.
        zone: String,
    },
}

/// A command was refused, or could not be judged because the store could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError {
    /// The rules forbid it: the user's to mend.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed: ours to mend.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored record does not have the shape that this version writes.
    #[error("the stored record at '{key}' can't be read: {detail}")]
    Corrupt {
        /// Its key.
        key: String,
        /// What is wrong.
        detail: String,
    },
}

impl Refusal {
    /// Shorthand for [`Refusal::Invalid`].
    pub fn invalid(field: &'static str, value: impl ToString, rule: impl Into<String>) -> Self {
        Refusal::Invalid { field, value: value.to_string().chars().take(200).collect(), rule: rule.into() }
    }
}
