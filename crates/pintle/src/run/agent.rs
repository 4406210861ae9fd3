//! `pintle agent`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pintle_agent::{Config, Identity, JoinToken};

use super::{privileges, runtime, stop_on_signal};
use crate::args::{AgentArguments, HostArguments};

/// Runs the agent until it is told to stop; with `--purge` removes what it has made instead.
pub(crate) fn agent(arguments: AgentArguments) -> anyhow::Result<ExitCode> {
    privileges::require()?;
    if arguments.purge {
        return purge(&agent_config(arguments.server, &arguments.agent_dir, None, &arguments.host));
    }
    let join = arguments.join.as_deref().map(join_token).transpose()?;
    let config = agent_config(arguments.server, &arguments.agent_dir, join, &arguments.host);
    runtime()?.block_on(async {
        pintle_agent::run(config, stop_on_signal()?).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn purge(config: &Config) -> anyhow::Result<ExitCode> {
    let folder = config.data_dir.display();
    let Some(identity) = Identity::load(&config.data_dir)? else {
        eprintln!(
            "nothing was removed: '{folder}' holds no host's identity; name its folder with --agent-dir ('pintle up' has it in \
             'agent' below its --data-dir)"
        );
        return Ok(ExitCode::FAILURE);
    };
    pintle_agent::uninstall(config)?;
    eprintln!("removed what host {} had made on this machine; its identity stays in '{folder}'", identity.host);
    Ok(ExitCode::SUCCESS)
}

/// The settings of an agent from the command line.
pub(crate) fn agent_config(server: String, folder: &Path, join: Option<JoinToken>, host: &HostArguments) -> Config {
    let mut config = Config::new(server, folder, host.zone.clone());
    config.join = join;
    config.name.clone_from(&host.name);
    config.vtep = host.vtep;
    config.vxlan_port = host.vxlan_port;
    (config.limits.max_flows, config.limits.flows_per_interface) = (host.max_flows, host.flows_per_interface);
    config.link_kbps = host.link_kbps;
    config.uplink.clone_from(&host.uplink);
    config
}

/// A join token, given as it is or as the path of a file that holds it.
fn join_token(given: &str) -> anyhow::Result<JoinToken> {
    if let Ok(token) = given.trim().parse() {
        return Ok(token);
    }
    let text = std::fs::read_to_string(given)
        .context("--join is neither a join token ('pintle host create' shows it) nor a file that can be read")?;
    text.trim().parse().with_context(|| format!("the file '{given}' of --join does not hold a join token"))
}
