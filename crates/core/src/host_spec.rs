//! What a host should have: keyed entries, so that a change costs what it touches.
//!
//! A host's desired state is a map from [`EntryKey`] to [`Entry`]. The server streams it as one snapshot and then deltas;
//! the agent makes the kernel equal to it. Server and agent never see each other's code: they meet here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{AttachmentId, InstanceId, NetworkAclId, PrefixListId, SecurityGroupId, ShareId, VniId};
use crate::model::{FileOwner, Namespace};
use crate::net::Mac;
use crate::policy::{AclRule, FlowTimeouts, Rule};

/// The number of the routes of a VPC that hold whatever the route table is: to delegated networks, into subnets, and, where the
/// ways out are implied, to the public network.
pub const OWN_TABLE: u8 = 0;

/// Names one entry of a host's desired state. What others rely on sorts first: policy before ports, ports before what sends
/// packets to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKey {
    /// An instance on this host.
    Instance(InstanceId),
    /// The networks of a prefix list.
    PrefixList(PrefixListId),
    /// The rules of a security group.
    Group(SecurityGroupId),
    /// The rules of a network ACL.
    Acl(NetworkAclId),
    /// A port on this host.
    Port(AttachmentId),
    /// Which hosts may speak for a MAC in a segment.
    Location(u32, Mac),
    /// Where packets for a network in a segment go: by a route table with this number, or, with [`OWN_TABLE`], for addresses
    /// that are no endpoint.
    Route(u32, u8, IpNet),
    /// Where packets for an address in a segment go.
    Endpoint(u32, IpAddr),
    /// A public address that this host answers for.
    FloatingIp(IpAddr),
    /// The files of a share. Without an entry they stay as they are: only an entry that says so removes them.
    Share(ShareId),
}

/// One entry of a host's desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// See [`EntryKey::Instance`].
    Instance(InstanceSpec),
    /// See [`EntryKey::PrefixList`].
    PrefixList(Vec<IpNet>),
    /// See [`EntryKey::Group`]; in order.
    Group(Vec<Rule>),
    /// See [`EntryKey::Acl`]; in order.
    Acl(Vec<AclRule>),
    /// See [`EntryKey::Port`].
    Port(Box<PortSpec>),
    /// See [`EntryKey::Location`].
    Location(LocationSpec),
    /// See [`EntryKey::Route`].
    Route(RouteSpec),
    /// See [`EntryKey::Endpoint`].
    Endpoint(EndpointSpec),
    /// See [`EntryKey::FloatingIp`].
    FloatingIp(FloatingIpSpec),
    /// See [`EntryKey::Share`].
    Share(ShareSpec),
}

/// An instance that the host must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Which network namespace it is, if it is one.
    pub namespace: Namespace,
    /// The share that is served in it by NFS at the addresses of its ports, if it is a mount target.
    #[serde(default)]
    pub serves: Option<ShareId>,
}

/// What a host does with the files of a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareSpec {
    /// It keeps them, in a directory that belongs to this owner at first.
    Keep(FileOwner),
    /// It removes them, for good.
    Erase,
}

/// The name of a port's device in the host's own namespace: `pt` and the last 13 of the id's digits, which differ, so that it fits into
/// the kernel's 15 bytes.
pub fn port_device(attachment: AttachmentId) -> String {
    let id = attachment.to_string();
    format!("pt{}", &id[id.len() - 13..])
}

/// What a port may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortMode {
    /// Realised in full and silent: receives only what other hosts already send here, may not send.
    Prepared,
    /// Speaks for its interface.
    Active,
    /// No longer speaks for its interface; the device is still there.
    Fenced,
}

/// How a port's frames are told from those of other ports on the same card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortNic {
    /// It has a card of its own: its frames carry no tag.
    Card {
        /// Whether other ports use VLANs of this card. Otherwise tagged frames are none of its guest's to send.
        trunk: bool,
    },
    /// It uses a VLAN (IEEE 802.1Q) of another port's card.
    Vlan {
        /// The port whose card it is: of the same instance, on the same host, and a trunk.
        card: AttachmentId,
        /// The VLAN's number, 1 to 4094.
        id: u16,
    },
}

