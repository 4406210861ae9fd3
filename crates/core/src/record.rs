//! How records lie in the store: one key per record, plus index keys whose presence is the rule.
//!
//! Uniqueness is a key that must be absent: a name in its scope, an address in its VPC, a MAC, a segment. Lists that a
//! client pages through have a key that sorts newest first. This file is the only place that knows the layout.

mod instance;
mod network;
mod public;
mod routing;
mod share;

pub use instance::instances_in;
pub use network::{
    IPV6_RANGE, begun_key, child_key, children_of, default_dhcp_key, default_vpc_key, provided_range_key, segment_key,
    vpc_of_range_key, vpcs_of_dhcp_set,
};
pub use public::{
    PUBLIC_ADDRESSES, association_key, floating_ip_of_key, floating_ips_of_address, public_address_key, public_hint_key,
};
pub(crate) use routing::ROUTES_OF_VPC;
pub use routing::{
    delegating_tables_of_vpc, internet_gateway_of_key, route_association_key, routes_of_vpc_key, subnets_of_table,
    table_number_key, tables_of_target, tables_of_vpc, zone_number_key,
};
pub use share::{all_mount_targets, mount_target_key, mount_targets_of_share, mounts_of_vpc, shares_of_host};

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::SshKeyId;
use crate::id::VpcRangeId;
use crate::id::{AclAssociationId, FlowLogId, RuleId};
use crate::id::{AttachmentId, HostId, InstanceId, NetworkAclId, PrefixListId, SecurityGroupId};
use crate::id::{DhcpOptionSetId, SubnetReservationId};
use crate::id::{
    FloatingIpId, InternetGatewayId, PublicGatewayId, PublicPoolId, RouteTableId, ShareId, SubnetId, VniId,
    VniPermissionId, VpcId,
};
use crate::model::{
    AccountId, Attachment, DepartedInstance, Host, Instance, Move, Owner, ReservedIp, Subnet, Timestamp, Vni, Vpc,
};
use crate::model::{AddressPrefix, DhcpOptionSet, FlowLog, FlowLogTarget, SshKey, SubnetReservation};
use crate::model::{FloatingIp, IpFamily, NetworkAcl, PrefixList, PublicGateway, PublicPool, SecurityGroup};
use crate::model::{InternetGateway, RouteTable};
use crate::model::{Share, VniPermission, VniUse};
use crate::net::Mac;
use crate::refusal::Noun;

/// A noun with a record of its own.
pub trait Record: Serialize + DeserializeOwned + Clone + 'static {
    /// Its id's type.
    type Id: std::fmt::Display + Copy;
    /// First part of its key.
    const KIND: &'static str;
    /// What to call it in a refusal.
    const NOUN: Noun;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// Whose it is; `None`: the operator's, or a part of another record.
    fn owner(&self) -> Option<&Owner> {
        None
    }
    /// Within what it counts towards a quota; `None`: it belongs to nobody.
    fn counted_within(&self) -> Option<String> {
        self.owner().map(Owner::scope)
    }
    /// The key of the record with this id.
    fn key_of(id: Self::Id) -> String {
        format!("{}/{id}", Self::KIND)
    }
}

/// A record that clients list, newest first.
pub trait Listed: Record {
    /// When it was created.
    fn created_at(&self) -> Timestamp;
    /// Within what it is listed: the owner for top-level collections, the parent's id for child collections; empty for what
    /// is the operator's.
    fn list_scope(&self) -> String {
        String::new()
    }
    /// The key under which it is listed.
    fn list_key(&self) -> String {
        format!(
            "{}{:012x}/{}",
            list_prefix::<Self>(&self.list_scope()),
            u64::MAX >> 16 & !self.created_at().0,
            self.id()
        )
    }
}

/// What the list keys of all collections of a kind begin with, whoever owns them.
pub fn lists_of<R: Record>() -> String {
    format!("list/{}/", R::KIND)
}

/// What the list keys of one collection begin with.
pub fn list_prefix<R: Record>(scope: &str) -> String {
    format!("{}{scope}/", lists_of::<R>())
}

