//! The client's subcommands, a file each; every one is a few calls of the public API.

mod completion;
mod doctor;
mod exec;
mod host;
mod instance;
mod status;
mod subnet;
mod vni;
mod vpc;

use std::process::ExitCode;

use crate::args::{Arguments, Command, Format};
use crate::client::Client;
use crate::run;

/// Runs what the command line says.
pub(crate) fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { client, command, .. } = arguments;
    match command {
        Command::Up(up) => run::up(up),
        Command::Server(server) => run::server(server),
        Command::Agent(agent) => run::agent(agent),
        Command::Doctor => Ok(doctor::run(client.output)),
        Command::Completion { shell } => {
            completion::print(shell);
            Ok(ExitCode::SUCCESS)
        }
        Command::Host(crate::args::HostCommand::Create(help)) => host::explain_joining(&help),
        other => {
            let api = Client::new(&client)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(online(&api, client.output, other))
        }
    }
}

/// The subcommands that talk to the server.
async fn online(api: &Client, format: Format, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Vpc(command) => vpc::run(api, format, command).await?,
        Command::Subnet(command) => subnet::run(api, format, command).await?,
        Command::Vni(command) => vni::run(api, format, command).await?,
        Command::Instance(command) => return instance::run(api, format, command).await,
        Command::Host(command) => host::run(api, format, command).await?,
        Command::Status => return status::run(api, format).await,
        Command::Up(_) | Command::Server(_) | Command::Agent(_) | Command::Doctor | Command::Completion { .. } => {
            unreachable!("dispatched before a connection is made")
        }
    }
    Ok(ExitCode::SUCCESS)
}