impl Default for PortNic {
    fn default() -> Self {
        PortNic::Card { trunk: false }
    }
}

/// A port: an interface realised on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpec {
    /// The interface.
    pub vni: VniId,
    /// The instance that it is in.
    pub instance: InstanceId,
    /// The segment of its VPC.
    pub segment: u32,
    /// Its hardware address.
    pub mac: Mac,
    /// Its addresses, the primary IPv4 one first; never empty.
    pub addresses: Vec<IpAddr>,
    /// Networks that are delegated to it: its own like its addresses.
    pub prefixes: Vec<IpNet>,
    /// Its subnet's IPv4 network.
    pub subnet: Ipv4Net,
    /// Its subnet's IPv6 network, if it has one.
    pub subnet6: Option<Ipv6Net>,
    /// Its subnet's IPv4 gateway. The IPv6 gateway is [`crate::net::GATEWAY_LINK_LOCAL`] on every subnet.
    pub gateway: Ipv4Addr,
    /// The guest's MTU, in bytes of IP packet.
    pub mtu: u16,
    /// The guest's device name.
    pub device: String,
    /// Whether the guest's default routes go through it.
    pub default_route: bool,
    /// What it may do.
    pub mode: PortMode,
    /// The interface's generation that it realises.
    pub generation: u32,
    /// What may pass.
    pub policy: PortPolicy,
    /// How fast.
    pub limits: PortLimits,
    /// What the guest is told by DHCP and router advertisements beside its addresses.
    pub guest_config: GuestConfig,
    /// The number of its subnet's route table, by which the gateway sends on what the guest sends; [`OWN_TABLE`]: the VPC has
    /// no tables.
    #[serde(default)]
    pub route_table: u8,
    /// How its frames are told from those of other ports.
    #[serde(default)]
    pub nic: PortNic,
}

/// What may pass a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPolicy {
    /// The interface's security groups, sorted; none: nothing passes.
    pub groups: Vec<SecurityGroupId>,
    /// The subnet's network ACL; `None`: everything passes it.
    pub acl: Option<NetworkAclId>,
    /// Whether it may send from addresses that are not its own.
    pub allow_ip_spoofing: bool,
    /// Whether it may only send from, and only gets what is for, its own addresses. Off for routers and firewalls.
    pub source_dest_check: bool,
    /// Whether packets must fit the state of the connection they belong to.
    pub state_filtering: bool,
    /// Whether flows that are permitted from anywhere, both ways, end with the rule that permits them (EC2).
    pub untracked_open: bool,
    /// How long idle flows are remembered.
    pub timeouts: FlowTimeouts,
    /// Quarantined: these groups apply instead of [`PortPolicy::groups`], to flows that exist too.
    pub quarantine: Option<Vec<SecurityGroupId>>,
    /// Groups that are asked beside the real ones, and only counted.
    pub shadow: Option<Vec<SecurityGroupId>>,
    /// Counts the flushes: when it grows, flows that the policy no longer permits end.
    pub judged: u32,
    /// Counts the changes of this interface's policy; stamped into what the data plane tells.
    pub version: u32,
    /// The interface has moved here: connections that began elsewhere may go on, for a moment.
    pub adopting: bool,
    /// Whether its subnet leads out through the zone's public gateway; otherwise only a floating IP does.
    pub public_gateway: bool,
}

/// How fast a port may be, in kilobits (1,000 bits) per second; `None`: as fast as the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortLimits {
    /// From the guest, the interface's own.
    pub egress_kbps: Option<u32>,
    /// To the guest, the interface's own.
    pub ingress_kbps: Option<u32>,
    /// From and to the guest each, all interfaces of the instance together.
    pub instance_kbps: Option<u32>,
    /// Priority when the link is full: 0 (first) to 7 (last).
    pub priority: u8,
}

