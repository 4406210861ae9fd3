//! `pintle completion`: made from the same definition that parses the command line.

use clap::CommandFactory;

use crate::args::Arguments;

/// Prints the completion script of a shell.
pub(crate) fn print(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Arguments::command(), "pintle", &mut std::io::stdout());
}
