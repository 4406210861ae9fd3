//! Instances.

use std::path::PathBuf;

use clap::{Subcommand, value_parser};

use super::reference::reference;

/// `pintle instance …`.
#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Create an instance: a network namespace that Pintle makes, one that exists, or a virtual machine.
    #[command(after_help = "Examples:
  pintle instance create --vpc prod --name web-1
  pintle instance create --vpc prod --host node-1 --name app --pid 4711
  pintle instance create --vpc prod --host node-1 --name db --netns /run/netns/db --vni db-nic
  pintle instance create --vpc prod --host node-1 --name vm-1 --tap --tap-owner 1000 --vni vm-nic

With --tap each interface is a tap on the host, named in 'pintle instance get'. Its emulator opens
it for whole frames behind a virtio header (IFF_TAP, IFF_NO_PI, IFF_VNET_HDR), as QEMU and
Firecracker do. The machine gets its address by DHCP.")]
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
        /// Adopt the network namespace at this path of the host.
        #[arg(long, conflicts_with = "pid", value_name = "PATH")]
        netns: Option<PathBuf>,
        /// Adopt the network namespace of this process of the host.
        #[arg(long, value_parser = value_parser!(u32).range(1..))]
        pid: Option<u32>,
        /// It is a virtual machine: its interfaces are taps, for its emulator to open.
        #[arg(long, conflicts_with_all = ["netns", "pid"])]
        tap: bool,
        /// The user who may open the taps, by number [default: root].
        #[arg(long, requires = "tap", value_name = "UID")]
        tap_owner: Option<u32>,
        /// An interface that becomes its primary one, for as long as it exists.
        #[arg(long, value_parser = reference)]
        vni: Option<String>,
        /// Do not wait until its host has made it.
        #[arg(long)]
        no_wait: bool,
    },
    /// List instances.
    List,
    /// Show an instance.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        instance: String,
    },
    /// Delete an instance; interfaces without auto-delete stay.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        instance: String,
    },
    /// Start a stopped instance; its attachments take effect.
    Start {
        /// Its id or name.
        #[arg(value_parser = reference)]
        instance: String,
    },
    /// Stop an instance; its attachments stay and wait.
    Stop {
        /// Its id or name.
        #[arg(value_parser = reference)]
        instance: String,
    },
    /// Run a command in an instance's network namespace. Run it on the instance's host, as root.
    #[command(after_help = "Examples:
  pintle instance exec web-1 -- ping -c 3 10.0.1.1
  pintle instance exec web-1 -- bash

The exit code is the command's; 127 if there is no such command, 126 if it can't be run.")]
    Exec {
        /// Its id or name.
        #[arg(value_parser = reference)]
        instance: String,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true)]
        command: Vec<String>,
    },
}
