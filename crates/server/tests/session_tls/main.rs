//! Agents over the wire: enrolment, sessions and their ends, against a whole server with a scripted agent.

#![allow(unreachable_pub, reason = "nothing of a test is reached from outside")]

mod agent;
mod beginnings;
mod enrolment;
mod lives;
mod sessions;
mod starting;

use std::path::Path;

use pintle_server::{Config, Running, Server};

/// Settings with free ports.
fn config(data_dir: &Path) -> Config {
    let mut config = Config::new(data_dir);
    config.api.set_port(0);
    config.agents.set_port(0);
    config
}

/// A server in a directory of its own.
async fn server(data_dir: &Path) -> Running {
    Server::start(config(data_dir)).await.expect("the server starts")
}
