//! `pintle audit`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pintle_server::audit;
use serde_json::{Value, json};

use crate::args::{AuditArguments, Format};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("SEQ", |r| text(r, "/seq")),
    ("AT", |r| text(r, "/at")),
    ("WHO", |r| text(r, "/who")),
    ("ACTION", |r| text(r, "/action")),
    ("TARGET", |r| text(r, "/target")),
    ("OUTCOME", |r| outcome(r)),
];

const FAULTS: &[Column] =
    &[("LINE", |f| text(f, "/line")), ("RECORD", |f| text(f, "/seq")), ("WHAT IS WRONG", |f| text(f, "/what"))];

fn outcome(record: &Value) -> String {
    match text(record, "/code").as_str() {
        "-" => text(record, "/outcome"),
        code => format!("{}: {code}", text(record, "/outcome")),
    }
}

pub(super) async fn run(api: &Client, format: Format, arguments: AuditArguments) -> anyhow::Result<ExitCode> {
    if arguments.command.is_some() {
        return Ok(show(format, &api.get("/native/v1/audit/verify").await?));
    }
    let AuditArguments { target, action, limit, .. } = arguments;
    let given = [("target", target), ("action", action), ("limit", Some(limit.to_string()))];
    let given: Vec<String> =
        given.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))).collect();
    let answer = api.get(&format!("/native/v1/audit?{}", given.join("&"))).await?;
    output::many(format, answer["items"].as_array().map(Vec::as_slice).unwrap_or_default(), COLUMNS);
    Ok(ExitCode::SUCCESS)
}

/// Checks a file without a server.
pub(super) fn verify_file(format: Format, file: &Path) -> anyhow::Result<ExitCode> {
    let read = || audit::verify(BufReader::new(File::open(file)?));
    let report = read().with_context(|| format!("'{}' can't be read", file.display()))?;
    let (seq, hash) = &report.last;
    let last = json!({ "seq": seq, "hash": hash });
    let whole = report.is_whole();
    Ok(show(format, &json!({ "whole": whole, "records": report.records, "last": last, "faults": report.faults })))
}

fn show(format: Format, report: &Value) -> ExitCode {
    let whole = report["whole"] == true;
    match format {
        Format::Json => output::json(report),
        Format::Table if whole => {
            let (seq, hash) = (text(report, "/last/seq"), text(report, "/last/hash"));
            println!("{} records, all as they were written; the last is {seq} with hash {hash}", report["records"]);
        }
        Format::Table => {
            println!("the log was changed:");
            output::children(format, report, "faults", FAULTS);
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
