//! What a host should have: keyed entries, so that a change costs what it touches.
//!
//! A host's desired state is a map from [`EntryKey`] to [`Entry`]. The server streams it as one snapshot and then deltas;
//! the agent makes the kernel equal to it. Server and agent never see each other's code: they meet here.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{AttachmentId, InstanceId, VniId};
use crate::model::Namespace;
use crate::net::Mac;

/// Names one entry of a host's desired state. Instances sort before ports, ports before what sends packets to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKey {
    /// An instance on this host.
    Instance(InstanceId),
    /// A port on this host.
    Port(AttachmentId),
    /// Which hosts may speak for a MAC in a segment.
    Location(u32, Mac),
    /// Where packets for an address in a segment go.
    Endpoint(u32, Ipv4Addr),
}

/// One entry of a host's desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// See [`EntryKey::Instance`].
    Instance(InstanceSpec),
    /// See [`EntryKey::Port`].
    Port(PortSpec),
    /// See [`EntryKey::Location`].
    Location(LocationSpec),
    /// See [`EntryKey::Endpoint`].
    Endpoint(EndpointSpec),
}

/// An instance that the host must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Which network namespace it is.
    pub namespace: Namespace,
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
    /// Its addresses, the primary one first; never empty.
    pub addresses: Vec<Ipv4Addr>,
    /// Prefix length of its subnet.
    pub prefix_len: u8,
    /// Its subnet's gateway.
    pub gateway: Ipv4Addr,
    /// The guest's MTU, in bytes of IP packet.
    pub mtu: u16,
    /// The guest's device name.
    pub device: String,
    /// Whether the guest's default route goes through it.
    pub default_route: bool,
    /// Whether it may send from addresses that are not its own.
    pub allow_ip_spoofing: bool,
    /// What it may do.
    pub mode: PortMode,
    /// The interface's generation that it realises.
    pub generation: u32,
}

/// Which hosts may speak for a MAC: tunnel packets from any other are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationSpec {
    /// The host where it lives; `None`: here, so never through a tunnel.
    pub vtep: Option<Ipv4Addr>,
    /// The other host that may speak for it while it is being moved.
    pub alt_vtep: Option<Ipv4Addr>,
}

/// Where packets for an address go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointSpec {
    /// A subnet's gateway: answered on this host.
    Gateway,
    /// An interface.
    Vni(VniEndpoint),
}

/// Where packets for an interface's address go, seen from one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryKey::Instance(id) => write!(f, "instance/{id}"),
            EntryKey::Port(id) => write!(f, "port/{id}"),
            EntryKey::Location(segment, mac) => write!(f, "location/{segment}/{mac}"),
            EntryKey::Endpoint(segment, address) => write!(f, "endpoint/{segment}/{address}"),
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
            "port/eni-attach-00000000000000001",
            "location/7/02:00:00:00:00:01",
            "endpoint/7/10.0.0.4",
        ];
        let parsed: Vec<EntryKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
        assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), keys);
        for bad in ["", "port", "port/x", "endpoint/7", "endpoint/x/10.0.0.4", "nothing/1"] {
            assert!(bad.parse::<EntryKey>().is_err(), "{bad}");
        }
    }
}
