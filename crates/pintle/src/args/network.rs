//! VPCs, subnets and hosts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ipnet::Ipv4Net;

use super::reference::{cidr, reference};

/// `pintle vpc …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VpcCommand {
    /// Create a VPC.
    #[command(after_help = "Example:\n  pintle vpc create --name prod")]
    Create {
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
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
