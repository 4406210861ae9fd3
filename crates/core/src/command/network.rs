//! What is asked of VPCs, subnets and their addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::host_spec::Ipv6Assignment;
use crate::id::{PublicGatewayId, ReservedIpId, RouteTableId, SubnetId, VniId, VpcId};
use crate::model::{DhcpOptions, HostnameType, IpFamily, ReservationKind};

/// Creates a VPC, with its default security group and network ACL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateVpc {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Ranges that its subnets must lie in; none: any.
    pub cidrs: Vec<Ipv4Net>,
    /// Ranges that its subnets' IPv6 ranges must lie in, /16 to /64; none: no IPv6.
    pub ipv6_cidrs: Vec<Ipv6Net>,
    /// Whether the server chooses an IPv6 range for it that no other VPC has, a /56.
    pub provided_ipv6: bool,
    /// Whether it gets a range for each zone of its region, an address prefix, beside those (IBM).
    pub zone_prefixes: bool,
    /// What its guests are told when they ask.
    pub dhcp: NewDhcp,
    /// Whether route tables decide what leaves it, and internet gateways lead out (EC2); it gets a main one. Otherwise the
    /// ways out are implied (IBM).
    pub route_tables: bool,
}

/// What a new VPC's guests are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewDhcp {
    /// This.
    These(DhcpOptions),
    /// What its owner's default DHCP option set says.
    DefaultSet,
}

impl Default for NewDhcp {
    /// Nothing.
    fn default() -> Self {
        NewDhcp::These(DhcpOptions::default())
    }
}

/// Changes a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateVpc {
    /// A new name.
    pub name: Option<String>,
    /// All its IPv6 ranges from now on; those that a subnet lies in must stay.
    pub ipv6_cidrs: Option<Vec<Ipv6Net>>,
    /// What its guests are told from now on; it is no longer from a set.
    pub dhcp: Option<DhcpOptions>,
    /// Whether the provider's name server is wanted.
    pub dns_support: Option<bool>,
    /// Whether instances get public names; only where the provider's name server is wanted.
    pub dns_hostnames: Option<bool>,
    /// Whether its use of addresses is to be measured.
    pub usage_metrics: Option<bool>,
}

/// A range that a VPC gets besides those that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewRange {
    /// This one.
    Net(Ipv4Net),
    /// A /56 of IPv6 that the server chooses and no other VPC has.
    ProvidedIpv6,
}

/// Which IPv6 range a subnet gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ipv6Range {
    /// The lowest free /64 of the VPC's ranges.
    Auto,
    /// This /64.
    Net(Ipv6Net),
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
    /// Its IPv6 range; none: no IPv6.
    pub ipv6: Option<Ipv6Range>,
    /// Its network ACL; the VPC's default when absent.
    pub acl: Option<crate::id::NetworkAclId>,
    /// Its way out.
    pub public_gateway: Option<PublicGatewayId>,
}

/// Changes a subnet. `Some(None)` takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateSubnet {
    /// A new name.
    pub name: Option<String>,
    /// Another IPv6 range, or none; the present one must hold no address.
    pub ipv6: Option<Option<Ipv6Range>>,
    /// How guests that ask get their IPv6 addresses; with SLAAC, automatic addresses are those that guests make themselves.
    pub ipv6_assignment: Option<Ipv6Assignment>,
    /// Whether interfaces that are created in it from now on get an IPv6 address without being asked.
    pub auto_assign_ipv6: Option<bool>,
    /// Another network ACL.
    pub acl: Option<crate::id::NetworkAclId>,
    /// Another way out, or none.
    pub public_gateway: Option<Option<PublicGatewayId>>,
    /// Another route table.
    pub route_table: Option<RouteTableId>,
    /// Whether instances that are launched in it from now on get a public address without being asked.
    pub map_public_ip: Option<bool>,
    /// What the names of instances that are launched in it from now on are made of.
    pub hostname_type: Option<HostnameType>,
    /// Whether names that are made of ids are to have IPv4 addresses.
    pub resource_name_a: Option<bool>,
    /// Whether names that are made of ids are to have IPv6 addresses.
    pub resource_name_aaaa: Option<bool>,
}

/// Keeps a part of a subnet out of automatic choice. What of it is in use already stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubnetReservation {
    /// The subnet.
    pub subnet: SubnetId,
    /// The part, apart from others.
    pub cidr: IpNet,
    /// What it is kept for.
    pub kind: ReservationKind,
    /// What it is for; may be empty.
    pub description: String,
}

/// Creates a set of DHCP options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateDhcpOptionSet {
    /// Whether the provider's name server is among the name servers.
    pub provided_dns: bool,
    /// What guests are told.
    pub options: DhcpOptions,
}

/// Which address an interface or a reservation gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpChoice {
    /// Any free one of the subnet.
    Auto {
        /// Of this IP version.
        family: IpFamily,
        /// Name of the reservation; made up when absent.
        name: Option<String>,
        /// Whether the reservation goes with the interface.
        auto_delete: bool,
    },
    /// This one, reserved on the spot.
    Address {
        /// The address.
        address: IpAddr,
        /// Name of the reservation; made up when absent.
        name: Option<String>,
        /// Whether the reservation goes with the interface.
        auto_delete: bool,
    },
    /// A reservation that exists and is not bound.
    Reserved(ReservedIpId),
}

impl IpChoice {
    /// Any free address of an IP version, with a reservation that goes with the interface.
    pub fn auto(family: IpFamily) -> Self {
        IpChoice::Auto { family, name: None, auto_delete: true }
    }
}

impl Default for IpChoice {
    fn default() -> Self {
        IpChoice::auto(IpFamily::V4)
    }
}

/// Which network is delegated to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixChoice {
    /// Any free one of the subnet: a /28 of IPv4, a /80 of IPv6.
    Auto(IpFamily),
    /// This one: a /28 of IPv4 or a /80 of IPv6.
    Net(IpNet),
}

/// Reserves an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateReservedIp {
    /// In this subnet.
    pub subnet: SubnetId,
    /// This address; any free IPv4 one when absent.
    pub address: Option<IpAddr>,
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
