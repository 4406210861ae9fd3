//! `pintle doctor`: what this machine lacks, and how to get it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::Format;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("STATE", |c| state(c).to_owned()),
    ("CHECK", |c| text(c, "/name")),
    ("FOUND", |c| text(c, "/detail")),
    ("HOW TO GET IT", |c| text(c, "/fix")),
];

fn state(check: &Value) -> &'static str {
    match check["ok"].as_bool() {
        Some(true) => "ok",
        Some(false) => "MISSING",
        None => "unknown",
    }
}

/// Shows every check, with advice only where it is needed; fails when one does.
pub(super) fn run(format: Format) -> ExitCode {
    let checks = checks();
    output::many(format, &checks, COLUMNS);
    let well = checks.iter().all(|check| check["ok"] == true);
    if format == Format::Table {
        println!("\n{}", if well { "this machine can run Pintle" } else { "this machine can't run Pintle as it is" });
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn checks() -> Vec<Value> {
    let checks = pintle_datapath::doctor::probe();
    let privileged = checks.iter().all(|check| check.name != "privileges" || check.ok);
    checks
        .into_iter()
        .map(|check| {
            let (ok, fix) = match (check.ok, privileged || check.name == "privileges") {
                (true, _) => (Some(true), None),
                (false, true) => (Some(false), Some(check.fix)),
                // The kernel refuses to tell: that is not yet a reason to change it.
                (false, false) => (None, Some("run the doctor as root to know")),
            };
            json!({ "name": check.name, "ok": ok, "detail": check.detail, "fix": fix })
        })
        .collect()
}
