//! Structured logs to standard error: text for a terminal, JSON for a collector.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command};

/// Of the long-running subcommands: what happens, but not a line for every request.
const SERVING: &str = "warn,pintle_server=info,pintle_server::http=warn,pintle_agent=info";

/// Installs the subscriber for the whole process.
pub(crate) fn start(arguments: &Arguments) {
    // Checked when the command line was parsed.
    let filter = EnvFilter::new(arguments.log.log.as_deref().unwrap_or_else(|| default(&arguments.command)));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if arguments.log.log_json {
        builder.json().init();
    } else {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
}

fn default(command: &Command) -> &'static str {
    match command {
        // The demo's report is what is to be read.
        Command::Up(up) if up.demo => "error",
        Command::Up(_) | Command::Server(_) | Command::Agent(_) => SERVING,
        _ => "warn",
    }
}
