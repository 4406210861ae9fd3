//! `pintle audit`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pintle_server::audit;
use serde_json::{Value, json};

use crate::args::{AuditArguments, AuditCommand, Format};
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
    let AuditArguments { command, target, action, alerts, limit } = arguments;
    match command {
        Some(AuditCommand::Verify { .. }) => return Ok(show(format, &api.get("/native/v1/audit/verify").await?)),
        Some(AuditCommand::Timeline { vni }) => {
            output::many(format, &timeline(api, &vni).await?, TIMELINE);
            return Ok(ExitCode::SUCCESS);
        }
        None => {}
    }
    let alerts = alerts.then(|| "true".to_owned());
    let given = [("target", target), ("action", action), ("alerts", alerts), ("limit", Some(limit.to_string()))];
    let given: Vec<String> =
        given.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))).collect();
    let answer = api.get(&format!("/native/v1/audit?{}", given.join("&"))).await?;
    output::many(format, answer["items"].as_array().map(Vec::as_slice).unwrap_or_default(), COLUMNS);
    Ok(ExitCode::SUCCESS)
}

const TIMELINE: &[Column] = &[
    ("AT", |r| text(r, "/at")),
    ("WHO", |r| text(r, "/who")),
    ("ACTION", |r| text(r, "/action")),
    ("TARGET", |r| text(r, "/target")),
    ("EVENT", |r| text(r, "/event")),
    ("OUTCOME", |r| outcome(r)),
];

/// What the log has of an interface and of its security groups, the oldest first.
async fn timeline(api: &Client, vni: &str) -> anyhow::Result<Vec<Value>> {
    // One that is gone has no name any more, but its records have its id.
    let id = match api.find(&format!("/native/v1/resolve/virtual_network_interface/{vni}")).await? {
        Some(found) => text(&found, "/id"),
        None => vni.to_owned(),
    };
    let mut about = vec![id.clone()];
    if let Some(now) = api.find(&format!("/native/v1/virtual_network_interfaces/{id}")).await? {
        let groups = now["security_groups"].as_array().map(Vec::as_slice).unwrap_or_default();
        about.extend(groups.iter().map(|group| text(group, "/id")));
    }
    let mut records = Vec::new();
    for target in about {
        let first = format!("/native/v1/audit?limit=1000&target={target}");
        let mut path = first.clone();
        loop {
            let mut page = api.get(&path).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                records.extend(found);
            }
            match page["next"].as_str() {
                Some(start) => path = format!("{first}&start={start}"),
                None => break,
            }
        }
    }
    records.sort_by_key(|record| record["seq"].as_u64());
    records.dedup_by_key(|record| record["seq"].as_u64());
    Ok(records)
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
