//! Arguments of `pintle api-key` and `pintle policy`.

use clap::Subcommand;
use pintle_core::model::{AccessRole, ResourceType};

/// `pintle api-key …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create an API key and print the environment that IBM's SDKs want; the secret is shown this once.
    #[command(after_help = "Examples:
  eval \"$(pintle api-key create --name ci)\"
  pintle api-key create --name watcher --role viewer
  pintle api-key create --name router --role editor --role ip-spoofing-operator")]
    Create {
        /// What to call it; need not be unique.
        #[arg(long)]
        name: String,
        /// The account that acts with it, 12 digits [default: the first account, 123456789012].
        #[arg(long)]
        account: Option<String>,
        /// A role that it has on everything of its account; may be repeated. More with 'pintle policy create'
        /// [default: administrator].
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<AccessRole>,
    },
    /// List API keys, without their secrets.
    List,
    /// Delete an API key: it and the tokens it was exchanged for are refused from then on.
    Delete {
        /// Its id.
        id: String,
    },
}

/// `pintle policy …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Give a key a role: on everything of its account, on things of a type, or on a single one.
    #[command(after_help = "Examples:
  pintle policy create --key KEY --role viewer
  pintle policy create --key KEY --role editor --type security-group
  pintle policy create --key KEY --role operator --type virtual-network-interface --id ENI
  pintle policy create --key KEY --role ip-spoofing-operator

An access key without policies may do all that its account may; from its first policy on, only what its policies say.")]
    Create {
        /// The id of an access key or an API key.
        #[arg(long)]
        key: String,
        /// viewer, operator, editor, administrator, ip-spoofing-operator or infrastructure-nat-operator.
        #[arg(long)]
        role: AccessRole,
        /// On things of this type only, such as virtual-network-interface, instance, subnet or security-group.
        #[arg(long = "type", value_name = "TYPE")]
        resource_type: Option<ResourceType>,
        /// On the one with this id only.
        #[arg(long = "id", value_name = "ID", requires = "resource_type")]
        resource: Option<String>,
    },
    /// List policies.
    List {
        /// Of this key only.
        #[arg(long)]
        key: Option<String>,
    },
    /// Take a role from a key.
    Delete {
        /// The policy's id.
        id: String,
    },
}
