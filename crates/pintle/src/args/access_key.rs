//! Arguments of `pintle access-key`.

use clap::Subcommand;

/// `pintle access-key …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessKeyCommand {
    /// Create an access key and print the environment that the AWS CLI wants; the secret is shown this once.
    #[command(after_help = "Example:\n  eval \"$(pintle access-key create)\"\n  aws sts get-caller-identity")]
    Create {
        /// Its id, 20 characters of A-Z and 0-9 [default: drawn].
        #[arg(long)]
        id: Option<String>,
        /// Its secret, 40 characters [default: drawn].
        #[arg(long)]
        secret: Option<String>,
        /// The account that acts with it, 12 digits [default: the first account, 123456789012].
        #[arg(long)]
        account: Option<String>,
    },
    /// List access keys, without their secrets.
    List,
    /// Delete an access key: its requests are refused from then on.
    Delete {
        /// Its id.
        id: String,
    },
}
