//! The only door to change: every way to alter the world, and what comes back.
//!
//! Dialects decode requests into these, reconcilers report what hosts did with these; [`crate::decide()`] judges them all.

mod address_prefix;
mod flow_log;
mod interface;
mod network;
mod operator;
mod policy;
mod public;
mod rights;
mod routing;
mod share;
mod ssh_key;
mod tags;

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};

use crate::id::{ApiKeyId, FlowLogId, PolicyId, SshKeyId, ZoneRouteId};
use crate::id::{AssociationId, FloatingIpId, PublicGatewayId, PublicPoolId, SubnetId, VniId, VniPermissionId, VpcId};
use crate::id::{AttachmentId, HostId, InstanceId, NetworkAclId, PrefixListId, ReservedIpId, SecurityGroupId};
use crate::id::{DhcpOptionSetId, SubnetRangeId, SubnetReservationId, VpcRangeId};
use crate::id::{InternetGatewayId, RouteAssociationId, RouteTableId, ShareId};
use crate::model::{
    AccessKey, AccessKeyId, Account, AccountId, Attachment, Host, Instance, Move, MoveStep, Nic, ReservedIp, Subnet,
    Vni, Vpc,
};
use crate::model::{AddressPrefix, ApiKey, Policy, Principal, SshKey};
use crate::model::{DhcpOptionSet, Owner, SubnetReservation, VpcRange};
use crate::model::{
    FloatingIp, FlowLog, NetworkAcl, PrefixList, PublicGateway, PublicPool, Region, SecurityGroup, VniPermission,
};
use crate::model::{InternetGateway, RouteAssociation, RouteTable, Share};

pub use address_prefix::{NewAddressPrefix, PlaceSubnet, SubnetRange, UpdateAddressPrefix};
pub use flow_log::{CreateFlowLog, NewCollector, UpdateFlowLog};
pub use interface::{
    CreateInstance, CreateInstances, CreateVni, CreateVniPermission, GroupsChange, InstanceChange, InstancesChange,
    NewAttachment, NewLaunch, Seat, UpdateAttachment, UpdateChild, UpdateInstance, UpdateVni, VniChoice,
};
pub use network::{
    CreateDhcpOptionSet, CreateReservedIp, CreateSubnet, CreateSubnetReservation, CreateVpc, IpChoice, Ipv6Range,
    NewDhcp, NewRange, PrefixChoice, UpdateReservedIp, UpdateSubnet, UpdateVpc,
};
pub use operator::{CreateAccessKey, CreateAccount, CreateApiKey, NewPolicy, RegisterHost};
pub use policy::{
    AclEntryChange, AclPlace, AclRulePut, AclRulesChange, CreateNetworkAcl, CreatePrefixList, CreateSecurityGroup,
    NewAclRule, NewRule, RulesChange, UpdatePrefixList, UpdateSecurityGroup,
};
pub use public::{CreateFloatingIp, CreateNatGateway, CreatePublicGateway, CreatePublicPool, FloatingIpChoice};
pub use routing::{CreateRoutingTable, NewRoute, NewZoneRoute, TargetChoice, UpdateZoneRoute};
pub use share::{CreateShare, NewMountTarget, UpdateShare};
pub use ssh_key::CreateSshKey;
pub use tags::{ChangeTags, TagRemoval};

