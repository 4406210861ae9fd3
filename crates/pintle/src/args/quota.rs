//! Arguments of `pintle quota`.

use clap::Subcommand;

/// `pintle quota …`.
#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Show how many of each thing an account may have.
    List {
        /// The account, 12 digits [default: the first account].
        #[arg(long, default_value = "123456789012", hide_default_value = true)]
        account: String,
    },
    /// Give an account another limit; what it has already stays.
    #[command(after_help = "Examples:\n  pintle quota set vpcs 20\n  pintle quota set network-interfaces default")]
    Set {
        /// The quota, such as `network-interfaces`.
        name: String,
        /// The limit, or 'default'.
        limit: String,
        /// The account, 12 digits [default: the first account].
        #[arg(long, default_value = "123456789012", hide_default_value = true)]
        account: String,
    },
}
