//! What an operator can set.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use crate::http::Rates;
use ipnet::Ipv6Net;
use pintle_core::model::{DEFAULT_REGION, Region};

/// Where the API listens unless told otherwise: on this machine only.
pub const DEFAULT_API: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7480);
/// Where agents connect unless told otherwise: on this machine only.
pub const DEFAULT_AGENTS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7481);
/// The zone of the region of a server that was told of none; a host is in it unless told otherwise.
pub const DEFAULT_ZONE: &str = "local-1";

/// How many connections the API takes unless told otherwise.
pub const DEFAULT_API_CONNECTIONS: usize = 4096;

/// A server's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything that must survive lies; made if it does not exist, and closed to others (mode 0700). One that others
    /// may enter and that holds something else is refused.
    pub data_dir: PathBuf,
    /// Where the API listens. Port 0 takes a free one.
    pub api: SocketAddr,
    /// How many connections the API takes at once; others are closed.
    pub api_connections: usize,
    /// Where agents connect. Port 0 takes a free one.
    pub agents: SocketAddr,
    /// A socket that listens for agents already, in whatever network it was made; then `agents` is not used.
    pub agent_listener: Option<Arc<TcpListener>>,
    /// The regions with their zones, not empty. Who names no region means the first one, which also has every zone that
    /// none of them names.
    pub regions: Vec<Region>,
    /// The range, a /8 to /56, that IPv6 blocks for VPCs come from which clients leave to the server; without it any unique
    /// local addresses (RFC 4193), which the public network does not know.
    pub ipv6_range: Option<Ipv6Net>,
    /// Whether the audit log notes who lists and reads interfaces, not only who changes things.
    pub audit_reads: bool,
    /// How fast one account may go with the EC2 API.
    pub rates: Rates,
    /// What links in answers begin with, when clients reach the API by another address than `api`; without a slash at the
    /// end.
    pub base_url: Option<String>,
}

impl Config {
    /// The defaults, with this data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Config {
            data_dir: data_dir.into(),
            api: DEFAULT_API,
            api_connections: DEFAULT_API_CONNECTIONS,
            agents: DEFAULT_AGENTS,
            agent_listener: None,
            regions: vec![Region { name: DEFAULT_REGION.to_owned(), zones: vec![DEFAULT_ZONE.to_owned()] }],
            ipv6_range: None,
            audit_reads: true,
            rates: Rates::default(),
            base_url: None,
        }
    }
}
