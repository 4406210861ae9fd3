//! What is measured, a file per subject.

mod attach;
mod creates;
mod ec2;
mod filling;
mod memory;
mod moves;
mod path;
mod policy;

use std::time::Duration;

use super::Figures;

/// A suite: how many rounds, how long each load runs.
pub type Suite = fn(usize, Duration) -> anyhow::Result<Figures>;

/// All suites by name.
pub const ALL: &[(&str, Suite)] = &[
    ("path", path::run),
    ("attach", attach::run),
    ("creates", creates::run),
    ("ec2", ec2::run),
    ("memory", memory::run),
    ("policy", policy::run),
    ("moves", moves::run),
];
