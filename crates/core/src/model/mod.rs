//! The nouns: what is stored, one record each.
//!
//! Records are plain data. What may be done with them is decided in [`crate::decide`]; what a host must have because of
//! them is worked out in [`crate::compile`].

mod access_key;
mod account;
mod address_prefix;
mod api_key;
mod attachment;
mod departed;
mod dhcp;
mod flow_log;
mod host;
mod instance;
mod moving;
mod network_acl;
mod owner;
mod prefix_list;
mod public;
mod region;
mod reserved_ip;
mod rights;
mod routing;
mod security_group;
mod share;
mod ssh_key;
mod subnet;
mod subnet_reservation;
mod tags;
mod target;
mod vni;
mod vni_permission;
mod vpc;

pub use access_key::{AccessKey, AccessKeyId, InvalidAccessKeyId};
pub use account::{Account, AccountId, InvalidAccountId};
pub use address_prefix::AddressPrefix;
pub use api_key::{ApiKey, KeyDigest};
pub use attachment::{Attachment, MAX_INDEX, MAX_PER_INSTANCE};
pub use departed::DepartedInstance;
pub use dhcp::{DhcpOptionSet, DhcpOptions};
pub use flow_log::{
    DestinationKind, FileFormat, FlowDestination, FlowField, FlowLog, FlowLogTarget, TrafficType, UnknownField,
};
pub use host::Host;
pub use instance::{Instance, InstanceState, Launch, Namespace};
pub use moving::{Move, MoveStep};
pub use network_acl::{NetworkAcl, NetworkAclRule};
pub use owner::Owner;
pub use prefix_list::{PrefixList, PrefixListEntry, PrefixListState};
pub use public::{FloatingIp, FloatingIpTarget, GatewayPlace, PublicGateway, PublicPool};
pub use region::{DEFAULT_REGION, Region, Regions};
pub use reserved_ip::{ReservedBy, ReservedIp};
pub use rights::{AccessRole, Policy, Principal, ResourceType, UnknownRight, Verb};
pub use routing::{InternetGateway, Route, RouteAction, RouteAssociation, RouteTable, RouteTarget, ZoneRoute};
pub use security_group::SecurityGroup;
pub use share::{FileOwner, Share, TransitEncryption, export_path};
pub use ssh_key::{SshKey, SshKeyKind};
pub use subnet::{HostnameType, Subnet};
pub use subnet_reservation::{ReservationKind, SubnetReservation};
pub use tags::Tags;
pub use target::{InterfaceStyle, Nic, Role, TargetKind};
pub use vni::{ProtocolStateFiltering, Vni, VniLimits};
pub use vni_permission::{VniPermission, VniUse};
pub use vpc::{Vpc, VpcRange};

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum IpFamily {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            IpFamily::V4 => "IPv4",
            IpFamily::V6 => "IPv6",
        }
    }
}

impl From<IpAddr> for IpFamily {
    fn from(address: IpAddr) -> Self {
        if address.is_ipv4() { IpFamily::V4 } else { IpFamily::V6 }
    }
}

impl From<IpNet> for IpFamily {
    fn from(net: IpNet) -> Self {
        net.addr().into()
    }
}
