//! `pintle host`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use crate::args::{ClientArguments, Format, HostCommand, JoinHelp};
use crate::client::{Client, local_data_dir};
use crate::output::{self, Column, text};

/// The columns that `status` shows too.
pub(super) const COLUMNS: &[Column] = &[
    ("NAME", |h| text(h, "/name")),
    ("ID", |h| text(h, "/id")),
    ("ZONE", |h| text(h, "/zone")),
    ("CONNECTED", |h| connected(h)),
    ("VTEP", |h| text(h, "/vtep")),
    ("GUEST MTU", |h| text(h, "/guest_mtu")),
    ("INSTANCES", |h| text(h, "/instances")),
    ("PENDING", |h| text(h, "/pending_entries")),
];

/// The collection of hosts.
pub(super) const COLLECTION: &str = "/native/v1/hosts";

fn connected(host: &Value) -> String {
    if host["connected"] == true { "yes" } else { "no" }.to_owned()
}

pub(super) async fn run(api: &Client, format: Format, command: HostCommand) -> anyhow::Result<()> {
    match command {
        HostCommand::Create(_) => unreachable!("needs no connection"),
        HostCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        HostCommand::Get { host } => output::one(format, &api.get(&format!("{COLLECTION}/{host}")).await?, COLUMNS),
        HostCommand::Delete { host } => {
            let id = text(&api.get(&format!("{COLLECTION}/{host}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}

/// A host makes itself: this says what to run there.
pub(super) fn explain_joining(client: &ClientArguments, help: &JoinHelp) -> anyhow::Result<ExitCode> {
    let data_dir = help.data_dir.clone().map_or_else(|| local_data_dir(client), Ok)?;
    let file = data_dir.join("join-token");
    let token = std::fs::read_to_string(&file).with_context(|| {
        format!("the join token can't be read from '{}'; run this on the server, as root", file.display())
    })?;
    let (token, JoinHelp { server, zone, .. }) = (token.trim(), help);
    if client.output == Format::Json {
        output::json(&json!({ "server": server, "zone": zone, "join_token": token }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("On the machine that is to be a host, as root:\n");
    println!("  (umask 077; echo {token} > join-token)");
    println!("  pintle agent --server {server} --zone {zone} --join ./join-token\n");
    if server.starts_with("SERVER:") {
        println!("SERVER:7481 is what this server was given as --agent-listen, as that machine reaches it.");
    }
    println!(
        "It appears in 'pintle host list' once it has joined. The token lets any machine join: keep it to yourself."
    );
    Ok(ExitCode::SUCCESS)
}