macro_rules! record {
    ($type:ty, $id:ty, $kind:literal, $noun:ident $(, $owner:ident $(, counted in $parent:ident)?)?) => {
        impl Record for $type {
            type Id = $id;
            const KIND: &'static str = $kind;
            const NOUN: Noun = Noun::$noun;
            fn id(&self) -> $id {
                self.id
            }
            $(fn owner(&self) -> Option<&Owner> {
                Some(&self.$owner)
            }
            $(fn counted_within(&self) -> Option<String> {
                Some(self.$parent.to_string())
            })?)?
        }
    };
}
macro_rules! listed {
    ($type:ty, owner) => {
        impl Listed for $type {
            fn created_at(&self) -> Timestamp { self.created_at }
            fn list_scope(&self) -> String { self.owner.scope() }
        }
    };
    ($type:ty $(, $scope:ident)?) => {
        impl Listed for $type {
            fn created_at(&self) -> Timestamp { self.created_at }
            $(fn list_scope(&self) -> String { self.$scope.to_string() })?
        }
    };
}

record!(Vpc, VpcId, "vpc", Vpc, owner);
record!(Subnet, SubnetId, "subnet", Subnet, owner, counted in vpc);
record!(Vni, VniId, "vni", Vni, owner);
record!(VniPermission, VniPermissionId, "vni_permission", VniPermission, owner);
record!(Instance, InstanceId, "instance", Instance, owner);
record!(Attachment, AttachmentId, "attachment", Attachment, owner);
record!(Host, HostId, "host", Host);
record!(SecurityGroup, SecurityGroupId, "security_group", SecurityGroup, owner);
record!(NetworkAcl, NetworkAclId, "network_acl", NetworkAcl, owner, counted in vpc);
record!(PrefixList, PrefixListId, "prefix_list", PrefixList, owner);
record!(FlowLog, FlowLogId, "flow_log", FlowLog, owner);
record!(PublicPool, PublicPoolId, "public_pool", PublicPool);
record!(FloatingIp, FloatingIpId, "floating_ip", FloatingIp, owner, counted in zone);
record!(PublicGateway, PublicGatewayId, "public_gateway", PublicGateway, owner);
record!(InternetGateway, InternetGatewayId, "internet_gateway", InternetGateway, owner);
record!(RouteTable, RouteTableId, "route_table", RouteTable, owner);
record!(SubnetReservation, SubnetReservationId, "subnet_reservation", SubnetReservation, owner);
record!(Share, ShareId, "share", Share, owner);
record!(DhcpOptionSet, DhcpOptionSetId, "dhcp_option_set", DhcpOptionSet, owner);
record!(AddressPrefix, VpcRangeId, "address_prefix", AddressPrefix, owner);
record!(SshKey, SshKeyId, "ssh_key", SshKey, owner);
mod access;

pub use access::{api_key_of, policy_key};

listed!(Vpc, owner);
listed!(Subnet, owner);
listed!(ReservedIp, subnet);
listed!(Vni, owner);
listed!(VniPermission, owner);
listed!(Attachment, instance);
listed!(Host);
listed!(SecurityGroup, owner);
listed!(NetworkAcl, owner);
listed!(PrefixList, owner);
listed!(FlowLog, owner);
listed!(PublicPool);
listed!(FloatingIp, owner);
listed!(PublicGateway, owner);
listed!(InternetGateway, owner);
listed!(RouteTable, owner);
listed!(SubnetReservation, subnet);
listed!(DhcpOptionSet, owner);
listed!(SshKey, owner);
listed!(AddressPrefix, vpc);
listed!(Share, owner);

impl Record for DepartedInstance {
    type Id = InstanceId;
    const KIND: &'static str = "departed_instance";
    const NOUN: Noun = Noun::Instance;
    fn id(&self) -> InstanceId {
        self.instance.id
    }
    fn owner(&self) -> Option<&Owner> {
        Some(&self.instance.owner)
    }
}

impl Listed for DepartedInstance {
    fn created_at(&self) -> Timestamp {
        self.at
    }
    fn list_scope(&self) -> String {
        self.instance.owner.scope()
    }
}

impl Record for Move {
    type Id = VniId;
    const KIND: &'static str = "move";
    const NOUN: Noun = Noun::Vni;
    fn id(&self) -> VniId {
        self.vni
    }
}

