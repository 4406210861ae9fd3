//! Judging moves: when a step has been done by whom it concerns, and when somebody is no longer waited for.
//!
//! The steps and what they mean are in `pintle_core::model::Move`. Waiting is bounded where going on is safe: every
//! other host refuses a host that is cut off once the move has ended, whatever that one still sends. The new side's own
//! steps (to be ready, to speak) are never skipped: a move whose new side does not get there is given up instead, so that
//! no host can keep an interface in a move for ever.

use std::collections::BTreeSet;
use std::time::Duration;

use pintle_core::Command;
use pintle_core::compile::Subject;
use pintle_core::host_spec::EntryKey;
use pintle_core::id::HostId;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::MoveStep;
use tokio::time::Instant;

use super::TrackedMove;
use crate::projector::Projection;
use crate::sessions::Progress;

/// How long hosts that only send to the interface are waited for.
const PEERS: Duration = Duration::from_millis(500);
/// How long the old side may still answer what it got before it was left: as long as a busy guest may take for it.
const DRAIN: Duration = Duration::from_millis(10);
/// How long the old host is waited for to turn.
const OLD_SIDE: Duration = Duration::from_secs(1);
/// How long the new host may be silent, or unable to speak for the interface, before the move is given up.
const NEW_SIDE: Duration = Duration::from_secs(10);

/// What to do about a move now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This.
    Act(Box<Command>),
    /// Nothing, until one of these hosts is heard of or the time has come.
    Wait {
        /// Whoever can change the verdict.
        hosts: BTreeSet<HostId>,
        /// When the verdict changes by itself.
        until: Option<Instant>,
    },
}

/// A move looked at together with what is desired and what was reported.
pub(crate) struct Look<'a> {
    /// The move.
    pub(crate) tracked: &'a TrackedMove,
    /// When its present step was first seen.
    pub(crate) since: Instant,
    /// The present moment.
    pub(crate) now: Instant,
    /// What hosts should have.
    pub(crate) desired: &'a Projection,
    /// What they reported.
    pub(crate) progress: Progress<'a>,
}

impl Look<'_> {
    /// What to do now.
    pub(crate) fn judge(&self) -> Verdict {
        match self.tracked.moving.record.step {
            MoveStep::Prepare => self.prepare(),
            MoveStep::Open => self.open(),
            MoveStep::Drain => self.drain(),
            MoveStep::Settle => self.settle(),
        }
    }

    fn prepare(&self) -> Verdict {
        let to = self.tracked.to;
        if let Some(why) = self.new_side_failed() {
            return self.abort(format!("host {to} could not make the new port ready: {why}"));
        }
        if self.progress.lost(to) {
            return self.abort(format!("host {to} was lost before the new port was ready"));
        }
        if !self.new_side_ready() {
            let silent_since = self.progress.heard(to).map_or(self.since, |heard| heard.max(self.since));
            let until = silent_since + NEW_SIDE;
            if self.now >= until {
                return self.abort(format!("host {to} has not made the new port ready within {NEW_SIDE:?}"));
            }
            return Verdict::Wait { hosts: BTreeSet::from([to]), until: Some(until) };
        }
        self.after_peers(|host| host != to)
    }

    fn open(&self) -> Verdict {
        let (to, until) = (self.tracked.to, self.since + NEW_SIDE);
        let failure = self.new_side_failed();
        if self.new_side_ready() && failure.is_none() {
            return self.advance();
        }
        // The host tries again by itself what has failed, so a failure has as long as silence.
        if self.now >= until {
            let why = failure.unwrap_or("it has not said that it does");
            return self.abort(format!("host {to} did not speak for the interface within {NEW_SIDE:?}: {why}"));
        }
        Verdict::Wait { hosts: BTreeSet::from([to]), until: Some(until) }
    }

    fn drain(&self) -> Verdict {
        let (from, drained, until) = (self.tracked.from, self.since + DRAIN, self.since + OLD_SIDE);
        let turned = self.is_up_to_date(from) && self.progress.failure(from, &self.old_port()).is_none();
        if turned && self.now < drained {
            return Verdict::Wait { hosts: BTreeSet::new(), until: Some(drained) };
        }
        if turned || self.progress.lost(from) || self.now >= until {
            if !turned {
                tracing::warn!(vni = %self.tracked.moving.record.vni, host = %from, "the old host did not turn; going on");
            }
            return self.advance();
        }
        Verdict::Wait { hosts: BTreeSet::from([from]), until: Some(until) }
    }

    fn settle(&self) -> Verdict {
        // Peers hear of an attachment only once it is realised, so until that is noted the end would take the way away.
        // A host that says nothing any more has no way to lose.
        let until = self.since + NEW_SIDE;
        if matches!(self.tracked.to_lifecycle, Lifecycle::Pending | Lifecycle::Waiting) && self.now < until {
            return Verdict::Wait { hosts: BTreeSet::from([self.tracked.to]), until: Some(until) };
        }
        self.after_peers(|_| true)
    }

    /// On to the next step once the hosts that are connected have applied this one, or have had time to.
    fn after_peers(&self, concerned: impl Fn(HostId) -> bool) -> Verdict {
        let behind: BTreeSet<HostId> = self
            .desired
            .hosts_of(self.subject())
            .filter(|host| concerned(*host) && !self.progress.lost(*host) && !self.is_up_to_date(*host))
            .collect();
        let until = self.since + PEERS;
        if behind.is_empty() || self.now >= until {
            return self.advance();
        }
        Verdict::Wait { hosts: behind, until: Some(until) }
    }

    fn advance(&self) -> Verdict {
        let record = &self.tracked.moving.record;
        Verdict::Act(Box::new(Command::AdvanceMove(record.vni, record.step)))
    }

    fn abort(&self, why: String) -> Verdict {
        Verdict::Act(Box::new(Command::AbortMove(self.tracked.moving.record.vni, why)))
    }

    fn subject(&self) -> Subject {
        Subject::Vni(self.tracked.moving.record.vni)
    }

    fn old_port(&self) -> EntryKey {
        EntryKey::Port(self.tracked.moving.record.from)
    }

    fn new_port(&self) -> EntryKey {
        EntryKey::Port(self.tracked.moving.record.to)
    }

    fn is_up_to_date(&self, host: HostId) -> bool {
        self.progress.has_applied(host, self.desired.settled_at(self.subject(), host))
    }

    /// The new host has a port to make and has applied all that is about the interface.
    fn new_side_ready(&self) -> bool {
        self.desired.host(self.tracked.to).get(&self.new_port()).is_some() && self.is_up_to_date(self.tracked.to)
    }

    /// Why the new host could not do its part, once it has tried.
    fn new_side_failed(&self) -> Option<&str> {
        let to = self.tracked.to;
        let slot = self.desired.host(to).get(&self.new_port())?;
        if !self.progress.has_applied(to, slot.revision) {
            return None;
        }
        let mut keys = self.desired.keys_of(self.subject(), to);
        keys.find_map(|key| self.progress.failure(to, &key))
    }
}