/// What the guest is told beside its addresses, when it asks by DHCP or router solicitation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestConfig {
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Domain name.
    pub domain: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Time servers.
    pub ntp: Vec<IpAddr>,
    /// NetBIOS name servers (RFC 2132, 8.5).
    #[serde(default)]
    pub netbios: Vec<Ipv4Addr>,
    /// NetBIOS node type (RFC 2132, 8.7).
    #[serde(default)]
    pub netbios_node: Option<u8>,
    /// How the guest gets its IPv6 addresses.
    pub ipv6: Ipv6Assignment,
}

/// How a guest that asks gets its IPv6 addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ipv6Assignment {
    /// By DHCPv6: the router advertisement says "managed" (RFC 4861).
    #[default]
    Dhcpv6,
    /// By itself, from the advertised prefix (RFC 4862): addresses whose interface identifier is EUI-64 of its MAC are its own.
    Slaac,
}

/// Where packets for a network go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteSpec {
    /// To the interface with this address: a delegated prefix or, in a route table, a route through an appliance.
    Via(IpAddr),
    /// Into the VPC: to whom its own addresses and routes lead. In route tables only.
    Local,
    /// To the public network: through the sender's floating IP, else through the public gateway, if there is one.
    Public {
        /// The host that translates for interfaces without a floating IP; `None`: this one.
        gateway_vtep: Option<Ipv4Addr>,
        /// The public address that it translates to; `None`: only floating IPs lead out.
        gateway: Option<Ipv4Addr>,
    },
    /// To the public network through a public gateway, whether or not the sender has a floating IP. In route tables only.
    Nat {
        /// The host that translates; `None`: this one.
        vtep: Option<Ipv4Addr>,
        /// The public address that it translates to.
        address: Ipv4Addr,
    },
    /// Nowhere: refused.
    Blackhole,
}

/// A public address that leads to an interface of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FloatingIpSpec {
    /// Leads to an interface.
    Vni {
        /// The port that realises the interface here.
        port: AttachmentId,
        /// The segment of its VPC.
        segment: u32,
        /// The interface's address that it belongs to.
        address: IpAddr,
        /// Whether addresses are translated; otherwise the guest sees the public address itself.
        translate: bool,
    },
    /// A public gateway's: source translation with ports for the interfaces of a VPC.
    Gateway {
        /// The segment of the VPC.
        segment: u32,
    },
}

/// Which hosts may speak for a MAC: tunnel packets from any other are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationSpec {
    /// The host where it lives; `None`: here, so never through a tunnel.
    pub vtep: Option<Ipv4Addr>,
    /// The other host that may speak for it while it is being moved.
    pub alt_vtep: Option<Ipv4Addr>,
    /// The number of the route table by which its packets are sent on: see [`PortSpec::route_table`].
    #[serde(default)]
    pub route_table: u8,
}

/// Where packets for an address go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointSpec {
    /// A subnet's gateway: answered on this host.
    Gateway,
    /// An interface.
    Vni(VniEndpoint),
}

