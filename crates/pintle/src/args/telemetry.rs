//! What the data plane does at this moment.

use std::net::IpAddr;

use clap::{Args, value_parser};

use super::reference::{endpoint, reference};

/// `pintle explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle explain web db tcp/5432
  pintle explain web 10.0.2.7                   ICMP echo
  pintle explain web db udp/53 --source-port 5353

Nothing is sent: the packet is followed through the reference model, from what hosts should have, and through the programs
in the kernels, from what they hold. The packet is the first of a connection, unless it belongs to one that is there.")]
pub(crate) struct ExplainArguments {
    /// The interface that sends, by id or name.
    #[arg(value_parser = reference)]
    pub(crate) source: String,
    /// The interface that it is for, by id or name, or an address.
    #[arg(value_parser = endpoint)]
    pub(crate) destination: String,
    /// tcp/PORT, udp/PORT, icmp[/TYPE[/CODE]] or protocol/NUMBER [default: ICMP echo].
    pub(crate) protocol: Option<String>,
    /// Which of the sender's addresses [default: its primary one].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<IpAddr>,
    /// The source port [default: one of 49152 to 65535].
    #[arg(long, value_name = "PORT")]
    pub(crate) source_port: Option<u16>,
}

/// `pintle flows`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle flows web
  pintle flows --host node-1 --limit 10    the ten busiest of a host, and who has how many")]
pub(crate) struct FlowsArguments {
    /// Only those of this interface, by id or name [default: of all].
    #[arg(value_parser = reference, conflicts_with = "host")]
    pub(crate) vni: Option<String>,
    /// Only those of this host, by id or name.
    #[arg(long, value_parser = reference)]
    pub(crate) host: Option<String>,
    /// The most to show of each host, the busiest first.
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

/// `pintle drops`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle drops
  pintle drops web")]
pub(crate) struct DropsArguments {
    /// Only those at this interface, by id or name [default: all].
    #[arg(value_parser = reference, conflicts_with = "host")]
    pub(crate) vni: Option<String>,
    /// Only those of this host, by id or name.
    #[arg(long, value_parser = reference)]
    pub(crate) host: Option<String>,
}
