//! File shares.

use std::net::IpAddr;

use clap::Subcommand;

use super::reference::reference;

/// `pintle share …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ShareCommand {
    /// Make a place for files on a host.
    #[command(after_help = "Examples:
  pintle share create --size 100 --name data
  pintle share create --size 100 --host host-1 --owner 1000:1000")]
    Create {
        /// Its size in gigabytes.
        #[arg(long, value_name = "GB")]
        size: u32,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The zone [default: the host's, or local-1].
        #[arg(long)]
        zone: Option<String>,
        /// The host that keeps the files, by id or name [default: one in the zone with room].
        #[arg(long, value_parser = reference)]
        host: Option<String>,
        /// The most operations per second [default: the fewest for its size].
        #[arg(long)]
        iops: Option<u32>,
        /// To whom the root directory belongs at first, as numbers.
        #[arg(long, value_name = "UID:GID", default_value = "0:0", value_parser = owner)]
        owner: (u32, u32),
    },
    /// List shares.
    List,
    /// Show a share and its mount targets.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        share: String,
    },
    /// Delete a share that has no mount target, with its files.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        share: String,
    },
    /// Serve a share in a VPC, at the address of an interface.
    #[command(after_help = "Examples:
  pintle share mount data --subnet apps --address 10.0.1.20
  pintle share mount data --vni files")]
    Mount {
        /// The share's id or name.
        #[arg(value_parser = reference)]
        share: String,
        /// At this interface, by id or name.
        #[arg(long, value_parser = reference, required_unless_present = "subnet", conflicts_with = "subnet")]
        vni: Option<String>,
        /// At a new interface in this subnet, by id or name; it goes with the mount target.
        #[arg(long, value_parser = reference)]
        subnet: Option<String>,
        /// The new interface's address [default: any free one].
        #[arg(long, requires = "subnet")]
        address: Option<IpAddr>,
        /// The mount target's name [default: made up].
        #[arg(long)]
        name: Option<String>,
    },
    /// Serve a share no longer at one of its mount targets.
    Unmount {
        /// The share's id or name.
        #[arg(value_parser = reference)]
        share: String,
        /// The mount target's id or name.
        #[arg(value_parser = reference)]
        target: String,
    },
}

fn owner(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    parts.ok_or_else(|| "not a user's and a group's number such as 1000:1000".to_owned())
}
