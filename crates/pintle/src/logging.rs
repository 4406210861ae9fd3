//! Structured logs to standard error: text for a terminal, JSON for a collector.

use tracing_subscriber::EnvFilter;

use crate::args::LogArguments;

/// Installs the subscriber for the whole process.
pub(crate) fn start(arguments: &LogArguments) {
    let filter = EnvFilter::try_new(&arguments.log).unwrap_or_else(|error| {
        eprintln!("pintle: --log '{}' is not a filter ({error}); using 'info'", arguments.log);
        EnvFilter::new("info")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if arguments.log_json {
        builder.json().init();
    } else {
        builder.with_target(false).init();
    }
}
