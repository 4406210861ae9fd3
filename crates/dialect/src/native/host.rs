//! Hosts: their records joined with what their sessions tell.

use pintle_core::DecideError;
use pintle_core::host_protocol::{DriftReport, Failure};
use pintle_core::model::{Host, Timestamp};
use pintle_core::record::instances_of_host;
use pintle_core::txn::{Revision, Snapshot};
use serde::Serialize;
use serde_json::{Value, json};

use crate::view::View;
use crate::wire::timestamp;

/// A host and how many instances it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostView {
    /// The host.
    pub host: Host,
    /// How many instances are on it.
    pub instances: u64,
}

impl View for HostView {
    type Record = Host;
    fn join(snapshot: &dyn Snapshot, host: Host, _: Revision) -> Result<Self, DecideError> {
        let instances = snapshot.count(&instances_of_host(host.id))?;
        Ok(HostView { host, instances })
    }
}

/// What a host has told in its sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionView {
    /// Since when it is connected; `None` while it is not.
    pub connected_since: Option<Timestamp>,
    /// Everything up to this revision has been applied, except the failures; `None` while it has said nothing.
    pub applied: Option<Revision>,
    /// How many entries it has not yet confirmed.
    pub pending: usize,
    /// What it could not apply.
    pub failures: Vec<Failure>,
    /// What it found different from what it should be, and when that was heard, oldest first.
    pub drift: Vec<(Timestamp, DriftReport)>,
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    zone: String,
    vtep: String,
    underlay_mtu: u16,
    guest_mtu: u16,
    created_at: String,
    instances: u64,
    connected: bool,
    connected_since: Option<String>,
    applied_revision: Option<Revision>,
    pending_entries: Option<usize>,
    failures: Vec<Value>,
}

/// The host as replies show it; `session` is `None` when it has had no session since the server started.
pub fn encode(view: &HostView, session: Option<&SessionView>) -> Value {
    let host = &view.host;
    let connected_since = session.and_then(|session| session.connected_since);
    json!(Shape {
        id: host.id.to_string(),
        name: host.name.clone(),
        zone: host.zone.clone(),
        vtep: host.vtep.to_string(),
        underlay_mtu: host.underlay_mtu,
        guest_mtu: host.guest_mtu(),
        created_at: timestamp(host.created_at),
        instances: view.instances,
        connected: connected_since.is_some(),
        connected_since: connected_since.map(timestamp),
        applied_revision: session.and_then(|session| session.applied),
        pending_entries: session.map(|session| session.pending),
        failures: session.map_or_else(Vec::new, |session| session.failures.iter().map(failure).collect()),
    })
}

fn failure(failure: &Failure) -> Value {
    json!({ "entry": failure.key.to_string(), "message": failure.message })
}
