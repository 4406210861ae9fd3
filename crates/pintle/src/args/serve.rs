//! The long-running subcommands: `up`, `server`, `agent`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, value_parser};
use ipnet::Ipv6Net;
use pintle_server::Region;

/// `pintle server`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  pintle server --agent-listen 192.0.2.1:7481    agents of other machines connect there")]
pub(crate) struct ServerArguments {
    /// Where the store, keys and tokens are.
    #[arg(
        long,
        env = "PINTLE_DATA_DIR",
        hide_env_values = true,
        default_value = "/var/lib/pintle",
        value_name = "DIR"
    )]
    pub(crate) data_dir: PathBuf,
    /// Where the API listens [default: 127.0.0.1:7480]. Whoever reaches the address needs only the token.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The most connections that the API takes at once; others are closed.
    #[arg(long, default_value_t = 4096, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) api_connections: u32,
    /// Whether the audit log notes who lists and reads interfaces, not only who changes things: 'on' or 'off'.
    #[arg(long, env = "PINTLE_AUDIT_READS", hide_env_values = true, value_enum, default_value_t = super::Switch::On)]
    pub(crate) audit_reads: super::Switch,
    /// Where agents connect (mutual TLS).
    #[arg(long, default_value = "127.0.0.1:7481", value_name = "ADDRESS:PORT")]
    pub(crate) agent_listen: SocketAddr,
    /// A region and its zones; repeatable. Who names no region means the first one, which also has every zone that none of
    /// them names.
    #[arg(long = "region", default_value = "local=local-1", value_name = "NAME[=ZONE,...]", value_parser = region)]
    pub(crate) regions: Vec<Region>,
    /// Where IPv6 blocks for VPCs come from that clients leave to the server, a /8 to /56 [default: unique local addresses].
    #[arg(long, value_name = "RANGE")]
    pub(crate) ipv6_range: Option<Ipv6Net>,
}

/// `pintle agent`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  pintle agent --server 192.0.2.1:7481 --join ./join-token    the first time
  pintle agent --server 192.0.2.1:7481                        from then on
  pintle agent --purge                                        remove all that the agent has made here")]
pub(crate) struct AgentArguments {
    /// The server's listener for agents.
    #[arg(long, default_value = "127.0.0.1:7481", value_name = "HOST:PORT")]
    pub(crate) server: String,
    /// The join token, or better, as others see command lines, a file that holds it; needed the first time.
    #[arg(long, env = "PINTLE_JOIN", hide_env_values = true, value_name = "TOKEN|FILE")]
    pub(crate) join: Option<String>,
    /// Where this host's identity is; for 'pintle up' it is in 'agent' below the server's --data-dir.
    #[arg(
        long,
        env = "PINTLE_AGENT_DIR",
        hide_env_values = true,
        default_value = "/var/lib/pintle-agent",
        value_name = "DIR"
    )]
    pub(crate) agent_dir: PathBuf,
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// Remove all that this host's agent has made (devices, programs, namespaces), and end. The agent must not run.
    #[arg(long)]
    pub(crate) purge: bool,
}

/// What a host says of itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct HostArguments {
    /// The host's name [default: the machine's].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The host's zone.
    #[arg(long, default_value = "local-1")]
    pub(crate) zone: String,
    /// The host's underlay address [default: that of the default route's device].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) vtep: Option<Ipv4Addr>,
    /// UDP port of the overlay (RFC 7348); the same on all hosts.
    #[arg(long, default_value_t = 4789, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) vxlan_port: u16,
    /// How many flows the host remembers; 256 bytes of memory each. Takes effect when no interface is attached.
    #[arg(long, default_value_t = 262_144, value_name = "COUNT", value_parser = value_parser!(u32).range(1024..=16_777_216))]
    pub(crate) max_flows: u32,
    /// How many of them one interface may open; others may open twice as many to it [default: an eighth of --max-flows].
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=16_777_216))]
    pub(crate) flows_per_interface: Option<u32>,
    /// Speed of the link to other hosts in kbit/s, which interfaces with a bandwidth limit share [default: never full].
    #[arg(long, value_name = "KBPS", value_parser = value_parser!(u64).range(1..=800_000_000))]
    pub(crate) link_kbps: Option<u64>,
    /// The device to the public network: floating IPs and public gateways are reached through it [default: none].
    #[arg(long, value_name = "DEVICE")]
    pub(crate) uplink: Option<String>,
}

/// `pintle up`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle up --demo           a small network to try; stays until Ctrl-C
  pintle up --demo --exit    the same, measured and ended; exit code 0 if all held
  pintle up                  this machine as server and host; data in /var/lib/pintle")]
pub(crate) struct UpArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// Make two hosts and a small network as namespaces of this machine, and move an interface under live traffic. Of the
    /// other options only --listen counts; nothing is kept.
    #[arg(long)]
    pub(crate) demo: bool,
    /// With --demo: end after the measurements, with exit code 0 if all held.
    #[arg(long, requires = "demo")]
    pub(crate) exit: bool,
    /// With --demo: how many moves to measure, 1 to 100000.
    #[arg(long, requires = "demo", default_value_t = 100, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) moves: u32,
}

/// Reads `NAME[=ZONE,…]`; what names may look like is the server's to say.
fn region(text: &str) -> Result<Region, String> {
    let (name, zones) = text.split_once('=').unwrap_or((text, ""));
    let zones: Vec<String> = zones.split(',').filter(|_| !zones.is_empty()).map(str::to_owned).collect();
    if name.is_empty() || zones.iter().any(String::is_empty) {
        return Err("expected NAME or NAME=ZONE,ZONE… without empty names".to_owned());
    }
    Ok(Region { name: name.to_owned(), zones })
}
