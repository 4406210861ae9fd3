//! The audit log.

use std::path::PathBuf;

use clap::{Args, Subcommand, value_parser};

/// `pintle audit`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  pintle audit
  pintle audit --target eni-0d3f00000000000a1
  pintle audit --action vni.quarantine    or a whole kind: --action vni
  pintle audit --alerts
  pintle audit -o json
  pintle audit verify
  pintle audit timeline web

One record for each change, for each one that was refused, and for each look at interfaces, the newest first."
)]
pub(crate) struct AuditArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    /// Only records about this, by id.
    #[arg(long, value_name = "ID", value_parser = plain)]
    pub(crate) target: Option<String>,
    /// Only this action (vni.flush), or all actions on a kind (vni).
    #[arg(long, value_parser = plain)]
    pub(crate) action: Option<String>,
    /// Only what somebody should be told of: that interfaces may send from foreign addresses was set.
    #[arg(long)]
    pub(crate) alerts: bool,
    /// The most records to show.
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
}

/// What else can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show what happened to an interface, and to the rules of the security groups that it has now, the oldest first.
    #[command(
        after_help = "Examples:\n  pintle audit timeline web\n  pintle audit timeline eni-0d3f00000000000a1 -o json"
    )]
    Timeline {
        /// Its id or name; of one that is gone, its id.
        vni: String,
    },
    /// Check that no record was changed, removed or moved; exit code 1 if one was.
    #[command(after_help = "Examples:
  pintle audit verify                       the server's log, with its end
  pintle audit verify --file audit.log      a copy, without a server

A copy whose last records were cut off is whole: compare the number and hash of its last record with what you noted.")]
    Verify {
        /// Check this file, without a server.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

/// Text that can stand in a query as it is: ids and actions.
fn plain(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("letters, digits, '-', '.' and '_' only".to_owned()) }
}