/// Something to be done to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Carries these out in their order, each seeing what those before it did; all of them or none → [`Reply::Batch`].
    Batch(Vec<Command>),
    /// Changes tags → [`Reply::Done`].
    ChangeTags(ChangeTags),
    /// Gives an account another limit → [`Reply::Done`].
    SetQuota {
        /// The account.
        account: AccountId,
        /// The quota's name, see [`crate::quota::QUOTAS`].
        quota: String,
        /// The limit; `None`: the default one.
        limit: Option<u32>,
    },
    /// Forgets requests' tokens that are older than a day, a thousand at most → [`Reply::Done`].
    ForgetTokens,
    /// Makes these the regions, the first the default one; nothing happens if they are → [`Reply::Done`].
    ConfigureRegions(Vec<Region>),
    /// Makes this the range, a /8 to /56 of IPv6, of which VPCs get /56s that they ask the server for; `None`: any unique
    /// local addresses (RFC 4193) → [`Reply::Done`].
    ConfigureIpv6Range(Option<Ipv6Net>),
    /// Makes what an owner begins with, a default VPC with a default subnet in each zone and a default DHCP option set;
    /// nothing happens if that was done once → [`Reply::Done`].
    EnsureDefaults(Owner),
    /// Creates an access key; what its account begins with in each region is made with the first → [`Reply::AccessKey`].
    CreateAccessKey(CreateAccessKey),
    /// Deletes an access key → [`Reply::AccessKey`], as it was.
    DeleteAccessKey(AccessKeyId),
    /// Changes a flow log → [`Reply::FlowLog`].
    UpdateFlowLog(FlowLogId, UpdateFlowLog),
    /// Gives a VPC one more range, for subnets of one zone → [`Reply::AddressPrefix`].
    AddAddressPrefix(VpcId, NewAddressPrefix),
    /// Changes an address prefix → [`Reply::AddressPrefix`].
    UpdateAddressPrefix(VpcRangeId, UpdateAddressPrefix),
    /// Takes an address prefix away that no subnet lies in → [`Reply::AddressPrefix`], as it was.
    RemoveAddressPrefix(VpcRangeId),
    /// Creates a subnet, perhaps with a range that is chosen → [`Reply::Subnet`].
    PlaceSubnet(PlaceSubnet),
    /// Creates a route table with a name and with routes for zones → [`Reply::RouteTable`].
    CreateRoutingTable(CreateRoutingTable),
    /// Gives a route table a name → [`Reply::RouteTable`].
    RenameRouteTable(RouteTableId, String),
    /// Adds a route for a zone to a table → [`Reply::RouteTable`].
    AddZoneRoute(RouteTableId, NewZoneRoute),
    /// Changes a route for a zone → [`Reply::RouteTable`].
    UpdateZoneRoute(RouteTableId, ZoneRouteId, UpdateZoneRoute),
    /// Removes a route for a zone → [`Reply::RouteTable`].
    RemoveZoneRoute(RouteTableId, ZoneRouteId),
    /// Keeps a public SSH key → [`Reply::SshKey`].
    CreateSshKey(CreateSshKey),
    /// Renames an SSH key → [`Reply::SshKey`].
    RenameSshKey(SshKeyId, String),
    /// Forgets an SSH key → [`Reply::SshKey`], as it was.
    DeleteSshKey(SshKeyId),
    /// Creates an API key → [`Reply::ApiKey`].
    CreateApiKey(CreateApiKey),
    /// Deletes an API key, with its policies → [`Reply::ApiKey`], as it was.
    DeleteApiKey(ApiKeyId),
    /// Gives a key a role → [`Reply::Policy`].
    CreatePolicy(Principal, NewPolicy),
    /// Takes a role from a key → [`Reply::Policy`], as it was.
    DeletePolicy(PolicyId),
    /// Creates an account → [`Reply::Account`].
    CreateAccount(CreateAccount),
    /// Creates a VPC → [`Reply::Vpc`].
    CreateVpc(CreateVpc),
    /// Renames a VPC → [`Reply::Vpc`].
    RenameVpc(VpcId, String),
    /// Changes a VPC → [`Reply::Vpc`].
    UpdateVpc(VpcId, UpdateVpc),
    /// Deletes a VPC that holds no subnet, instance or public gateway, with its security groups and network ACLs →
    /// [`Reply::Vpc`], as it was.
    DeleteVpc(VpcId),
    /// As [`Command::DeleteVpc`], of a VPC that holds nothing beside what it began with → [`Reply::Vpc`], as it was.
    DeleteBareVpc(VpcId),
    /// Creates the owner's default VPC, which it does not have → [`Reply::Vpc`].
    CreateDefaultVpc,
    /// Gives a VPC one more range → [`Reply::VpcRange`].
    AddVpcRange(VpcId, NewRange),
    /// Takes a range away that no subnet lies in and that is not the VPC's primary one → [`Reply::VpcRange`], as it was.
    RemoveVpcRange(VpcRangeId),
    /// Creates a set of DHCP options → [`Reply::DhcpOptionSet`].
    CreateDhcpOptionSet(CreateDhcpOptionSet),
    /// Deletes a set of DHCP options that no VPC has → [`Reply::DhcpOptionSet`], as it was.
    DeleteDhcpOptionSet(DhcpOptionSetId),
    /// Tells a VPC's guests what a set says, or nothing; takes effect at once → [`Reply::Vpc`].
    AssociateDhcpOptionSet(VpcId, Option<DhcpOptionSetId>),
    /// Creates the default subnet of a zone, which has none, in the default VPC → [`Reply::Subnet`].
    CreateDefaultSubnet(String),
    /// Gives a subnet without IPv6 this /64 → [`Reply::Subnet`].
    AddSubnetRange(SubnetId, Ipv6Net),
    /// Takes a subnet's IPv6 range, in which nobody has an address, away → [`Reply::Subnet`], as it was.
    RemoveSubnetRange(SubnetRangeId),
    /// Keeps a part of a subnet out of automatic choice → [`Reply::SubnetReservation`].
    CreateSubnetReservation(CreateSubnetReservation),
    /// Gives a part of a subnet back to automatic choice → [`Reply::SubnetReservation`], as it was.
    DeleteSubnetReservation(SubnetReservationId),
    /// Creates a subnet → [`Reply::Subnet`].
    CreateSubnet(CreateSubnet),
    /// Renames a subnet → [`Reply::Subnet`].
    RenameSubnet(SubnetId, String),
    /// Changes a subnet; takes effect at once for its interfaces → [`Reply::Subnet`].
    UpdateSubnet(SubnetId, UpdateSubnet),
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
    /// Adds an address of either IP version → [`Reply::ReservedIp`].
    AddVniIp(VniId, IpChoice),
    /// Takes a secondary address away → [`Reply::ReservedIp`].
    RemoveVniIp(VniId, ReservedIpId),
    /// Gives a secondary address of one interface to another of the same subnet, with its floating IP →
    /// [`Reply::ReservedIp`].
    MoveVniIp(ReservedIpId, VniId),
    /// Gives an interface an address of its subnet, free or not: from another interface as [`Command::MoveVniIp`] does →
    /// [`Reply::ReservedIp`].
    TakeVniIp(VniId, IpAddr),
    /// Delegates a network → [`Reply::Prefix`].
    AddVniPrefix(VniId, PrefixChoice),
    /// Takes a delegated network back → [`Reply::Prefix`].
    RemoveVniPrefix(VniId, IpNet),
    /// Changes an interface's security groups → [`Reply::Vni`].
    ChangeVniGroups(VniId, GroupsChange),
    /// Lets only these groups apply, to flows that exist too; none: nothing passes → [`Reply::Vni`].
    QuarantineVni(VniId, Vec<SecurityGroupId>),
    /// Ends a quarantine: its own groups apply again → [`Reply::Vni`].
    ReleaseVni(VniId),
    /// Ends the flows that its policy no longer permits → [`Reply::Vni`].
    FlushVni(VniId),
    /// Asks these groups beside the real ones and only counts; `None`: no longer → [`Reply::Vni`].
    ShadowVni(VniId, Option<Vec<SecurityGroupId>>),
    /// Lets another account use an interface → [`Reply::VniPermission`].
    CreateVniPermission(CreateVniPermission),
    /// Takes a permission back → [`Reply::VniPermission`].
    RevokeVniPermission {
        /// The permission.
        id: VniPermissionId,
        /// Also while its account has made use of it; what there is by it stays.
        force: bool,
    },
    /// Creates a security group → [`Reply::SecurityGroup`].
    CreateSecurityGroup(CreateSecurityGroup),
    /// Changes a security group's name or description → [`Reply::SecurityGroup`].
    UpdateSecurityGroup(SecurityGroupId, UpdateSecurityGroup),
    /// Deletes a security group that no interface and no other group's rule needs → [`Reply::SecurityGroup`], as it was.
    DeleteSecurityGroup(SecurityGroupId),
    /// Changes a security group's rules → [`Reply::SecurityGroup`].
    ChangeRules(SecurityGroupId, RulesChange),
    /// Creates a network ACL → [`Reply::NetworkAcl`].
    CreateNetworkAcl(CreateNetworkAcl),
    /// Renames a network ACL → [`Reply::NetworkAcl`].
    RenameNetworkAcl(NetworkAclId, String),
    /// Deletes a network ACL that no subnet has → [`Reply::NetworkAcl`], as it was.
    DeleteNetworkAcl(NetworkAclId),
    /// Changes a network ACL's rules → [`Reply::NetworkAcl`].
    ChangeAclRules(NetworkAclId, AclRulesChange),
    /// Creates a prefix list → [`Reply::PrefixList`].
    CreatePrefixList(CreatePrefixList),
    /// Changes a prefix list → [`Reply::PrefixList`].
    UpdatePrefixList(PrefixListId, UpdatePrefixList),
    /// Gives a prefix list the entries of a former version, as a new version → [`Reply::PrefixList`].
    RestorePrefixList {
        /// The prefix list.
        id: PrefixListId,
        /// The version whose entries come back.
        version: u32,
        /// Refused unless it is the present version.
        current: u32,
    },
    /// Creates a flow log → [`Reply::FlowLog`].
    CreateFlowLog(CreateFlowLog),
    /// Deletes a flow log → [`Reply::FlowLog`], as it was.
    DeleteFlowLog(FlowLogId),
    /// Deletes a prefix list that no rule refers to → [`Reply::PrefixList`], as it was.
    DeletePrefixList(PrefixListId),
    /// Creates a pool of public addresses → [`Reply::PublicPool`].
    CreatePublicPool(CreatePublicPool),
    /// Deletes a pool of which no address is in use → [`Reply::PublicPool`], as it was.
    DeletePublicPool(PublicPoolId),
    /// Allocates a floating IP → [`Reply::FloatingIp`].
    CreateFloatingIp(CreateFloatingIp),
    /// Renames a floating IP → [`Reply::FloatingIp`].
    RenameFloatingIp(FloatingIpId, String),
    /// Lets a floating IP lead to a private address → [`Reply::FloatingIp`].
    AssociateFloatingIp {
        /// The floating IP.
        id: FloatingIpId,
        /// Where it leads.
        target: FloatingIpChoice,
        /// Whether it may be taken from another address that it leads to now (EC2's `AllowReassociation`).
        reassociate: bool,
        /// Whether another floating IP that leads there now makes way; it stays its owner's and leads nowhere.
        displace: bool,
    },
    /// Lets a floating IP lead nowhere; nothing happens if it does → [`Reply::FloatingIp`].
    DisassociateFloatingIp(FloatingIpId),
    /// Ends an association: its floating IP leads nowhere from then on → [`Reply::FloatingIp`]. Refused if it has ended.
    EndAssociation(AssociationId),
    /// Says which domain name a floating IP's address is to have; `None`: none → [`Reply::FloatingIp`].
    NameFloatingIpDomain(FloatingIpId, Option<String>),
    /// Gives a floating IP that leads nowhere back to its pool → [`Reply::FloatingIp`], as it was.
    ReleaseFloatingIp(FloatingIpId),
    /// Gives a floating IP back to its pool; what leads to an interface is disassociated → [`Reply::FloatingIp`], as it was.
    DeleteFloatingIp(FloatingIpId),
    /// Creates a public gateway → [`Reply::PublicGateway`].
    CreatePublicGateway(CreatePublicGateway),
    /// Renames a public gateway → [`Reply::PublicGateway`].
    RenamePublicGateway(PublicGatewayId, String),
    /// Deletes a public gateway that no subnet uses → [`Reply::PublicGateway`], as it was.
    DeletePublicGateway(PublicGatewayId),
    /// Creates a public gateway in a subnet, in a VPC that routes by tables → [`Reply::PublicGateway`].
    CreateNatGateway(CreateNatGateway),
    /// Creates an internet gateway, attached to nothing → [`Reply::InternetGateway`].
    CreateInternetGateway,
    /// Attaches an internet gateway to a VPC that routes by tables and has none → [`Reply::InternetGateway`].
    AttachInternetGateway(InternetGatewayId, VpcId),
    /// Detaches an internet gateway from a VPC to which no public address leads → [`Reply::InternetGateway`].
    DetachInternetGateway(InternetGatewayId, VpcId),
    /// Deletes an internet gateway that is not attached → [`Reply::InternetGateway`], as it was.
    DeleteInternetGateway(InternetGatewayId),
    /// Creates a route table → [`Reply::RouteTable`].
    CreateRouteTable(VpcId),
    /// Deletes a route table that is not the main one and that no subnet uses → [`Reply::RouteTable`], as it was.
    DeleteRouteTable(RouteTableId),
    /// Adds a route → [`Reply::RouteTable`].
    CreateRoute(RouteTableId, NewRoute),
    /// Lets a route that is there lead elsewhere → [`Reply::RouteTable`].
    ReplaceRoute(RouteTableId, NewRoute),
    /// Takes a route away → [`Reply::RouteTable`].
    DeleteRoute(RouteTableId, IpNet),
    /// Lets a subnet that names none use a route table → [`Reply::RouteAssociation`].
    AssociateRouteTable(SubnetId, RouteTableId),
    /// Lets a subnet use the main route table again → [`Reply::RouteAssociation`], as it was.
    DisassociateRouteTable(RouteAssociationId),
    /// Lets a subnet, or all that have no association of their own, use another route table → [`Reply::RouteAssociation`],
    /// a new one.
    ReplaceRouteAssociation(RouteAssociationId, RouteTableId),
    /// Creates an instance with its attachments → [`Reply::Instance`].
    CreateInstance(CreateInstance),
    /// Launches several that are alike, all of them or as many as there is room for → [`Reply::Batch`] of
    /// [`Reply::Instance`].
    CreateInstances(Box<CreateInstances>),
    /// Starts, stops or deletes several, all of them or none → [`Reply::InstanceChanges`], in the order of the ids.
    ChangeInstances(Vec<InstanceId>, InstancesChange),
    /// Renames an instance → [`Reply::Instance`].
    RenameInstance(InstanceId, String),
    /// Changes an instance → [`Reply::Instance`].
    UpdateInstance(InstanceId, UpdateInstance),
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
    /// Changes an attachment → [`Reply::Attachment`].
    UpdateAttachment(AttachmentId, UpdateAttachment),
    /// Changes a child interface by its attachment → [`Reply::Attachment`].
    UpdateChild(AttachmentId, UpdateChild),
    /// Deletes a child interface, which must not be the primary one, by its attachment → [`Reply::Attachment`].
    DeleteChild(AttachmentId),
    /// Detaches; with `force` without waiting for the host, which every other host then refuses → [`Reply::Attachment`].
    Detach {
        /// The attachment.
        attachment: AttachmentId,
        /// Do not wait for the host.
        force: bool,
    },
    /// Deletes an attachment: detaches as [`Command::Detach`] does, and an interface that goes with its target goes along →
    /// [`Reply::Attachment`].
    DeleteAttachment(AttachmentId),
    /// Moves an interface to another instance → [`Reply::Move`].
    MoveVni {
        /// The interface.
        vni: VniId,
        /// The instance that it moves to.
        to: InstanceId,
        /// How its frames are told from those of others there; needed where the instance is a bare metal server, unless it
        /// keeps the VLAN that it has on one. Default: a card of its own.
        nic: Option<Nic>,
    },
    /// Creates a share with its mount targets → [`Reply::Share`].
    CreateShare(Box<CreateShare>),
    /// Changes a share → [`Reply::Share`].
    UpdateShare(ShareId, UpdateShare),
    /// Deletes a share that has no mount target, with its files → [`Reply::Share`].
    DeleteShare(ShareId),
    /// Creates a mount target → [`Reply::Attachment`], whose id is the mount target's.
    CreateMountTarget(ShareId, NewMountTarget),
    /// Renames a mount target → [`Reply::Attachment`].
    RenameMountTarget(AttachmentId, String),
    /// Deletes a mount target, and its interface if that goes with its target → [`Reply::Attachment`].
    DeleteMountTarget(AttachmentId),
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
    /// A host no longer has anything of an instance that is stopped → [`Reply::Done`].
    InstanceStopped(InstanceId),
    /// A host could not realise an instance → [`Reply::Done`].
    InstanceFailed(InstanceId, String),
    /// A host no longer has anything of an instance that is being deleted → [`Reply::Done`].
    InstanceGone(InstanceId),
    /// A host has a place for a share's files → [`Reply::Done`].
    ShareRealised(ShareId),
    /// A host could not make a place for a share's files, or could not remove them → [`Reply::Done`].
    ShareFailed(ShareId, String),
    /// A host no longer has anything of a share that is being deleted → [`Reply::Done`].
    ShareGone(ShareId),
    /// The hosts concerned have done this step of a move: on to the next → [`Reply::Done`].
    AdvanceMove(VniId, MoveStep),
    /// The new side can't be made ready or can't speak, and the old side still does: the interface stays where it is →
    /// [`Reply::Done`].
    AbortMove(VniId, String),
    /// An interface has moved here long enough ago: connections that this host has not seen begin are no longer taken in →
    /// [`Reply::Done`].
    EndAdoption(AttachmentId),
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An access key.
    AccessKey(AccessKey),
    /// An API key.
    ApiKey(ApiKey),
    /// A policy, and the key that has or had it.
    Policy(Principal, Policy),
    /// An account.
    Account(Account),
    /// A VPC.
    Vpc(Vpc),
    /// A subnet.
    Subnet(Subnet),
    /// A reserved IP.
    ReservedIp(ReservedIp),
    /// An interface.
    Vni(Vni),
    /// A permission to use an interface.
    VniPermission(VniPermission),
    /// An instance.
    Instance(Instance),
    /// Instances that were changed together.
    InstanceChanges(Vec<InstanceChange>),
    /// An attachment.
    Attachment(Attachment),
    /// A move.
    Move(Move),
    /// A host.
    Host(Host),
    /// A security group.
    SecurityGroup(SecurityGroup),
    /// A network ACL.
    NetworkAcl(NetworkAcl),
    /// A prefix list.
    PrefixList(PrefixList),
    /// A flow log.
    FlowLog(FlowLog),
    /// A network that is, or was, delegated.
    Prefix(IpNet),
    /// A pool of public addresses.
    PublicPool(PublicPool),
    /// A floating IP.
    FloatingIp(FloatingIp),
    /// A public gateway.
    PublicGateway(PublicGateway),
    /// What came of each command of a batch.
    Batch(Vec<Reply>),
    /// An internet gateway.
    InternetGateway(InternetGateway),
    /// A route table.
    RouteTable(RouteTable),
    /// An association of a route table.
    RouteAssociation(RouteAssociation),
    /// A VPC, and a range that it has or had.
    VpcRange(Vpc, VpcRange<IpNet>),
    /// A reserved part of a subnet.
    SubnetReservation(SubnetReservation),
    /// A set of DHCP options.
    DhcpOptionSet(DhcpOptionSet),
    /// An SSH key.
    SshKey(SshKey),
    /// An address prefix.
    AddressPrefix(AddressPrefix),
    /// A share.
    Share(Share),
    /// Nothing to show.
    Done,
}
