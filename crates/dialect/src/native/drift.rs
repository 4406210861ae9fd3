//! Drift: where hosts were found to differ from what they should be.

use pintle_core::model::Host;
use serde_json::{Value, json};

use super::Named;
use super::host::SessionView;
use crate::wire::timestamp;

/// What hosts have reported since the server started, host by host, oldest first.
pub fn encode(hosts: &[(Host, SessionView)]) -> Value {
    let events: Vec<Value> = hosts
        .iter()
        .flat_map(|(host, session)| {
            session.drift.iter().map(move |(at, report)| {
                json!({
                    "at": timestamp(*at),
                    "host": Named::new(host, &host.name),
                    "entry": report.key.map(|key| key.to_string()),
                    "message": report.message,
                    "repaired": report.repaired,
                })
            })
        })
        .collect();
    json!({ "items": events, "total": events.len() })
}
