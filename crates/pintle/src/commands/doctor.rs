//! `pintle doctor`: what this machine lacks, and how to get it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::Format;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("", |c| if c["ok"] == true { "ok".to_owned() } else { "MISSING".to_owned() }),
    ("CHECK", |c| text(c, "/name")),
    ("FOUND", |c| text(c, "/detail")),
    ("HOW TO GET IT", |c| text(c, "/fix")),
];

/// Shows every check; fails when one does.
pub(super) fn run(format: Format) -> ExitCode {
    let checks: Vec<Value> = checks();
    output::many(format, &checks, COLUMNS);
    if checks.iter().all(|check| check["ok"] == true) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn checks() -> Vec<Value> {
    let checks = pintle_datapath::doctor::probe();
    checks
        .into_iter()
        .map(|check| json!({ "name": check.name, "ok": check.ok, "detail": check.detail, "fix": check.fix }))
        .collect()
}
