//! The command line: what may be said, and its help with examples.

mod access_key;
mod account;
mod api_key;
mod audit;
mod bare_metal;
mod instance;
mod network;
mod policy;
mod public;
mod quota;
mod reference;
mod serve;
mod share;
mod telemetry;
mod vni;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

pub(crate) use access_key::AccessKeyCommand;
pub(crate) use account::AccountCommand;
pub(crate) use api_key::{ApiKeyCommand, PolicyCommand};
pub(crate) use audit::{AuditArguments, AuditCommand};
pub(crate) use bare_metal::BareMetalCommand;
pub(crate) use instance::InstanceCommand;
pub(crate) use network::{HostCommand, JoinHelp, SubnetCommand, VpcCommand};
pub(crate) use policy::{AclCommand, GroupCommand, PrefixListCommand};
pub(crate) use public::{FloatingIpCommand, PublicGatewayCommand, PublicPoolCommand};
pub(crate) use quota::QuotaCommand;
pub(crate) use serve::{AgentArguments, HostArguments, ServerArguments, UpArguments};
pub(crate) use share::ShareCommand;
pub(crate) use telemetry::{DropsArguments, ExplainArguments, FlowsArguments};
pub(crate) use vni::{Switch, VniCommand, VniGroupsCommand, VniIpCommand};

/// Virtual network interfaces for your own Linux hosts.
#[derive(Debug, Parser)]
#[command(name = "pintle", version, after_help = EXAMPLES, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) log: LogArguments,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  pintle doctor                                 can this machine run Pintle?
  pintle up --demo                              a small network to try, removed at the end
  pintle up                                     server and agent on this machine
  pintle vpc create --name prod
  pintle subnet create --vpc prod --cidr 10.0.1.0/24 --name apps
  pintle vni create --subnet apps --name web --address 10.0.1.10
  pintle instance create --vpc prod --name web-1
  pintle vni attach web --instance web-1
  pintle vni move web --to web-2
  pintle group add-rule default 'tcp/22 from 10.0.0.0/8'
  pintle explain web db tcp/5432
  pintle instance exec web-2 -- ip address";

/// What is logged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log options")]
pub(crate) struct LogArguments {
    /// What to log to standard error: error, warn, info (with every API request), debug, trace, or filters such as
    /// 'pintle_agent=debug,info' [default: info without API requests; warn for clients; error for the demo].
    #[arg(long, global = true, env = "PINTLE_LOG", hide_env_values = true, value_name = "FILTER", value_parser = filter)]
    pub(crate) log: Option<String>,
    /// Log as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
}

