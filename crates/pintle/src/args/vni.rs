//! Interfaces.

use std::net::Ipv4Addr;

use clap::Subcommand;

use super::reference::reference;

/// `pintle vni …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VniCommand {
    /// Create an interface.
    #[command(
        after_help = "Example:\n  pintle vni create --subnet apps --name web --address 10.0.1.10 --secondary 10.0.1.11"
    )]
    Create {
        /// The subnet's id or name.
        #[arg(long, value_parser = reference)]
        subnet: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// Its primary address [default: any free one].
        #[arg(long)]
        address: Option<Ipv4Addr>,
        /// A secondary address; may be given several times.
        #[arg(long, value_name = "ADDRESS")]
        secondary: Vec<Ipv4Addr>,
        /// Let it send from addresses that are not its own.
        #[arg(long)]
        allow_ip_spoofing: bool,
    },
    /// List interfaces, with where they are.
    List,
    /// Show an interface.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Delete an interface that is not attached.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Attach an interface to an instance, and wait until it works.
    #[command(after_help = "Example:\n  pintle vni attach web --instance web-1")]
    Attach {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// The instance's id or name.
        #[arg(long, value_parser = reference)]
        instance: String,
    },
    /// Detach an interface from whatever it is attached to, and wait until it is.
    #[command(after_help = "Examples:
  pintle vni detach web
  pintle vni detach web --force    when its host is gone")]
    Detach {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// Do not wait for its host, which may be gone; all other hosts refuse it from then on.
        #[arg(long)]
        force: bool,
    },
    /// Move an interface to another instance, on the same or another host, with its addresses and MAC.
    #[command(after_help = "Example:\n  pintle vni move web --to web-2")]
    Move {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// The instance's id or name.
        #[arg(long, value_name = "INSTANCE", value_parser = reference)]
        to: String,
    },
}
