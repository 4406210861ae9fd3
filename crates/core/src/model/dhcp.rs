//! What guests are told beside their addresses: by DHCP, and by router advertisements.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};
use crate::id::DhcpOptionSetId;

/// What a VPC's guests are told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOptions {
    /// Name servers, the first asked first.
    pub dns: Vec<IpAddr>,
    /// Domain name.
    pub domain: Option<String>,
    /// Time servers.
    pub ntp: Vec<IpAddr>,
    /// NetBIOS name servers (RFC 2132, 8.5).
    #[serde(default)]
    pub netbios: Vec<Ipv4Addr>,
    /// NetBIOS node type: 1, 2, 4 or 8 (RFC 2132, 8.7).
    #[serde(default)]
    pub netbios_node: Option<u8>,
}

/// A set of such options that VPCs can have in common. It never changes, so what it says is copied to whoever takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOptionSet {
    /// Its id.
    pub id: DhcpOptionSetId,
    /// Whose it is.
    pub owner: Owner,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether the provider's own name server is among the name servers (EC2's `AmazonProvidedDNS`). There is none to tell
    /// guests of, so it is said in answers only.
    pub provided_dns: bool,
    /// What guests are told.
    pub options: DhcpOptions,
}
