//! Who holds what was asked for, as a refusal names it.

use crate::id::{
    AttachmentId, FloatingIpId, HostId, InstanceId, InternetGatewayId, NetworkAclId, PrefixListId, PublicGatewayId,
    PublicPoolId, ReservedIpId, RouteTableId, SecurityGroupId, SubnetId, VniId, VpcId,
};
use crate::id::{DhcpOptionSetId, FlowLogId, ShareId, SubnetReservationId};

/// Who holds what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The gateway or another fixed role of the subnet.
    Subnet(SubnetId),
    /// An unbound reserved IP.
    ReservedIp(ReservedIpId),
    /// An interface.
    Vni(VniId),
    /// An attachment.
    Attachment(AttachmentId),
    /// An instance.
    Instance(InstanceId),
    /// A VPC.
    Vpc(VpcId),
    /// A host.
    Host(HostId),
    /// A security group.
    SecurityGroup(SecurityGroupId),
    /// A network ACL.
    NetworkAcl(NetworkAclId),
    /// A prefix list.
    PrefixList(PrefixListId),
    /// A pool of public addresses.
    PublicPool(PublicPoolId),
    /// A floating IP.
    FloatingIp(FloatingIpId),
    /// A public gateway.
    PublicGateway(PublicGatewayId),
    /// An internet gateway.
    InternetGateway(InternetGatewayId),
    /// A route table.
    RouteTable(RouteTableId),
    /// A reserved part of a subnet.
    SubnetReservation(SubnetReservationId),
    /// A set of DHCP options.
    DhcpOptionSet(DhcpOptionSetId),
    /// A flow log.
    FlowLog(FlowLogId),
    /// A file share.
    Share(ShareId),
    /// A mount target of a file share.
    MountTarget(AttachmentId),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Holder::Subnet(id) => write!(f, "subnet {id}"),
            Holder::ReservedIp(id) => write!(f, "reserved IP {id}"),
            Holder::Vni(id) => write!(f, "virtual network interface {id}"),
            Holder::Attachment(id) => write!(f, "network attachment {id}"),
            Holder::Instance(id) => write!(f, "instance {id}"),
            Holder::Vpc(id) => write!(f, "VPC {id}"),
            Holder::Host(id) => write!(f, "host {id}"),
            Holder::SecurityGroup(id) => write!(f, "security group {id}"),
            Holder::NetworkAcl(id) => write!(f, "network ACL {id}"),
            Holder::PrefixList(id) => write!(f, "prefix list {id}"),
            Holder::PublicPool(id) => write!(f, "public pool {id}"),
            Holder::FloatingIp(id) => write!(f, "floating IP {id}"),
            Holder::PublicGateway(id) => write!(f, "public gateway {id}"),
            Holder::InternetGateway(id) => write!(f, "internet gateway {id}"),
            Holder::RouteTable(id) => write!(f, "route table {id}"),
            Holder::SubnetReservation(id) => write!(f, "subnet reservation {id}"),
            Holder::DhcpOptionSet(id) => write!(f, "DHCP option set {id}"),
            Holder::FlowLog(id) => write!(f, "flow log {id}"),
            Holder::Share(id) => write!(f, "share {id}"),
            Holder::MountTarget(id) => write!(f, "mount target {id}"),
        }
    }
}
