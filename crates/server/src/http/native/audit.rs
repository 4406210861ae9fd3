//! `/native/v1/audit`: who asked for what, and whether the log of that is as it was written.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use pintle_dialect::{Problem, wire};
use serde_json::json;

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::Query;
use crate::audit::{Audit, AuditError, Filter};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let (target, action) = (params.take("target")?, params.take("action")?);
    let before = params.take("start")?;
    let number = |text: &String| {
        text.parse().map_err(|_| wire::parameter("start", Some(text), "the 'next' of another page, a record's number"))
    };
    let before = before.as_ref().map(number).transpose()?;
    let alerts = match params.take("alerts")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(wire::parameter("alerts", Some(other), "true or false").into()),
    };
    let limit = params.take_number("limit", 1..=1000)?.unwrap_or(100) as usize;
    params.finish()?;
    let filter = Filter { target, action, alerts, before, limit };
    // Looks are noted without waiting for the disk.
    app.audit.settle().await.map_err(|error| Problem::Internal { detail: error.to_string() })?;
    let found = reading(&app, move |audit| audit.find(&filter)).await?;
    let next = found.records.last().filter(|_| found.more).and_then(|record| record["seq"].as_u64());
    let mut body = json!({ "items": found.records });
    if let Some(next) = next {
        body["next"] = json!(next.to_string());
    }
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn verify(State(app): State<App>, Query(params): Query) -> Answer {
    params.finish()?;
    let report = reading(&app, Audit::check).await?;
    let (seq, hash) = &report.last;
    let body = json!({
        "whole": report.is_whole(),
        "records": report.records,
        "last": { "seq": seq, "hash": hash },
        "faults": report.faults,
    });
    Ok(json(StatusCode::OK, &body))
}

/// Reads the log where others are not held up by that.
async fn reading<T: Send + 'static>(
    app: &App,
    read: impl FnOnce(&Audit) -> Result<T, AuditError> + Send + 'static,
) -> Result<T, Fault> {
    let audit = Arc::clone(&app.audit);
    let internal = |detail: String| Fault::from(Problem::Internal { detail });
    let read = tokio::task::spawn_blocking(move || read(&audit)).await;
    read.map_err(|error| internal(error.to_string()))?.map_err(|error| internal(error.to_string()))
}
