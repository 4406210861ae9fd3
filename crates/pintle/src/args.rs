//! The command line: what may be said, and its help with examples.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::Ipv4Net;

/// Virtual network interfaces for your own Linux hosts.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) log: LogArguments,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  pintle up --demo                                  everything on this machine, with a small network to try
  pintle vpc create --name prod
  pintle subnet create --vpc prod --zone local-1 --cidr 10.0.1.0/24 --name apps
  pintle vni create --subnet apps --name web --address 10.0.1.10
  pintle instance create --vpc prod --host node-1 --name web-1
  pintle vni attach web --instance web-1
  pintle vni move web --to web-2
  pintle instance exec web-2 -- ip address";

/// What is logged.
#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// What to log: error, warn, info, debug, trace, or filters such as 'pintle_agent=debug,info'.
    #[arg(long, global = true, env = "PINTLE_LOG", default_value = "warn,pintle_server=info,pintle_agent=info")]
    pub(crate) log: String,
    /// Log as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
}

/// How the server is reached, and how answers are shown.
#[derive(Debug, Args)]
pub(crate) struct ClientArguments {
    /// The server's API.
    #[arg(long, global = true, env = "PINTLE_URL", default_value = "http://127.0.0.1:7480")]
    pub(crate) url: String,
    /// File that holds the API token [default: the server's own, <data-dir>/token].
    #[arg(long, global = true, env = "PINTLE_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How to show the answer.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for a person.
    Table,
    /// The API's own JSON.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run server and agent in one process.
    Up(UpArguments),
    /// Run the control plane.
    Server(ServerArguments),
    /// Run the host agent.
    Agent(AgentArguments),
    /// Virtual private clouds: isolated address spaces.
    #[command(subcommand)]
    Vpc(VpcCommand),
    /// Subnets: ranges of a VPC's addresses in one zone.
    #[command(subcommand)]
    Subnet(SubnetCommand),
    /// Virtual network interfaces.
    #[command(subcommand)]
    Vni(VniCommand),
    /// Instances: the servers that interfaces are attached to.
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Hosts: the machines that run an agent.
    #[command(subcommand)]
    Host(HostCommand),
    /// Is everything well: server, hosts, interfaces.
    Status,
    /// Which kernel feature or privilege is missing here, and how to get it.
    Doctor,
    /// Completion for your shell: 'pintle completion bash > /etc/bash_completion.d/pintle'.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `pintle server`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArguments {
    /// Where the store, keys and tokens are.
    #[arg(long, env = "PINTLE_DATA_DIR", default_value = "/var/lib/pintle")]
    pub(crate) data_dir: PathBuf,
    /// Where the API listens. An address that is not loopback can be reached by others: the token is then all that protects it.
    #[arg(long, default_value = "127.0.0.1:7480")]
    pub(crate) listen: SocketAddr,
    /// Where agents connect (mutual TLS).
    #[arg(long, default_value = "127.0.0.1:7481")]
    pub(crate) agent_listen: SocketAddr,
    /// The region's name in the API.
    #[arg(long, default_value = "local")]
    pub(crate) region: String,
}

/// `pintle agent`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentArguments {
    /// The server, as host:port of its agent listener.
    #[arg(long, default_value = "127.0.0.1:7481")]
    pub(crate) server: String,
    /// The join token, or the path of a file that holds it; needed the first time.
    #[arg(long, env = "PINTLE_JOIN")]
    pub(crate) join: Option<String>,
    /// Where this host's identity is.
    #[arg(long, env = "PINTLE_AGENT_DIR", default_value = "/var/lib/pintle-agent")]
    pub(crate) agent_dir: PathBuf,
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// Remove everything that this host's agent has made (devices, programs, namespaces), and end.
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
    #[arg(long)]
    pub(crate) vtep: Option<Ipv4Addr>,
    /// UDP port of the overlay (RFC 7348); the same on all hosts.
    #[arg(long, default_value_t = 4789)]
    pub(crate) vxlan_port: u16,
}

/// `pintle up`.
#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// Two hosts and a small network as namespaces on this machine, with an interface that moves under live traffic.
    /// Keeps nothing: all of it is in a temporary folder and is removed at the end.
    #[arg(long)]
    pub(crate) demo: bool,
    /// With --demo: end after the measurements, with exit code 0 if all held.
    #[arg(long, requires = "demo")]
    pub(crate) exit: bool,
    /// With --demo: how many moves to measure.
    #[arg(long, requires = "demo", default_value_t = 100)]
    pub(crate) moves: u32,
}

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
        vpc: String,
    },
    /// Delete a VPC that is empty.
    Delete {
        /// Its id or name.
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
        #[arg(long)]
        vpc: String,
        /// Its zone.
        #[arg(long, default_value = "local-1")]
        zone: String,
        /// Its range.
        #[arg(long)]
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
        subnet: String,
    },
    /// Delete a subnet that nobody has an address in.
    Delete {
        /// Its id or name.
        subnet: String,
    },
}