/// The key of [`crate::model::Regions`].
pub const REGIONS: &str = "config/regions";

/// The key of a thing's tags.
pub fn tags_key(owner: &Owner, id: &str) -> String {
    format!("{}{id}", tags_of(owner))
}
/// What the keys of the tags of an owner's things begin with.
pub fn tags_of(owner: &Owner) -> String {
    format!("tags/{}/", owner.scope())
}

/// What the keys of used tokens begin with.
pub(crate) const TOKENS: &str = "token/";
/// What the keys of the tokens begin with that were used on a day (since 1970-01-01); sorts by day.
pub(crate) fn tokens_of(day: u64) -> String {
    format!("{TOKENS}{day:08}/")
}
/// What the keys of tokens that may come again are not below: those of today and of the day before.
pub(crate) fn tokens_to_keep(now: Timestamp) -> String {
    tokens_of((now.0 / DAY).saturating_sub(1))
}
/// A day in milliseconds.
pub(crate) const DAY: u64 = 86_400_000;
/// The key of a token that somebody used on a day.
pub(crate) fn token_key(day: u64, by: &str, name: &str) -> String {
    format!("{}{by}/{name}", tokens_of(day))
}

/// The key that a name occupies within its scope, whatever the case of its letters (EC2's group names may have either).
pub fn name_key<R: Record>(scope: &str, name: &str) -> String {
    format!("name/{}/{scope}/{}", R::KIND, name.to_ascii_lowercase())
}

/// The key that a rule of a security group occupies. Its value is the group's id.
pub fn group_of_rule_key(rule: RuleId) -> String {
    format!("{GROUP_OF_RULE}/{rule}")
}
/// The first part of the keys of [`group_of_rule_key`].
pub(crate) const GROUP_OF_RULE: &str = "group_of_rule";
/// The key of what a prefix list held in a former version. Its value is its entries then.
pub fn prefix_list_version_key(list: PrefixListId, version: u32) -> String {
    format!("prefix_list_version/{list}/{version:08x}")
}
/// The key that a subnet's bond to its network ACL occupies. Its value is the subnet's id.
pub fn acl_association_key(association: AclAssociationId) -> String {
    format!("acl_association/{association}")
}
/// Index: flow logs of a VPC, a subnet or an interface.
pub fn flow_logs_of(target: FlowLogTarget) -> String {
    format!("index/target_flow_log/{target}/")
}

/// The key that an address occupies within its VPC; sorts by address. Its value is the reserved IP's id.
pub fn address_key(vpc: VpcId, address: impl Into<IpAddr>) -> String {
    let address = address.into();
    let family = IpFamily::from(address);
    format!("{}{}", address_prefix(vpc, family), digits(address))
}
/// What the address keys of a VPC begin with, by IP version.
pub fn address_prefix(vpc: VpcId, family: IpFamily) -> String {
    match family {
        IpFamily::V4 => format!("address/{vpc}/"),
        IpFamily::V6 => format!("address6/{vpc}/"),
    }
}
/// What the address keys of a network's addresses begin with; its prefix length must be a multiple of 4.
pub fn addresses_within(vpc: VpcId, net: IpNet) -> String {
    debug_assert!(net.prefix_len().is_multiple_of(4), "a digit is four bits");
    let digits = digits(net.network());
    format!("{}{}", address_prefix(vpc, net.into()), &digits[..usize::from(net.prefix_len() / 4)])
}
/// The key that a delegated network occupies within its VPC. Its value is the interface's id.
pub fn prefix_key(vpc: VpcId, net: IpNet) -> String {
    match net {
        IpNet::V4(_) => format!("prefix/{vpc}/{}", digits(net.network())),
        IpNet::V6(_) => format!("prefix6/{vpc}/{}", digits(net.network())),
    }
}
/// Index: delegated networks of a subnet, by IP version. Its values are interfaces' ids.
pub fn prefixes_of_subnet(subnet: SubnetId, family: IpFamily) -> String {
    match family {
        IpFamily::V4 => format!("index/subnet_prefix/{subnet}/"),
        IpFamily::V6 => format!("index/subnet_prefix6/{subnet}/"),
    }
}
/// The key of a delegated network in the index of its subnet.
pub fn prefix_of_subnet_key(subnet: SubnetId, net: IpNet) -> String {
    format!("{}{}", prefixes_of_subnet(subnet, net.into()), digits(net.network()))
}
/// Where the search for a subnet's next network to delegate starts: a hint, never compared. Its value is a network.
pub fn prefix_hint_key(subnet: SubnetId) -> String {
    format!("prefix_hint/{subnet}")
}
/// An address so that texts sort as addresses do.
fn digits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:08x}", u32::from(address)),
        IpAddr::V6(address) => format!("{:032x}", u128::from(address)),
    }
}
/// Where the search for a subnet's next free address starts: a hint, never compared. Its value is an address.
pub fn address_hint_key(subnet: SubnetId) -> String {
    format!("{ADDRESS_HINTS}{subnet}")
}
const ADDRESS_HINTS: &str = "address_hint/";
/// Whether a key only says where the search for a subnet's next address starts.
pub fn is_address_hint(key: &str) -> bool {
    key.starts_with(ADDRESS_HINTS)
}
/// The key that a MAC occupies. Its value is the interface's id.
pub fn mac_key(mac: Mac) -> String {
    format!("mac/{mac}")
}
/// The key that an SSH key occupies among its owner's. Its value is its id.
pub fn ssh_key_of_key(owner: &Owner, fingerprint: &str) -> String {
    format!("ssh_key_of/{}/{fingerprint}", owner.scope())
}
/// The key that a VTEP address occupies. Its value is the host's id.
pub fn vtep_key(vtep: Ipv4Addr) -> String {
    format!("vtep/{vtep}")
}

