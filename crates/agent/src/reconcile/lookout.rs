//! Looking for differences beside the changes, not between them.
//!
//! To read a host with thousands of ports or members, and all rules, takes a tenth of a second and more. A change must not
//! wait for that, so it is done by a thread of its own on a copy of the desired state. It changes nothing: when what it sees
//! is not what should be, the reconciler looks itself, and repairs. What was seen while a change was made may be half of
//! it, so it is looked at again first.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pintle_core::txn::Revision;

use super::Machine;
use super::plan::{self, Inputs, OverlayWish, Scope};
use super::rules::READING;
use crate::desired::{Delta, Desired};
use crate::error::AgentError;
use crate::underlay::Underlay;

/// How often in a row a difference may have been disturbed by changes before it counts. A host that changes all the time
/// is repaired too.
const DISTURBED: u32 = 3;
/// The nice value of looking: a change must not wait for it.
const NICE: i32 = 10;

/// What the reconciler tells of the desired state.
#[derive(Debug)]
pub(super) enum News {
    /// All of it.
    Whole(Desired),
    /// A change of it.
    Change(Revision, Delta),
}

/// What a look at the host showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It is as it should be.
    Well,
    /// It is not.
    Different,
    /// It seems not to be, but was being changed meanwhile.
    Disturbed,
}

/// Compares a host with what it should be.
pub struct Lookout {
    machine: Arc<Machine>,
    underlay: Underlay,
    news: Receiver<News>,
    desired: Option<Desired>,
    rules_at: Instant,
    disturbed: u32,
}

impl Lookout {
    pub(super) fn new(machine: Arc<Machine>, underlay: Underlay, desired: Option<Desired>) -> (Self, Sender<News>) {
        let (sender, news) = channel();
        let rules_at = Instant::now();
        (Lookout { machine, underlay, news, desired, rules_at, disturbed: 0 }, sender)
    }

    /// Looks at everything once; at the rules not more often than they deserve.
    ///
    /// # Errors
    /// When the host can't be read.
    pub fn look(&mut self) -> Result<Sight, AgentError> {
        let seen = match self.look_at_entries()? {
            Sight::Well => self.look_at_rules()?,
            other => other,
        };
        self.disturbed = if seen == Sight::Disturbed { self.disturbed + 1 } else { 0 };
        if self.disturbed < DISTURBED {
            return Ok(seen);
        }
        self.disturbed = 0;
        Ok(Sight::Different)
    }

    fn look_at_entries(&mut self) -> Result<Sight, AgentError> {
        self.hear();
        let Some(desired) = &self.desired else { return Ok(Sight::Well) };
        let before = self.machine.changes();
        if let Ok(underlay) = self.machine.find_underlay() {
            self.underlay = underlay;
        }
        let observed = self.machine.observe_all(desired)?;
        let (realised, numbers) = (observed.realised(), self.machine.numbers());
        let Underlay { vtep, .. } = self.underlay;
        let inputs = Inputs {
            desired,
            observed: &observed,
            realised: &realised,
            numbers: &numbers,
            quota: self.machine.quota,
            marks: &self.machine.marks,
            overlay: OverlayWish { vtep, mtu: self.underlay.guest_mtu(), port: self.machine.overlay_port },
            uplink: self.machine.uplink.as_deref(),
        };
        let plan = plan::plan(&inputs, Scope::All);
        if plan.actions.is_empty() && plan.failures.is_empty() {
            return Ok(Sight::Well);
        }
        let quiet = before.is_multiple_of(2) && before == self.machine.changes() && !self.hear();
        Ok(if quiet { Sight::Different } else { Sight::Disturbed })
    }

    fn look_at_rules(&mut self) -> Result<Sight, AgentError> {
        let start = Instant::now();
        if start < self.rules_at {
            return Ok(Sight::Well);
        }
        let snapshot = self.machine.rules().snapshot();
        let held = snapshot.is_held(&self.machine.datapath)?;
        self.rules_at = Instant::now() + start.elapsed() * READING;
        if held {
            return Ok(Sight::Well);
        }
        let mut rules = self.machine.rules();
        if !rules.is_at(&snapshot) {
            self.rules_at = start;
            return Ok(Sight::Disturbed);
        }
        rules.doubt();
        Ok(Sight::Different)
    }

    /// Takes over what has been told. Whether anything has.
    fn hear(&mut self) -> bool {
        let mut any = false;
        while let Ok(news) = self.news.try_recv() {
            any = true;
            match news {
                News::Whole(desired) => self.desired = Some(desired),
                News::Change(revision, delta) => {
                    self.desired.get_or_insert_default().apply(revision, delta);
                }
            }
        }
        any
    }
}

/// A thread that looks now and then, until the value is dropped.
#[derive(Debug)]
pub(crate) struct LookoutThread {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LookoutThread {
    /// Looks at every interval; calls `different` when something is.
    pub(crate) fn spawn(
        mut lookout: Lookout,
        every: Duration,
        different: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let keep = move || {
            give_way();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                match lookout.look() {
                    Ok(Sight::Different) => different(),
                    Ok(Sight::Well | Sight::Disturbed) => {}
                    Err(error) => {
                        // The reconciler says what it can't read.
                        tracing::debug!(%error, "the host can't be looked at");
                        different();
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("lookout".to_owned()).spawn(keep)?;
        Ok(LookoutThread { stop: Some(stop), thread: Some(thread) })
    }
}

/// Lets the calling thread, and those that it starts, run when nobody else wants to.
fn give_way() {
    // SAFETY: setpriority has no memory effects. On Linux it is about one thread; 0 is the calling one.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) } != 0 {
        tracing::debug!(error = %std::io::Error::last_os_error(), "looking is not less urgent than changes");
    }
}

impl Drop for LookoutThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that looks for differences ended with a panic");
        }
    }
}
