//! The thread that reconciles: one change after the other, and a sweep when there is nothing else to do.
//!
//! It is a thread of its own and not a task, because netlink and BPF answer within the call: there is nothing to await, and
//! the session must go on answering meanwhile.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pintle_core::host_protocol::{Applied, DriftReport};
use pintle_core::telemetry::{Answer, Probe};
use pintle_core::txn::Revision;
use tokio::sync::{mpsc, watch};

use crate::desired::{Delta, Desired};
use crate::error::AgentError;
use crate::journal::Journal;
use crate::kernel::KernelError;
use crate::kernel::monitor::{Aspect, Change, MonitorThread};
use crate::reconcile::{FlowThread, LookoutThread, Outcome, Reconciler};
use crate::shares::{Ganesha, Shares};
use crate::telling::Teller;
use crate::underlay::Underlay;

/// How much work may wait. The session reads no more from the server until there is room.
const INBOX: usize = 256;

/// Deltas are taken together up to about this many entries: more would make the first wait for the last.
const TOGETHER: usize = 64;

/// How long the server's word is waited for before the state on disk is taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long devices that went are waited for to be all of them.
const SETTLE: Duration = Duration::from_millis(50);

/// Drift reports that may wait for a session.
const DRIFT: usize = 1024;

/// Something to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// The server goes on from what this host has, and stands behind it.
    Resumed,
    /// The server is heard no more.
    Parted,
    /// A whole desired state.
    Whole { epoch: String, desired: Desired },
    /// A change of it.
    Change { revision: Revision, delta: Delta },
    /// A device has gone, or (`None`) something that was not noticed changed.
    Notice(Option<u32>),
    /// Something is not as it should be.
    Look,
    /// A question that takes the desired state to answer.
    Explain { probe: Box<Probe>, asked: Asked },
    /// What is told to the server has changed.
    Tell,
    /// The end.
    Stop,
}

/// A question of the server's, by its number, and where the answer goes.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) answer: mpsc::UnboundedSender<(u64, Answer)>,
}

impl Asked {
    /// Gives the answer. A session that has ended takes none.
    pub(crate) fn answer(self, answer: Answer) {
        let _ = self.answer.send((self.id, answer));
    }
}

/// How far the worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Which life of the server the revision is of; `None` before there is a desired state.
    pub(crate) epoch: Option<String>,
    /// What has been applied.
    pub(crate) applied: Applied,
    /// The underlay.
    pub(crate) underlay: Underlay,
}

/// The worker, from outside. Dropping it without [`stop`](Self::stop) leaves the thread to end by itself.
pub(crate) struct Worker {
    pub(crate) inbox: SyncSender<Work>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) drift: mpsc::Receiver<DriftReport>,
    pub(crate) teller: Teller,
    thread: JoinHandle<()>,
    _monitor: MonitorThread,
    _flows: FlowThread,
    _lookout: LookoutThread,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(mut reconciler: Reconciler, data_dir: &Path, sweep: Duration) -> Result<Self, AgentError> {
        let (inbox, work) = sync_channel(INBOX);
        let journal = Journal::new(data_dir);
        let news = inbox.clone();
        // When the inbox is full the next round tells it.
        let told = move || drop(news.try_send(Work::Tell));
        let shares = Shares::start(data_dir, Box::new(Ganesha), told).map_err(AgentError::file("use", data_dir))?;
        let applied = Applied { revision: 0, failures: Vec::new(), pending: Vec::new() };
        let start = Progress { epoch: None, applied, underlay: reconciler.underlay() };
        let (sender, progress) = watch::channel(start);
        let (drift_sender, drift) = mpsc::channel(DRIFT);
        let monitor = monitor(&reconciler, inbox.clone())?;
        let teller = reconciler.teller();
        let thread_failed = |source| KernelError::System { what: "start the agent's threads".to_owned(), source };
        let flows = FlowThread::spawn(reconciler.flow_keeper()).map_err(thread_failed)?;
        let (lookout, differs) = (reconciler.lookout(), inbox.clone());
        // When the inbox is full the next look will find it.
        let look = move || drop(differs.try_send(Work::Look));
        let lookout = LookoutThread::spawn(lookout, sweep, look).map_err(thread_failed)?;
        let thread = Thread {
            reconciler,
            journal,
            shares,
            sweep,
            work,
            waiting: VecDeque::new(),
            progress: sender,
            drift: drift_sender,
            epoch: None,
            heard: None,
            about_shares: false,
        };
        let thread =
            thread::Builder::new().name("reconciler".to_owned()).spawn(move || thread.run()).map_err(thread_failed)?;
        let (_monitor, _flows, _lookout) = (monitor, flows, lookout);
        Ok(Worker { inbox, progress, drift, teller, thread, _monitor, _flows, _lookout })
    }

    /// Lets the work under way end, and then the thread.
    pub(crate) fn stop(self) {
        let Worker { inbox, thread, drift, .. } = self;
        drop(drift);
        if inbox.send(Work::Stop).is_ok() && thread.join().is_err() {
            tracing::error!("the reconciler's thread ended with a panic");
        }
    }
}

