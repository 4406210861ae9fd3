//! The command line as a newcomer meets it: the real binary, its words, its exit codes, and what it leaves behind.

#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/machine.rs"]
mod machine;
#[path = "cli/mistakes.rs"]
mod mistakes;
#[path = "cli/policy.rs"]
mod policy;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/taps.rs"]
mod taps;
