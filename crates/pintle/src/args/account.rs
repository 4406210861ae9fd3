//! Arguments of `pintle account`.

use clap::Subcommand;

/// `pintle account …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account.
    #[command(
        after_help = "Example:\n  pintle account create --name team-a\n  pintle access-key create --account <its id>"
    )]
    Create {
        /// Its id, 12 digits [default: drawn].
        #[arg(long)]
        id: Option<String>,
        /// Its name, unique among accounts [default: made up].
        #[arg(long)]
        name: Option<String>,
    },
    /// List accounts.
    List,
}