/// Tells the worker when a device goes; everything slower the sweep finds.
fn monitor(reconciler: &Reconciler, inbox: SyncSender<Work>) -> Result<MonitorThread, KernelError> {
    MonitorThread::spawn(reconciler.namespace(), move |change| match change {
        // When the inbox is full the next sweep will find it.
        Ok(Change::Device { aspect: Aspect::Gone, index }) => drop(inbox.try_send(Work::Notice(Some(index)))),
        Ok(Change::Resync) => drop(inbox.try_send(Work::Notice(None))),
        Ok(Change::Device { .. }) => {}
        Err(error) => tracing::warn!(%error, "changes of devices are no longer noticed at once, only by sweeps"),
    })
}

struct Thread {
    reconciler: Reconciler,
    journal: Journal,
    shares: Shares,
    sweep: Duration,
    work: Receiver<Work>,
    waiting: VecDeque<Work>,
    progress: watch::Sender<Progress>,
    drift: mpsc::Sender<DriftReport>,
    epoch: Option<String>,
    /// The server has been heard, which is to be said once the host is as it wants; whether more is to come of it.
    heard: Option<bool>,
    /// Shares have not yet been told of what has come.
    about_shares: bool,
}

impl Thread {
    fn run(mut self) {
        let restore_at = Instant::now() + PATIENCE;
        let mut next_sweep = Instant::now() + self.sweep;
        loop {
            let now = Instant::now();
            if self.epoch.is_none() && now >= restore_at {
                self.restore();
            }
            if now >= next_sweep {
                self.round(Reconciler::sweep);
                next_sweep = Instant::now() + self.sweep;
            }
            match self.next(next_sweep.saturating_duration_since(Instant::now())) {
                Some(Work::Stop) => return,
                Some(Work::Resumed) => {
                    self.heard = Some(true);
                    self.confirm();
                }
                Some(Work::Parted) => {
                    self.heard = None;
                    self.reconciler.unconfirmed();
                }
                Some(Work::Whole { epoch, desired }) => {
                    self.heard = Some(false);
                    self.whole(epoch, desired);
                }
                Some(Work::Change { revision, delta }) => self.change(revision, delta),
                // Devices that were removed here are no longer known by then.
                Some(Work::Notice(index)) if index.is_none_or(|index| self.reconciler.knows(index)) => {
                    self.reconciler.doubt();
                    next_sweep = next_sweep.min(Instant::now() + SETTLE);
                }
                Some(Work::Look) => {
                    self.reconciler.doubt();
                    next_sweep = Instant::now();
                }
                Some(Work::Notice(_)) | None => {}
                Some(Work::Tell) => self.tell(),
                Some(Work::Explain { probe, asked }) => asked.answer(self.reconciler.explain(&probe)),
            }
        }
    }

