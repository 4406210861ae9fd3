//! VPCs, subnets and hosts.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::{Ipv4Net, Ipv6Net};

use super::reference::{cidr, reference};
use super::vni::Switch;

/// `pintle vpc …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VpcCommand {
    /// Create a VPC.
    #[command(after_help = "Examples:
  pintle vpc create --name prod
  pintle vpc create --name dual --ipv6 2001:db8:1::/48 --dns 10.0.0.2")]
    Create {
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// An IPv6 range that its subnets' ranges are taken from; may be given several times.
        #[arg(long, value_name = "RANGE")]
        ipv6: Vec<Ipv6Net>,
        /// A name server that its guests are told of; may be given several times.
        #[arg(long, value_name = "ADDRESS")]
        dns: Vec<IpAddr>,
        /// The domain name that its guests are told.
        #[arg(long)]
        domain: Option<String>,
    },
    /// List VPCs.
    List,
    /// Show a VPC.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vpc: String,
    },
    /// Delete a VPC that has no subnets.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vpc: String,
    },
}

/// `pintle subnet …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SubnetCommand {
    /// Create a subnet.
    #[command(after_help = "Example:\n  pintle subnet create --vpc prod --zone local-1 --cidr 10.0.1.0/24 --name apps")]
    Create {
        /// The VPC's id or name.
        #[arg(long, value_parser = reference)]
        vpc: String,
        /// Its zone.
        #[arg(long, default_value = "local-1")]
        zone: String,
        /// Its range.
        #[arg(long, value_parser = cidr)]
        cidr: Ipv4Net,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// Its IPv6 range, a /64 of the VPC's, or 'auto' for a free one [default: no IPv6].
        #[arg(long, value_name = "RANGE|auto")]
        ipv6: Option<String>,
        /// Its network ACL, by id or name [default: the VPC's default one].
        #[arg(long, value_parser = reference)]
        acl: Option<String>,
    },
    /// Change a subnet; takes effect at once for its interfaces.
    #[command(after_help = "Examples:
  pintle subnet set apps --acl edge
  pintle subnet set apps --ipv6 auto --auto-assign-ipv6 on
  pintle subnet set apps --public-gateway out")]
    Set {
        /// Its id or name.
        #[arg(value_parser = reference)]
        subnet: String,
        /// Its new name.
        #[arg(long)]
        name: Option<String>,
        /// Its IPv6 range, 'auto' for a free one, or 'none'.
        #[arg(long, value_name = "RANGE|auto|none")]
        ipv6: Option<String>,
        /// How guests that ask get their IPv6 addresses.
        #[arg(long, value_name = "HOW", value_parser = ["dhcpv6", "slaac"])]
        ipv6_assignment: Option<String>,
        /// Whether new interfaces get an IPv6 address without being asked.
        #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
        auto_assign_ipv6: Option<Switch>,
        /// Its network ACL, by id or name.
        #[arg(long, value_parser = reference)]
        acl: Option<String>,
        /// Its public gateway, by id or name, or 'none'.
        #[arg(long, value_name = "GATEWAY|none", value_parser = reference)]
        public_gateway: Option<String>,
    },
    /// List subnets.
    List,
    /// Show a subnet.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        subnet: String,
    },
    /// Delete a subnet that nobody has an address in.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        subnet: String,
    },
}

/// `pintle host …`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Say what to run on a machine so that it joins as a host. Run it on the server.
    #[command(after_help = "Example:\n  pintle host create --server 192.0.2.1:7481")]
    Create(JoinHelp),
    /// List hosts.
    List,
    /// Show a host.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        host: String,
    },
    /// Delete a host that has no instances.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        host: String,
    },
}

/// `pintle host create`.
#[derive(Debug, Args)]
pub(crate) struct JoinHelp {
    /// Where the server's data is, to read the join token from [default: that of the server on this machine].
    #[arg(long, env = "PINTLE_DATA_DIR", hide_env_values = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The server's --agent-listen, as the new host reaches it.
    #[arg(long, default_value = "SERVER:7481", value_name = "HOST:PORT")]
    pub(crate) server: String,
    /// The new host's zone.
    #[arg(long, default_value = "local-1")]
    pub(crate) zone: String,
}
