//! Bare metal servers.

use clap::Subcommand;

use super::reference::reference;

/// `pintle bare-metal …`.
#[derive(Debug, Subcommand)]
pub(crate) enum BareMetalCommand {
    /// Create a bare metal server with its first network card.
    #[command(after_help = "Example:
  pintle bare-metal create --vpc prod --name iron-1 --vni iron-nic --allow-vlan 10 --allow-vlan 20
  pintle vni attach web --instance iron-1 --vlan 10")]
    Create {
        /// The VPC's id or name.
        #[arg(long, value_parser = reference)]
        vpc: String,
        /// The host's id or name [default: the least used of the zone].
        #[arg(long, value_parser = reference)]
        host: Option<String>,
        /// The zone, when no host is named [default: local-1].
        #[arg(long, conflicts_with = "host")]
        zone: Option<String>,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The interface of its first card, for as long as it exists.
        #[arg(long, value_parser = reference)]
        vni: String,
        /// A VLAN that other interfaces may use on that card, 1 to 4094; may be given several times.
        #[arg(long = "allow-vlan", value_name = "VLAN")]
        allowed_vlans: Vec<u16>,
        /// Do not wait until its host has made it.
        #[arg(long)]
        no_wait: bool,
    },
    /// List bare metal servers.
    List,
    /// Show a bare metal server.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        server: String,
    },
    /// Delete a bare metal server; interfaces without auto-delete stay.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        server: String,
    },
    /// Start a stopped bare metal server; its attachments take effect.
    Start {
        /// Its id or name.
        #[arg(value_parser = reference)]
        server: String,
    },
    /// Stop a bare metal server; its attachments stay and wait, and cards may come and go.
    Stop {
        /// Its id or name.
        #[arg(value_parser = reference)]
        server: String,
    },
}