    /// The next thing to do, if there is one in time.
    fn next(&mut self, wait: Duration) -> Option<Work> {
        if let Some(work) = self.waiting.pop_front() {
            return Some(work);
        }
        match self.work.recv_timeout(wait) {
            Ok(work) => Some(work),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Work::Stop),
        }
    }

    fn whole(&mut self, epoch: String, desired: Desired) {
        if let Err(error) = self.journal.replace(&epoch, &desired) {
            tracing::warn!(%error, "the desired state is not on disk: repairs need the server after a restart");
        }
        self.epoch = Some(epoch);
        self.about_shares = true;
        self.round(|reconciler| reconciler.replace(desired));
    }

    fn change(&mut self, mut revision: Revision, mut delta: Delta) {
        self.take_more(&mut revision, &mut delta);
        if let Err(error) = self.keep(revision, &delta) {
            tracing::warn!(%error, "the change of desired state is not on disk");
        }
        self.about_shares |= Shares::concerned(&delta);
        self.round(|reconciler| reconciler.change(revision, delta));
    }

    /// Writes a change to disk before it is made.
    fn keep(&mut self, revision: Revision, delta: &Delta) -> Result<(), AgentError> {
        if self.journal.append(revision, delta)? {
            return Ok(());
        }
        let (Some(desired), Some(epoch)) = (self.reconciler.desired(), &self.epoch) else { return Ok(()) };
        let mut desired = desired.clone();
        desired.apply(revision, delta.clone());
        self.journal.replace(epoch, &desired)
    }

    /// Joins small changes that wait already; a later word on an entry replaces an earlier one.
    fn take_more(&mut self, revision: &mut Revision, delta: &mut Delta) {
        while delta.put.len() + delta.removed.len() < TOGETHER {
            match self.work.try_recv() {
                Ok(Work::Change { revision: later, delta: more }) => {
                    *revision = later;
                    delta.join(more);
                }
                Ok(other) => return self.waiting.push_back(other),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Takes the state on disk for want of the server's word.
    fn restore(&mut self) {
        // Asked once: an empty epoch is no life of any server.
        self.epoch = Some(String::new());
        match self.journal.load() {
            Ok(Some(saved)) => {
                tracing::info!(revision = saved.desired.revision(), "no server: going by the last known desired state");
                self.reconciler.unconfirmed();
                self.whole(saved.epoch, saved.desired);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the last known desired state can't be read"),
        }
    }

    fn round(&mut self, round: impl FnOnce(&mut Reconciler) -> Result<Outcome, AgentError>) {
        match round(&mut self.reconciler) {
            Ok(outcome) => {
                // Before anything is told: what is new to shares is pending.
                if let Some(desired) = self.reconciler.desired()
                    && std::mem::take(&mut self.about_shares)
                {
                    self.shares.follow(desired);
                }
                for report in outcome.drift {
                    if self.drift.try_send(report).is_err() {
                        tracing::warn!("a drift report is lost: too many wait for the server");
                    }
                }
                self.confirm();
                self.tell();
            }
            Err(error) => tracing::warn!(%error, "the host can't be read; trying again"),
        }
    }

    /// Says that the server stands behind what is here, if it does and that is so: an address that is still here only because
    /// the host could not be brought to the new state must not be announced.
    fn confirm(&mut self) {
        if !self.reconciler.is_behind()
            && let Some(more) = self.heard.take()
        {
            self.reconciler.confirmed(more);
        }
    }

    /// Says how far this host is; nothing while it is behind, and then the round that succeeds says it.
    fn tell(&self) {
        if self.reconciler.is_behind() {
            return;
        }
        let revision = self.reconciler.desired().map_or(0, Desired::revision);
        let mut failures = self.reconciler.failures();
        failures.extend(self.shares.failures());
        let applied = Applied { revision, failures, pending: self.shares.pending() };
        let known = self.reconciler.desired().is_some();
        let epoch = self.epoch.clone().filter(|epoch| known && !epoch.is_empty());
        let now = Progress { epoch, applied, underlay: self.reconciler.underlay() };
        self.progress.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}
