//! `pintle agent`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pintle_agent::{Config, JoinToken};

use super::{runtime, stop_on_signal};
use crate::args::{AgentArguments, HostArguments};

/// Runs the agent until it is told to stop; with `--purge` removes what it has made instead.
pub(crate) fn agent(arguments: AgentArguments) -> anyhow::Result<ExitCode> {
    let join = arguments.join.as_deref().map(join_token).transpose()?;
    let config = agent_config(arguments.server, &arguments.agent_dir, join, &arguments.host);
    runtime()?.block_on(async {
        if arguments.purge {
            pintle_agent::uninstall(&config)?;
        } else {
            pintle_agent::run(config, stop_on_signal()?).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The settings of an agent from the command line.
pub(crate) fn agent_config(server: String, folder: &Path, join: Option<JoinToken>, host: &HostArguments) -> Config {
    let mut config = Config::new(server, folder, host.zone.clone());
    config.join = join;
    config.name.clone_from(&host.name);
    config.vtep = host.vtep;
    config.vxlan_port = host.vxlan_port;
    config
}

/// A join token, given as it is or as the path of a file that holds it.
fn join_token(text: &str) -> anyhow::Result<JoinToken> {
    let text = if text.starts_with('/') {
        std::fs::read_to_string(text).with_context(|| format!("the join token can't be read from '{text}'"))?
    } else {
        text.to_owned()
    };
    Ok(text.trim().parse()?)
}
