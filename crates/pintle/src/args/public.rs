//! The way in from and out to the public network.

use std::net::Ipv4Addr;

use clap::Subcommand;
use ipnet::Ipv4Net;

use super::reference::{cidr, reference};

/// `pintle floating-ip …`.
#[derive(Debug, Subcommand)]
pub(crate) enum FloatingIpCommand {
    /// Allocate a public address, and let it lead to an interface if one is named.
    #[command(after_help = "Examples:
  pintle floating-ip create --vni web
  pintle floating-ip create --zone local-1 --name front")]
    Create {
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The zone, when no interface is named [default: local-1].
        #[arg(long, conflicts_with = "vni")]
        zone: Option<String>,
        /// This address of a pool [default: any free one].
        #[arg(long)]
        address: Option<Ipv4Addr>,
        /// The interface that it leads to, by id or name.
        #[arg(long, value_parser = reference)]
        vni: Option<String>,
        /// Which address of the interface [default: its primary one].
        #[arg(long, requires = "vni", value_name = "ADDRESS")]
        private_address: Option<Ipv4Addr>,
    },
    /// List floating IPs.
    List,
    /// Show a floating IP.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        ip: String,
    },
    /// Let a floating IP lead to an interface.
    #[command(after_help = "Example:\n  pintle floating-ip associate front --vni web --private-address 10.0.1.11")]
    Associate {
        /// Its id or name.
        #[arg(value_parser = reference)]
        ip: String,
        /// The interface's id or name.
        #[arg(long, value_parser = reference)]
        vni: String,
        /// Which address of the interface [default: its primary one].
        #[arg(long, value_name = "ADDRESS")]
        private_address: Option<Ipv4Addr>,
        /// Take it away from wherever it leads now.
        #[arg(long)]
        reassociate: bool,
    },
    /// Let a floating IP lead nowhere.
    Disassociate {
        /// Its id or name.
        #[arg(value_parser = reference)]
        ip: String,
    },
    /// Give a floating IP back.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        ip: String,
    },
}

/// `pintle public-pool …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PublicPoolCommand {
    /// Say which public addresses are routed to a zone's hosts.
    #[command(after_help = "Example:\n  pintle public-pool create --zone local-1 --cidr 203.0.113.0/28")]
    Create {
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The zone.
        #[arg(long, default_value = "local-1")]
        zone: String,
        /// A range; may be given several times.
        #[arg(long = "cidr", required = true, value_parser = cidr)]
        cidrs: Vec<Ipv4Net>,
    },
    /// List pools.
    List,
    /// Delete a pool of which no address is in use.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        pool: String,
    },
}

/// `pintle public-gateway …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PublicGatewayCommand {
    /// Create the way out for a VPC's interfaces of a zone that have no floating IP. 'pintle subnet set --public-gateway' puts it to use.
    #[command(after_help = "Example:
  pintle public-gateway create --vpc prod --name out
  pintle subnet set apps --public-gateway out")]
    Create {
        /// The VPC's id or name.
        #[arg(long, value_parser = reference)]
        vpc: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The zone.
        #[arg(long, default_value = "local-1")]
        zone: String,
        /// The floating IP that it translates to, by id or name [default: one is allocated, and goes with it].
        #[arg(long, value_name = "IP", value_parser = reference)]
        floating_ip: Option<String>,
        /// The host that translates, by id or name [default: one with an uplink].
        #[arg(long, value_parser = reference)]
        host: Option<String>,
    },
    /// List public gateways.
    List,
    /// Delete a public gateway that no subnet uses.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        gateway: String,
    },
}
