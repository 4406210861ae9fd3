//! Looking after the flow table: what has expired goes, and what counts for ports that have gone.
//!
//! On a thread of its own: a sweep goes through the whole table, which at a million flows takes longer than a change may
//! wait. Packets go on meanwhile, and an expired flow counts for nothing whether it has been swept or not.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use std::{io, thread};

use pintle_datapath::{Datapath, DatapathError, Sweep, Usage};

use super::slots::Slots;

/// How often the table is swept, if there is anything in it.
const EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether to sweep sooner.
const SOONER: Duration = Duration::from_secs(1);
/// How soon flows forget a port that has gone: an interface may be back in another port before long, and what this host
/// knew of its connections is out of date then.
const LOOK: Duration = Duration::from_millis(10);

/// What looks after the flow table.
#[derive(Debug)]
pub struct FlowKeeper {
    datapath: Arc<Datapath>,
    slots: Arc<Mutex<Slots>>,
    /// Whether this host may be the public gateway of guests on others, whose flows are in no usage here.
    has_uplink: bool,
}

impl FlowKeeper {
    pub(super) fn new(datapath: Arc<Datapath>, slots: Arc<Mutex<Slots>>, has_uplink: bool) -> Self {
        FlowKeeper { datapath, slots, has_uplink }
    }

    /// Deletes what has expired. `None`: there was nothing to look through.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sweep(&self) -> Result<Option<Sweep>, DatapathError> {
        let has_flows = self.has_uplink || self.any(|_, usage| Ok(usage != Usage::default()))?;
        if has_flows { self.datapath.sweep().map(Some) } else { Ok(None) }
    }

    /// Whether an interface has so many connections that are over that a sweep makes room: the programs then forget them after
    /// a second instead of a minute.
    fn is_pressed(&self) -> Result<bool, DatapathError> {
        let ifaces = self.datapath.ifaces();
        self.any(|slot, usage| {
            // Most have none: only then is the quota read.
            Ok(usage.over > 0 && ifaces.get(&slot)?.is_some_and(|iface| usage.over > iface.quota / 2))
        })
    }

    fn any(&self, mut holds: impl FnMut(u32, Usage) -> Result<bool, DatapathError>) -> Result<bool, DatapathError> {
        let occupied = self.slots().occupied();
        let flows = self.datapath.flows();
        for slot in occupied {
            if holds(slot, flows.usage(slot)?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes flows forget ports that have gone, and gives their slots back. Gives how many.
    ///
    /// # Errors
    /// When the kernel refuses; the slots that are left are given back another time.
    pub fn forget_leaving(&self) -> Result<usize, DatapathError> {
        let leaving = self.slots().leaving().clone();
        for slot in &leaving {
            forget(&self.datapath, *slot)?;
            self.slots().left(*slot);
        }
        Ok(leaving.len())
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Makes flows forget the port that was in a slot.
pub(super) fn forget(datapath: &Datapath, slot: u32) -> Result<(), DatapathError> {
    if datapath.flows().usage(slot)? != Usage::default() {
        datapath.sweep_slot(slot)?;
    }
    Ok(())
}

/// A thread that looks after the flow table until the value is dropped.
#[derive(Debug)]
pub(crate) struct FlowThread {
    stop: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl FlowThread {
    pub(crate) fn spawn(keeper: FlowKeeper) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new().name("flows".to_owned()).spawn(move || keep(&keeper, &stopped))?;
        Ok(FlowThread { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for FlowThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that looks after flows ended with a panic");
        }
    }
}

fn keep(keeper: &FlowKeeper, stopped: &Receiver<()>) {
    let (mut due, mut sooner, mut crowded) = (Instant::now() + EVERY, Instant::now() + SOONER, false);
    // Sweeps in a row that have deleted nothing: what is over is too young at first, and may be kept fresh by its guest for ever.
    let mut in_vain = 0;
    while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let began = Instant::now();
        let looks = began >= due || began >= sooner;
        let mut sweeps = began >= due;
        let kept = keeper.forget_leaving().and_then(|_| {
            if looks {
                sooner = began + SOONER;
                sweeps = sweeps || crowded || keeper.is_pressed()?;
            }
            if sweeps { keeper.sweep() } else { Ok(None) }
        });
        match kept {
            Ok(Some(sweep)) => {
                tracing::debug!(?sweep, "flows swept");
                crowded = sweep.left() > keeper.datapath.flows().room() / 2;
                in_vain = if sweep.deleted > 0 { 0 } else { in_vain + 1 };
            }
            Ok(None) => {}
            // Said at most once a second.
            Err(error) if looks => tracing::warn!(%error, "the flow table can't be looked after; trying again"),
            Err(_) => {}
        }
        if sweeps {
            // A table of millions takes a while to walk through: never more than a twentieth of a processor.
            let (rest, again) = (20 * began.elapsed(), if in_vain < 3 { SOONER } else { EVERY });
            (due, sooner) = (Instant::now() + EVERY.max(rest), Instant::now() + again.max(rest));
        }
    }
}
