//! The one binary: server, agent, both at once, and the client that drives them.
//!
//! This crate composes; it decides nothing. Each subcommand is a file in `commands` (client side) or `run` (long-running).

mod args;
mod client;
mod commands;
mod demo;
mod logging;
mod output;
mod run;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::memory::without_huge_pages();
    let arguments = args::parse();
    logging::start(&arguments);
    match commands::dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pintle: {}", output::chain(&error));
            ExitCode::FAILURE
        }
    }
}