/// Index: subnets of a VPC.
pub fn subnets_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_subnet/{vpc}/")
}
/// Index: interfaces of a subnet.
pub fn vnis_of_subnet(subnet: SubnetId) -> String {
    format!("index/subnet_vni/{subnet}/")
}
/// Index: permissions to use an interface, by account and use, so that each is given once.
pub fn permissions_of_vni(vni: VniId) -> String {
    format!("index/vni_permission/{vni}/")
}
/// The key that a permission occupies among those of its interface. Its value is the permission's id.
pub fn vni_permission_key(vni: VniId, account: AccountId, allows: VniUse) -> String {
    format!("{}{account}/{}", permissions_of_vni(vni), allows.label())
}
/// Index: instances of a VPC.
pub fn instances_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_instance/{vpc}/")
}
/// The key of what a front end has noted of an instance. Its value is a map of texts.
pub fn notes_key(instance: InstanceId) -> String {
    format!("instance_notes/{instance}")
}
/// What the keys of [`departed_key`] begin with.
pub const DEPARTED: &str = "departed/";
/// The key by which instances that have gone are found in the order in which they went. Its value is the key under which
/// they are listed.
pub fn departed_key(at: Timestamp, id: InstanceId) -> String {
    format!("{DEPARTED}{:016x}/{id}", at.0)
}
/// What a key of [`departed_key`] says.
pub(crate) fn read_departed_key(key: &str) -> Option<(Timestamp, InstanceId)> {
    let (at, id) = key.strip_prefix(DEPARTED)?.split_once('/')?;
    Some((Timestamp(u64::from_str_radix(at, 16).ok()?), id.parse().ok()?))
}
/// Index: hosts of a zone.
pub fn hosts_of_zone(zone: &str) -> String {
    format!("{HOSTS_OF_ZONE}{zone}/")
}
/// What the keys of [`hosts_of_zone`] begin with.
pub(crate) const HOSTS_OF_ZONE: &str = "index/zone_host/";
/// Index: instances on a host.
pub fn instances_of_host(host: HostId) -> String {
    format!("index/host_instance/{host}/")
}
/// Index: attachments of interfaces in a VPC.
pub fn attachments_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_attachment/{vpc}/")
}
/// Index: attachments on a host.
pub fn attachments_of_host(host: HostId) -> String {
    format!("index/host_attachment/{host}/")
}
/// Index: an instance's attachments by their index, so that an index is held once.
pub fn attachments_of_instance(instance: InstanceId) -> String {
    format!("index/instance_attachment/{instance}/")
}
/// The key that an index occupies within its instance. Its value is the attachment's id.
pub fn attachment_index_key(instance: InstanceId, index: u8) -> String {
    format!("{}{index:03}", attachments_of_instance(instance))
}

