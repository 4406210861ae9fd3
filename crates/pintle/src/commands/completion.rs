//! `pintle completion`: made from the same definition that parses the command line.

/// Prints the completion script of a shell.
pub(super) fn print(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut crate::args::definition(), "pintle", &mut std::io::stdout());
}
