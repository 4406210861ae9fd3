//! The client's subcommands, a file each; every one is a few calls of the public API.

mod access_key;
mod account;
mod acl;
mod api_key;
mod audit;
mod bare_metal;
mod completion;
mod doctor;
mod exec;
mod explain;
mod group;
mod host;
mod instance;
mod lint;
mod prefix_list;
mod public;
mod quota;
mod share;
mod status;
mod subnet;
mod telemetry;
mod vni;
mod vpc;

use std::process::ExitCode;

use crate::args::{Arguments, AuditArguments, AuditCommand, ClientArguments, Command, HostCommand};
use crate::client::Client;
use crate::{output, run};

/// Runs what the command line says.
pub(crate) fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { log, client, command } = arguments;
    match command {
        Command::Up(up) => run::up(up, log.log.as_deref()),
        Command::Server(server) => run::server(server),
        Command::Agent(agent) => run::agent(agent),
        other => {
            output::end_with_reader();
            short(&client, other)
        }
    }
}

/// The subcommands that end by themselves.
fn short(client: &ClientArguments, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Doctor => Ok(doctor::run(client.output)),
        Command::Completion { shell } => {
            completion::print(shell);
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit(AuditArguments { command: Some(AuditCommand::Verify { file: Some(file) }), .. }) => {
            audit::verify_file(client.output, &file)
        }
        Command::Host(HostCommand::Create(help)) => host::explain_joining(client, &help),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(online(client, other))
        }
    }
}

/// The subcommands that talk to the server.
async fn online(client: &ClientArguments, command: Command) -> anyhow::Result<ExitCode> {
    let format = client.output;
    if matches!(command, Command::Status) {
        return status::run(client).await;
    }
    let api = &Client::new(client).await?;
    match command {
        Command::Vpc(command) => vpc::run(api, format, command).await?,
        Command::Subnet(command) => subnet::run(api, format, command).await?,
        Command::Vni(command) => vni::run(api, format, command).await?,
        Command::Group(command) => group::run(api, format, command).await?,
        Command::Acl(command) => acl::run(api, format, command).await?,
        Command::Account(command) => account::run(api, format, command).await?,
        Command::AccessKey(command) => access_key::run(api, format, command).await?,
        Command::ApiKey(command) => api_key::run(api, format, command).await?,
        Command::Policy(command) => api_key::policy(api, format, command).await?,
        Command::Quota(command) => quota::run(api, format, command).await?,
        Command::PrefixList(command) => prefix_list::run(api, format, command).await?,
        Command::FloatingIp(command) => public::floating_ip(api, format, command).await?,
        Command::PublicGateway(command) => public::gateway(api, format, command).await?,
        Command::PublicPool(command) => public::pool(api, format, command).await?,
        Command::Share(command) => share::run(api, format, command).await?,
        Command::Explain(arguments) => explain::run(api, format, arguments).await?,
        Command::Flows(arguments) => telemetry::flows(api, format, arguments).await?,
        Command::Drops(arguments) => telemetry::drops(api, format, arguments).await?,
        Command::Audit(arguments) => return audit::run(api, format, arguments).await,
        Command::BareMetal(command) => bare_metal::run(api, format, command).await?,
        Command::Instance(command) => return instance::run(api, format, command).await,
        Command::Host(command) => host::run(api, format, command).await?,
        Command::Lint => return lint::run(api, format).await,
        Command::Up(_)
        | Command::Server(_)
        | Command::Agent(_)
        | Command::Status
        | Command::Doctor
        | Command::Completion { .. } => unreachable!("dispatched before a connection is made"),
    }
    Ok(ExitCode::SUCCESS)
}