/// `pintle vni …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VniCommand {
    /// Create an interface.
    #[command(
        after_help = "Example:\n  pintle vni create --subnet apps --name web --address 10.0.1.10 --secondary 10.0.1.11"
    )]
    Create {
        /// The subnet's id or name.
        #[arg(long)]
        subnet: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// Its primary address [default: any free one].
        #[arg(long)]
        address: Option<Ipv4Addr>,
        /// A secondary address; may be given several times.
        #[arg(long)]
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
        vni: String,
    },
    /// Delete an interface that is not attached.
    Delete {
        /// Its id or name.
        vni: String,
    },
    /// Attach an interface to an instance.
    #[command(after_help = "Example:\n  pintle vni attach web --instance web-1")]
    Attach {
        /// Its id or name.
        vni: String,
        /// The instance's id or name.
        #[arg(long)]
        instance: String,
    },
    /// Detach an interface from whatever it is attached to.
    Detach {
        /// Its id or name.
        vni: String,
        /// Do not wait for its host, which may be gone; all other hosts refuse it from then on.
        #[arg(long)]
        force: bool,
    },
    /// Move an interface to another instance, on the same or another host, with its addresses and MAC.
    #[command(after_help = "Example:\n  pintle vni move web --to web-2")]
    Move {
        /// Its id or name.
        vni: String,
        /// The instance's id or name.
        #[arg(long)]
        to: String,
    },
}

/// `pintle instance …`.
#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Create an instance: a network namespace that Pintle makes, or one that exists.
    #[command(after_help = "Examples:
  pintle instance create --vpc prod --host node-1 --name web-1
  pintle instance create --vpc prod --host node-1 --name app --pid 4711
  pintle instance create --vpc prod --host node-1 --name db --netns /run/netns/db --vni db-nic")]
    Create {
        /// The VPC's id or name.
        #[arg(long)]
        vpc: String,
        /// The host's id or name [default: the least used of the zone].
        #[arg(long)]
        host: Option<String>,
        /// The zone, when no host is named.
        #[arg(long)]
        zone: Option<String>,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// Adopt the network namespace at this path.
        #[arg(long, conflicts_with = "pid")]
        netns: Option<PathBuf>,
        /// Adopt the network namespace of this process.
        #[arg(long)]
        pid: Option<u32>,
        /// An interface that becomes its primary one, for as long as it exists.
        #[arg(long)]
        vni: Option<String>,
    },
    /// List instances.
    List,
    /// Show an instance.
    Get {
        /// Its id or name.
        instance: String,
    },
    /// Delete an instance; interfaces without auto-delete stay.
    Delete {
        /// Its id or name.
        instance: String,
    },
    /// Let a stopped instance run.
    Start {
        /// Its id or name.
        instance: String,
    },
    /// Let an instance rest; its attachments stay and wait.
    Stop {
        /// Its id or name.
        instance: String,
    },
    /// Run a command in an instance's network namespace, on its host.
    #[command(after_help = "Example:\n  pintle instance exec web-1 -- ping -c 3 10.0.1.1")]
    Exec {
        /// Its id or name.
        instance: String,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true)]
        command: Vec<String>,
    },
}

/// `pintle host …`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Say what to run on a machine so that it joins as a host.
    Create(JoinHelp),
    /// List hosts.
    List,
    /// Show a host.
    Get {
        /// Its id or name.
        host: String,
    },
    /// Remove a host that has no instances.
    Delete {
        /// Its id or name.
        host: String,
    },
}

/// `pintle host create`.
#[derive(Debug, Args)]
pub(crate) struct JoinHelp {
    /// Where the server's data is, to read the join token from.
    #[arg(long, env = "PINTLE_DATA_DIR", default_value = "/var/lib/pintle")]
    pub(crate) data_dir: PathBuf,
    /// The address of the server that the new host can reach.
    #[arg(long, default_value = "SERVER:7481")]
    pub(crate) server: String,
    /// The new host's zone.
    #[arg(long, default_value = "local-1")]
    pub(crate) zone: String,
}