/// Where packets for an interface's address go, seen from one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VniEndpoint {
    /// The interface's hardware address.
    pub mac: Mac,
    /// The port on this host that gets them.
    pub port: Option<AttachmentId>,
    /// The other port on this host while the interface moves: a prepared one, which gets what other hosts already send
    /// here, or the one that is left and may still speak.
    pub alt_port: Option<AttachmentId>,
    /// The host that gets them, when no port here does.
    pub vtep: Option<Ipv4Addr>,
    /// The interface is moving here from this host, which may send on packets of any sender for it.
    pub incoming_from: Option<Ipv4Addr>,
    /// The interface has just left this host: what still arrives by tunnel is sent on to `vtep`.
    pub moved: bool,
    /// The largest IP packet that the path to it takes, in bytes.
    pub mtu: u16,
    /// The interface's generation.
    pub generation: u32,
    /// The groups that the interface is a member of, sorted: what rules with a remote group ask for.
    pub groups: Vec<SecurityGroupId>,
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryKey::Instance(id) => write!(f, "instance/{id}"),
            EntryKey::PrefixList(id) => write!(f, "prefix-list/{id}"),
            EntryKey::Group(id) => write!(f, "group/{id}"),
            EntryKey::Acl(id) => write!(f, "acl/{id}"),
            EntryKey::Port(id) => write!(f, "port/{id}"),
            EntryKey::Location(segment, mac) => write!(f, "location/{segment}/{mac}"),
            EntryKey::Route(segment, OWN_TABLE, net) => write!(f, "route/{segment}/{net}"),
            EntryKey::Route(segment, table, net) => write!(f, "route/{segment}.{table}/{net}"),
            EntryKey::Endpoint(segment, address) => write!(f, "endpoint/{segment}/{address}"),
            EntryKey::FloatingIp(address) => write!(f, "floating-ip/{address}"),
            EntryKey::Share(id) => write!(f, "share/{id}"),
        }
    }
}

impl FromStr for EntryKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("'{text}' is not the key of an entry");
        let (kind, rest) = text.split_once('/').ok_or_else(bad)?;
        let scoped = || rest.split_once('/').and_then(|(segment, rest)| Some((segment.parse().ok()?, rest)));
        match kind {
            "instance" => rest.parse().map(EntryKey::Instance).map_err(|_| bad()),
            "prefix-list" => rest.parse().map(EntryKey::PrefixList).map_err(|_| bad()),
            "group" => rest.parse().map(EntryKey::Group).map_err(|_| bad()),
            "acl" => rest.parse().map(EntryKey::Acl).map_err(|_| bad()),
            "floating-ip" => rest.parse().map(EntryKey::FloatingIp).map_err(|_| bad()),
            "share" => rest.parse().map(EntryKey::Share).map_err(|_| bad()),
            "route" => {
                let (place, net) = rest.split_once('/').ok_or_else(bad)?;
                let (segment, table) = match place.split_once('.') {
                    Some((segment, table)) => (segment, table.parse().map_err(|_| bad())?),
                    None => (place, OWN_TABLE),
                };
                let segment = segment.parse().map_err(|_| bad())?;
                net.parse().map(|net| EntryKey::Route(segment, table, net)).map_err(|_| bad())
            }
            "port" => rest.parse().map(EntryKey::Port).map_err(|_| bad()),
            "location" => {
                let (segment, mac) = scoped().ok_or_else(bad)?;
                mac.parse().map(|mac| EntryKey::Location(segment, mac)).map_err(|_| bad())
            }
            "endpoint" => {
                let (segment, address) = scoped().ok_or_else(bad)?;
                address.parse().map(|address| EntryKey::Endpoint(segment, address)).map_err(|_| bad())
            }
            _ => Err(bad()),
        }
    }
}

impl Serialize for EntryKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for EntryKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_sort_by_what_must_be_there_first() {
        let keys = [
            "instance/i-00000000000000001",
            "prefix-list/pl-00000000000000001",
            "group/sg-00000000000000001",
            "acl/acl-00000000000000001",
            "port/eni-attach-00000000000000001",
            "location/7/02:00:00:00:00:01",
            "route/7/10.0.0.16/28",
            "route/7.3/0.0.0.0/0",
            "endpoint/7/10.0.0.4",
            "endpoint/7/2001:db8::4",
            "floating-ip/203.0.113.9",
        ];
        let parsed: Vec<EntryKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
        assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), keys);
        for bad in ["", "port", "port/x", "endpoint/7", "endpoint/x/10.0.0.4", "route/7.300/0.0.0.0/0", "nothing/1"] {
            assert!(bad.parse::<EntryKey>().is_err(), "{bad}");
        }
    }
}