/// Index: security groups of a VPC.
pub fn groups_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_group/{vpc}/")
}
/// Index: network ACLs of a VPC.
pub fn acls_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_acl/{vpc}/")
}
/// Index: interfaces that name a security group, be it for quarantine or as a shadow.
pub fn vnis_of_group(group: SecurityGroupId) -> String {
    format!("index/group_vni/{group}/")
}
/// Index: other security groups with a rule whose remote is this group.
pub fn groups_of_group(group: SecurityGroupId) -> String {
    format!("index/group_group/{group}/")
}
/// Index: security groups with a rule that refers to a prefix list.
pub fn groups_of_prefix_list(list: PrefixListId) -> String {
    format!("{GROUPS_OF_PREFIX_LIST}{list}/")
}
/// What the keys of [`groups_of_prefix_list`] begin with.
pub(crate) const GROUPS_OF_PREFIX_LIST: &str = "index/prefix_list_group/";
/// Index: subnets that have a network ACL.
pub fn subnets_of_acl(acl: NetworkAclId) -> String {
    format!("index/acl_subnet/{acl}/")
}
/// Index: subnets that use a public gateway.
pub fn subnets_of_gateway(gateway: PublicGatewayId) -> String {
    format!("index/gateway_subnet/{gateway}/")
}
/// Index: public gateways of a VPC, by zone, so that a zone has one.
pub fn gateways_of_vpc(vpc: VpcId) -> String {
    format!("{GATEWAYS_OF_VPC}{vpc}/")
}
/// What the keys of [`gateways_of_vpc`] begin with.
pub(crate) const GATEWAYS_OF_VPC: &str = "index/vpc_gateway/";
/// Index: public gateways on a host.
pub fn gateways_of_host(host: HostId) -> String {
    format!("index/host_gateway/{host}/")
}
/// Index: public pools of a zone.
pub fn pools_of_zone(zone: &str) -> String {
    format!("index/zone_pool/{zone}/")
}
/// Index: floating IPs of a zone.
pub fn floating_ips_of_zone(zone: &str) -> String {
    format!("index/zone_floating_ip/{zone}/")
}
/// Index: floating IPs from a pool.
pub fn floating_ips_of_pool(pool: PublicPoolId) -> String {
    format!("index/pool_floating_ip/{pool}/")
}
/// Index: floating IPs that lead to an interface.
pub fn floating_ips_of_vni(vni: VniId) -> String {
    format!("{FLOATING_IPS_OF_VNI}{vni}/")
}
/// What the keys of [`floating_ips_of_vni`] begin with.
pub(crate) const FLOATING_IPS_OF_VNI: &str = "index/vni_floating_ip/";

/// Index: floating IPs that lead to interfaces of a VPC.
pub fn floating_ips_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_floating_ip/{vpc}/")
}

/// Written when something of a VPC changes that all its ports show, and only then. Its value is the moment.
pub fn ports_of_vpc_key(vpc: VpcId) -> String {
    format!("{PORTS_OF_VPC}{vpc}")
}
/// What the keys of [`ports_of_vpc_key`] begin with.
pub(crate) const PORTS_OF_VPC: &str = "ports/vpc/";
/// Written when something of a subnet changes that all its ports show, and only then. Its value is the moment.
pub fn ports_of_subnet_key(subnet: SubnetId) -> String {
    format!("{PORTS_OF_SUBNET}{subnet}")
}
/// What the keys of [`ports_of_subnet_key`] begin with.
pub(crate) const PORTS_OF_SUBNET: &str = "ports/subnet/";
/// Written when something of an instance changes that all its ports show, and only then. Its value is the moment.
pub fn ports_of_instance_key(instance: InstanceId) -> String {
    format!("{PORTS_OF_INSTANCE}{instance}")
}
/// What the keys of [`ports_of_instance_key`] begin with.
pub(crate) const PORTS_OF_INSTANCE: &str = "ports/instance/";
