//! Threads that end: when asked, when their owner is dropped, and after [`MAX_RUNTIME`] in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;

/// The longest that any probe's thread runs. A demo left on for a working day stays alive; a forgotten one ends.
pub const MAX_RUNTIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest that a thread waits for anything before it looks at its [`Stop`]: what a drop may take.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells a thread to end.
#[derive(Debug)]
pub(crate) struct Stop {
    asked: AtomicBool,
    latest: Moment,
}

impl Stop {
    /// Whether the thread is to end now.
    pub(crate) fn requested(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || Moment::now() >= self.latest
    }

    /// Until when a thread that has nothing else to do may wait before it asks again.
    pub(crate) fn next_look(&self) -> Moment {
        Moment::now() + LOOK_EVERY
    }

    /// Sleeps until `moment`, or until asked to end.
    pub(crate) fn sleep_until(&self, moment: Moment) {
        while !self.requested() && Moment::now() < moment {
            moment.min(self.next_look()).sleep_until();
        }
    }
}

/// A thread with its [`Stop`]; dropping it ends and joins the thread.
#[derive(Debug)]
pub(crate) struct Worker<T> {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a thread where the caller is: for work on sockets which exist already.
    pub(crate) fn start(name: &str, work: impl FnOnce(&Stop) -> T + Send + 'static) -> Result<Self> {
        let (stop, theirs) = Self::stop_pair();
        let thread = thread::Builder::new().name(name.into()).spawn(move || work(&theirs));
        Ok(Worker { stop, thread: Some(thread.map_err(ProbeError::system("start a thread"))?) })
    }

    /// Starts a thread inside a namespace: for work that makes sockets as it goes.
    pub(crate) fn start_in(ns: &Namespace, work: impl FnOnce(&Stop) -> T + Send + 'static) -> Result<Self> {
        let (stop, theirs) = Self::stop_pair();
        Ok(Worker { stop, thread: Some(ns.spawn(move || work(&theirs))?) })
    }

    /// Ends the thread and gives its result.
    pub(crate) fn finish(mut self) -> T {
        self.ask();
        let thread = self.thread.take().expect("only this and the drop take it, and this consumes the worker");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn stop_pair() -> (Arc<Stop>, Arc<Stop>) {
        let stop = Arc::new(Stop { asked: AtomicBool::new(false), latest: Moment::now() + MAX_RUNTIME });
        (stop.clone(), stop)
    }
}

impl<T> Worker<T> {
    /// Asks the thread to end and does not wait for it.
    pub(crate) fn ask(&self) {
        self.stop.asked.store(true, Ordering::Relaxed);
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.ask();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed by then; a second one in a drop would abort.
            let _ = thread.join();
        }
    }
}