/// How the server is reached, and how answers are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Client options")]
pub(crate) struct ClientArguments {
    /// The server's API.
    #[arg(long, global = true, env = "PINTLE_URL", hide_env_values = true, default_value = "http://127.0.0.1:7480")]
    pub(crate) url: String,
    /// File that holds the API token [default: that of the server on this machine].
    #[arg(long, global = true, env = "PINTLE_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// File that holds the secret of an API key, to act as its account instead of as the operator.
    #[arg(long, global = true, env = "PINTLE_API_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// How to show the answer: columns for a person, or the API's own JSON.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// How an answer is shown.
// Not doc comments on the variants: clap would then spread every help text over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
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
    /// Virtual network interfaces: create, attach, move, detach.
    #[command(subcommand)]
    Vni(VniCommand),
    /// Security groups: which packets interfaces may send and get.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Network ACLs: ordered rules at a subnet's border, without memory of connections.
    #[command(subcommand)]
    Acl(AclCommand),
    /// Prefix lists: networks that rules call by one name.
    #[command(subcommand)]
    PrefixList(PrefixListCommand),
    /// Floating IPs: public addresses that lead to interfaces.
    #[command(subcommand)]
    FloatingIp(FloatingIpCommand),
    /// Public gateways: the way out for interfaces without a floating IP.
    #[command(subcommand)]
    PublicGateway(PublicGatewayCommand),
    /// Public pools: the addresses that floating IPs come from.
    #[command(subcommand)]
    PublicPool(PublicPoolCommand),
    /// Instances: the servers that interfaces are attached to.
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Shares: files that instances reach over NFS, at the addresses of interfaces.
    #[command(subcommand)]
    Share(ShareCommand),
    /// Bare metal servers: their network cards, and VLANs of them, are what interfaces are attached to.
    #[command(subcommand)]
    BareMetal(BareMetalCommand),
    /// Accounts: tenants, whose things are theirs alone.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Access keys: what clients of the EC2 API sign with.
    #[command(subcommand)]
    AccessKey(AccessKeyCommand),
    /// API keys: what clients of IBM's API get their tokens with.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Policies: what access keys and API keys may do.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Quotas: how many of each thing an account may have.
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// Hosts: the machines that run an agent.
    #[command(subcommand)]
    Host(HostCommand),
    /// Say what becomes of a packet and why, stage by stage, without sending one.
    Explain(ExplainArguments),
    /// Show the connections that are alive, the busiest first.
    Flows(FlowsArguments),
    /// Show what was dropped, where and why.
    Drops(DropsArguments),
    /// Show who asked for what and what came of it.
    Audit(AuditArguments),
    /// Show whether server and hosts are well; exit code 1 if not.
    #[command(
        after_help = "Examples:\n  pintle status\n  pintle status -o json    for a monitor: 'well' is true or false"
    )]
    Status,
    /// Say what is permitted and better were not: ports open to the world, routers that anybody reaches; exit code 1 if any.
    #[command(after_help = "Example:\n  pintle lint")]
    Lint,
    /// Check whether this machine can run Pintle, and say how to get what is missing.
    #[command(after_help = "Example:\n  sudo pintle doctor")]
    Doctor,
    /// Print the completion script of a shell.
    #[command(after_help = "Examples:
  source <(pintle completion bash)                             for this shell
  pintle completion bash > /etc/bash_completion.d/pintle       for all users")]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the process's command line; on a wrong one, or after help, ends the process.
pub(crate) fn parse() -> Arguments {
    let matches = definition().get_matches();
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The definition, with the options that mean nothing to a subcommand left out of its help.
pub(crate) fn definition() -> clap::Command {
    const LOG: &[&str] = &["log", "log_json"];
    const CLIENT: &[&str] = &["url", "token_file", "api_key_file", "output"];
    let mut command = Arguments::command();
    // Global options reach the subcommands when the definition is built.
    command.build();
    for (subcommand, needless) in [
        ("up", &[CLIENT][..]),
        ("server", &[CLIENT]),
        ("agent", &[CLIENT]),
        ("vpc", &[LOG]),
        ("subnet", &[LOG]),
        ("vni", &[LOG]),
        ("group", &[LOG]),
        ("acl", &[LOG]),
        ("prefix-list", &[LOG]),
        ("floating-ip", &[LOG]),
        ("public-gateway", &[LOG]),
        ("public-pool", &[LOG]),
        ("explain", &[LOG]),
        ("flows", &[LOG]),
        ("drops", &[LOG]),
        ("audit", &[LOG]),
        ("instance", &[LOG]),
        ("share", &[LOG]),
        ("account", &[LOG]),
        ("access-key", &[LOG]),
        ("api-key", &[LOG]),
        ("policy", &[LOG]),
        ("host", &[LOG]),
        ("status", &[LOG]),
        ("lint", &[LOG]),
        ("doctor", &[LOG, &["url", "token_file", "api_key_file"]]),
        ("completion", &[LOG, CLIENT]),
    ] {
        command = command.mut_subcommand(subcommand, |command| without(command, &needless.concat()));
    }
    command
}

/// A subcommand whose help, and that of its own subcommands, does not show some options.
fn without(command: clap::Command, options: &[&str]) -> clap::Command {
    let children: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| if options.contains(&arg.get_id().as_str()) { arg.hide(true) } else { arg });
    children.into_iter().fold(command, |command, child| command.mut_subcommand(child, |child| without(child, options)))
}

/// A log filter, checked here so that a wrong one is a usage error.
fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
