//! `pintle host`.

use std::process::ExitCode;

use anyhow::Context;

use crate::args::{Format, HostCommand, JoinHelp};
use crate::client::Client;
use crate::output::{self, Column, text};

/// The columns that `status` shows too.
pub(super) const COLUMNS: &[Column] = &[
    ("NAME", |h| text(h, "/name")),
    ("ID", |h| text(h, "/id")),
    ("ZONE", |h| text(h, "/zone")),
    ("CONNECTED", |h| text(h, "/connected")),
    ("VTEP", |h| text(h, "/vtep")),
    ("GUEST MTU", |h| text(h, "/guest_mtu")),
    ("INSTANCES", |h| text(h, "/instances")),
    ("PENDING", |h| text(h, "/pending_entries")),
];

/// The collection of hosts.
pub(super) const COLLECTION: &str = "/native/v1/hosts";

pub(super) async fn run(api: &Client, format: Format, command: HostCommand) -> anyhow::Result<()> {
    match command {
        HostCommand::Create(_) => unreachable!("needs no connection"),
        HostCommand::List => output::many(format, &api.native_list(COLLECTION).await?, COLUMNS),
        HostCommand::Get { host } => output::one(format, &api.get(&format!("{COLLECTION}/{host}")).await?, COLUMNS),
        HostCommand::Delete { host } => {
            api.delete(&format!("{COLLECTION}/{host}")).await?;
            println!("deleted {host}");
        }
    }
    Ok(())
}

/// A host makes itself: this says what to run there.
pub(super) fn explain_joining(help: &JoinHelp) -> anyhow::Result<ExitCode> {
    let file = help.data_dir.join("join-token");
    let token = std::fs::read_to_string(&file).with_context(|| {
        format!("the join token can't be read from '{}'; run this on the server, as root", file.display())
    })?;
    println!("On the machine that is to be a host, as root:\n");
    println!("  pintle agent --server {} --zone {} --join {}", help.server, help.zone, token.trim());
    println!(
        "\nIt appears in 'pintle host list' once it has joined. The token lets any machine join: keep it to yourself."
    );
    Ok(ExitCode::SUCCESS)
}
