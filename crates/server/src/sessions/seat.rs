//! What is known of one host in this life of the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pintle_core::host_protocol::{Applied, DriftReport, Failure};
use pintle_core::host_spec::EntryKey;
use pintle_core::id::HostId;
use pintle_core::model::Timestamp;
use pintle_core::txn::Revision;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{Bye, Questions};
use crate::projector::HostDesired;

/// How many drift reports of a host are kept.
pub const MAX_DRIFT: usize = 100;
/// How many characters of an agent's text are kept.
const MAX_TEXT: usize = 1000;

/// A difference that an agent found and repaired, and when that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// When the report came.
    pub at: Timestamp,
    /// The report.
    pub report: DriftReport,
}

/// How a host stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStatus {
    /// The host.
    pub host: HostId,
    /// Since when it has been connected; `None` while it is not.
    pub connected_since: Option<Timestamp>,
    /// The last revision that it has applied in this life of the server.
    pub applied: Option<Revision>,
    /// How many entries it has not yet applied.
    pub pending: usize,
    /// What it could not apply, by key.
    pub failures: Vec<Failure>,
    /// Its last drift reports, oldest first, at most [`MAX_DRIFT`].
    pub drift: Vec<Drift>,
}

/// A running session as the table sees it.
pub(super) struct Current {
    pub(super) number: u64,
    pub(super) since: Timestamp,
    /// The last revision that the agent was told; of what went before, if it goes on from there.
    pub(super) told: Revision,
    pub(super) wake: Arc<Notify>,
    pub(super) ended: watch::Sender<Option<Bye>>,
    /// What the host was asked in this session.
    pub(super) questions: Questions,
}

impl Current {
    pub(super) fn end(&self, bye: Bye) {
        self.ended.send_replace(Some(bye));
    }
}

/// One host.
pub(super) struct Seat {
    pub(super) session: Option<Current>,
    pub(super) heard: Instant,
    numbers: u64,
    /// The last revision that it was told in any session.
    told: Revision,
    applied: Option<Revision>,
    failures: BTreeMap<EntryKey, String>,
    /// What is under way there.
    pending: BTreeSet<EntryKey>,
    drift: VecDeque<Drift>,
}

impl Seat {
    pub(super) fn new() -> Self {
        Seat {
            session: None,
            heard: Instant::now(),
            numbers: 0,
            told: 0,
            applied: None,
            failures: BTreeMap::new(),
            pending: BTreeSet::new(),
            drift: VecDeque::new(),
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Notes what the agent is told.
    pub(super) fn told(&mut self, revision: Revision) {
        self.told = self.told.max(revision);
        if let Some(session) = &mut self.session {
            session.told = session.told.max(revision);
        }
    }

    /// The last revision that an agent may report in a session that begins. One that goes on from an earlier session may
    /// have done more since its greeting than that said, up to what the earlier one told it.
    pub(super) fn told_before(&self, resumed_at: Option<Revision>) -> Revision {
        resumed_at.map_or(0, |revision| revision.max(self.told))
    }

    pub(super) fn is_current(&self, number: u64) -> bool {
        self.session.as_ref().is_some_and(|session| session.number == number)
    }

    /// A session begins. Without a place to go on from the host may have lost everything, so what it reported before
    /// counts no longer.
    pub(super) fn begin(&mut self, resumed_at: Option<Revision>) {
        self.applied = resumed_at;
        if resumed_at.is_none() {
            self.failures.clear();
            self.pending.clear();
        }
        self.heard = Instant::now();
    }

    pub(super) fn applied(&mut self, applied: Applied) {
        self.applied = self.applied.max(Some(applied.revision));
        self.failures = applied.failures.into_iter().map(|failure| (failure.key, shorten(failure.message))).collect();
        self.pending = applied.pending.into_iter().collect();
    }

    /// Keeps the last of the reports, and returns those that are kept, shortened.
    pub(super) fn drifted(
        &mut self,
        at: Timestamp,
        reports: Vec<DriftReport>,
    ) -> impl ExactSizeIterator<Item = &DriftReport> {
        let kept = reports.len().min(MAX_DRIFT);
        for report in reports.into_iter().rev().take(kept).rev() {
            if self.drift.len() == MAX_DRIFT {
                self.drift.pop_front();
            }
            self.drift.push_back(Drift { at, report: DriftReport { message: shorten(report.message), ..report } });
        }
        self.drift.range(self.drift.len() - kept..).map(|drift| &drift.report)
    }

    pub(super) fn status(&self, host: HostId, desired: &HostDesired) -> SessionStatus {
        SessionStatus {
            host,
            connected_since: self.session.as_ref().map(|session| session.since),
            applied: self.applied,
            pending: match self.applied {
                Some(applied) => desired.changed_since(applied).count(),
                None => desired.entries().len(),
            },
            failures: self
                .failures
                .iter()
                .map(|(key, message)| Failure { key: *key, message: message.clone() })
                .collect(),
            drift: self.drift.iter().cloned().collect(),
        }
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What hosts have reported, as reconcilers ask for it.
#[derive(Clone, Copy)]
pub struct Progress<'a>(&'a BTreeMap<HostId, Seat>);

impl<'a> Progress<'a> {
    pub(super) fn new(hosts: &'a BTreeMap<HostId, Seat>) -> Self {
        Progress(hosts)
    }

    /// Whether it has a session now.
    pub fn connected(&self, host: HostId) -> bool {
        self.0.get(&host).is_some_and(|seat| seat.session.is_some())
    }

    /// Whether it had a session in this life of the server and has none now.
    pub fn lost(&self, host: HostId) -> bool {
        self.0.get(&host).is_some_and(|seat| seat.session.is_none())
    }

    /// When something was last heard of it.
    pub fn heard(&self, host: HostId) -> Option<Instant> {
        self.0.get(&host).map(|seat| seat.heard)
    }

    /// Whether it has applied everything up to a revision, failures and what is under way apart.
    pub fn has_applied(&self, host: HostId, revision: Revision) -> bool {
        self.0.get(&host).is_some_and(|seat| seat.applied >= Some(revision))
    }

    /// Why it could not apply an entry.
    pub fn failure(&self, host: HostId, key: &EntryKey) -> Option<&'a str> {
        self.0.get(&host).and_then(|seat| seat.failures.get(key)).map(String::as_str)
    }

    /// Whether an entry is under way there, neither applied nor failed.
    pub fn is_pending(&self, host: HostId, key: &EntryKey) -> bool {
        self.0.get(&host).is_some_and(|seat| seat.pending.contains(key))
    }

    /// The entries that it could not apply.
    pub fn failing(&self, host: HostId) -> impl Iterator<Item = EntryKey> {
        self.0.get(&host).into_iter().flat_map(|seat| seat.failures.keys()).copied()
    }
}
