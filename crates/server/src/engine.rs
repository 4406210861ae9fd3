//! The engine: one command in, one transaction out.
//!
//! A command is judged on a fresh snapshot and what it wants is committed with everything it relied on as a condition.
//! When another commit got in between, it is judged again; no rule needs a lock, and a refusal is always about a state
//! that really was. Every commit goes through here, so waiting for a new revision needs no polling.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pintle_core::id::IdSource;
use pintle_core::record::Record;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{Command, DecideError, Reply, Request, decide, query};
use pintle_store::{Outcome, Store, StoreError, Watch};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::hints::Hints;
use crate::life;

/// How often one command is judged before it is given up as overtaken.
const MAX_ATTEMPTS: u32 = 64;
/// How often a command tries its luck before it queues.
///
/// Many commands that want the same thing (the next address of one subnet) would overtake each other again and again,
/// and the work of judging them would grow with the square of their number. Whoever has lost this often queues and is
/// judged alone; everybody else goes on undisturbed.
const FREE_ATTEMPTS: u32 = 3;

/// A command was not carried out, or a read failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The rules forbid it, or the store could not be read while judging.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other commits kept changing what the command relies on.
    #[error(
        "the command was overtaken by other changes {attempts} times in a row and nothing was changed: send it again"
    )]
    Busy {
        /// How often it was judged.
        attempts: u32,
    },
}

/// Judges commands and commits what they amount to. Shared as an [`Arc`] by front ends, sessions and reconcilers.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn IdSource + Send>>,
    newest: watch::Sender<Revision>,
    hints: Hints,
    /// The queue of those who lost too often, in order of arrival.
    losers: tokio::sync::Mutex<()>,
    stopping: CancellationToken,
}

impl Engine {
    /// An engine over a store. Nothing else may commit to the store while the engine lives.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ids: Box<dyn IdSource + Send>) -> Arc<Engine> {
        let (ids, newest, losers) = (Mutex::new(ids), watch::Sender::new(0), tokio::sync::Mutex::new(()));
        let (hints, stopping) = (Hints::default(), CancellationToken::new());
        Arc::new(Engine { store, clock, ids, newest, hints, losers, stopping })
    }

    /// Carries out a command; one that comes without saying who asks is the operator's.
    ///
    /// # Errors
    /// [`EngineError::Decide`] with the refusal; [`EngineError::Busy`] when it was overtaken again and again;
    /// [`EngineError::Store`] when the commit failed (after [`StoreError::Closed`] it may have been carried out).
    pub async fn execute(&self, request: impl Into<Request>) -> Result<Reply, EngineError> {
        Ok(self.execute_at(request).await?.0)
    }

    /// Carries out a command; also the revision at which it holds. That is the commit's own revision, or the store's
    /// newest one when the command changed nothing.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn execute_at(&self, request: impl Into<Request>) -> Result<(Reply, Revision), EngineError> {
        let done = self.execute_if(request, |_| Ok(true)).await?;
        Ok(done.expect("the condition always holds"))
    }

    /// Carries out a command if `holds` says so of the very snapshot on which the command is judged; `None` otherwise.
    ///
    /// For whoever acts on something it saw earlier: what `holds` looks at must be among what the command itself reads,
    /// so that the commit fails if it changes after the check.
    ///
    /// # Errors
    /// As [`Engine::execute`], and what `holds` returns.
    pub async fn execute_if(
        &self,
        request: impl Into<Request>,
        holds: impl Fn(&dyn Snapshot) -> Result<bool, DecideError> + Send + Sync,
    ) -> Result<Option<(Reply, Revision)>, EngineError> {
        let request = request.into();
        let mut turn = None;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt >= FREE_ATTEMPTS && turn.is_none() {
                turn = Some(self.losers.lock().await);
            }
            let decided = self.read_now(|snapshot| {
                let snapshot = &self.hints.over(snapshot);
                if !holds(snapshot)? {
                    return Ok(None);
                }
                decide(snapshot, self.clock.now(), &mut SharedIds(&self.ids), request.clone()).map(Some)
            })?;
            let Some((mut txn, reply)) = decided else { return Ok(None) };
            self.hints.learn(&mut txn);
            match self.store.commit(txn).await? {
                Outcome::Committed { revision } => {
                    self.committed(revision);
                    log_forced_detachment(&request.command, &reply);
                    return Ok(Some((reply, revision)));
                }
                Outcome::Conflict { failed } => tracing::debug!(attempt, ?failed, "overtaken; judging again"),
            }
        }
        Err(EngineError::Busy { attempts: MAX_ATTEMPTS })
    }

    /// What would come of a command if it were carried out now.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn judge(&self, request: impl Into<Request> + Send) -> Result<Reply, EngineError> {
        let request = request.into();
        let judge = |snapshot: &dyn Snapshot| {
            decide(&self.hints.over(snapshot), self.clock.now(), &mut SharedIds(&self.ids), request)
        };
        self.read_now(judge).map(|(_, reply)| reply)
    }

    /// Reads one record, whoever's it is, with the revision of its last write.
    ///
    /// # Errors
    /// As [`Engine::read`].
    pub(crate) fn find<R: Record>(&self, id: R::Id) -> Result<Option<(R, Revision)>, EngineError> {
        match self.store.known(&R::key_of(id)) {
            Some(known) => Ok(known.map(|stored| query::decoded(&stored)).transpose()?),
            None => self.read_now(|snapshot| query::follow_if_there(snapshot, id)),
        }
    }

    /// Reads one consistent snapshot.
    ///
    /// `read` runs on the caller's thread: a record from the store's cache takes some 20 µs, so pages and joins of a
    /// few hundred records are fine, whole collections are not.
    ///
    /// # Errors
    /// What `read` returns, or [`EngineError::Store`] when no snapshot can be had.
    pub async fn read<T>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, DecideError> + Send,
    ) -> Result<T, EngineError> {
        self.read_now(read)
    }

    fn read_now<T>(&self, read: impl FnOnce(&dyn Snapshot) -> Result<T, DecideError>) -> Result<T, EngineError> {
        let snapshot = self.store.snapshot()?;
        Ok(read(&*snapshot)?)
    }

    /// Waits until `look` finds what it looks for; it is asked at once and again after every commit. `None` when
    /// `timeout` has passed or the server is stopping.
    ///
    /// # Errors
    /// What `look` returns, or [`EngineError::Store`] when no snapshot can be had.
    pub async fn wait<T>(
        &self,
        timeout: Duration,
        look: impl Fn(&dyn Snapshot) -> Result<Option<T>, DecideError> + Send + Sync,
    ) -> Result<Option<T>, EngineError> {
        let mut newest = self.newest.subscribe();
        let found = async {
            loop {
                // Marked as seen before looking: a commit during the look wakes the wait below.
                newest.borrow_and_update();
                if let Some(found) = self.read_now(&look)? {
                    return Ok(Some(found));
                }
                if newest.changed().await.is_err() {
                    return Err(EngineError::Store(StoreError::Closed));
                }
            }
        };
        tokio::select! {
            found = found => found,
            () = tokio::time::sleep(timeout) => Ok(None),
            () = self.stopping.cancelled() => Ok(None),
        }
    }

    /// From now on nobody waits: [`Engine::wait`] answers as if its time had passed. For a server that stops.
    pub(crate) fn stop_waiting(&self) {
        self.stopping.cancel();
    }

    /// Tells those who wait that the store has reached a revision.
    pub(crate) fn committed(&self, revision: Revision) {
        self.newest.send_if_modified(|newest| {
            let later = revision > *newest;
            *newest = revision.max(*newest);
            later
        });
    }

    /// The time that records get.
    pub fn now(&self) -> pintle_core::model::Timestamp {
        self.clock.now()
    }

    /// A new id, from the same source as the records' ids.
    pub(crate) fn ids(&self) -> impl IdSource + '_ {
        SharedIds(&self.ids)
    }

    /// A snapshot that may be held across several reads.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub(crate) fn snapshot(&self) -> Result<Box<dyn Snapshot + Send + '_>, StoreError> {
        self.store.snapshot()
    }

    /// All commits after a revision.
    ///
    /// # Errors
    /// As [`Store::watch`].
    pub(crate) fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        self.store.watch(after)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("newest", &*self.newest.borrow()).finish_non_exhaustive()
    }
}

/// A forced detachment leaves no record by which the reconciler could tell that it was one.
fn log_forced_detachment(command: &Command, reply: &Reply) {
    if let (Command::Detach { force: true, .. }, Reply::Attachment(attachment)) = (command, reply) {
        life::detached(attachment.vni, attachment.id, attachment.host);
    }
}

/// The one source of ids, taken for a single draw at a time so that decisions do not wait for each other.
struct SharedIds<'a>(&'a Mutex<Box<dyn IdSource + Send>>);

impl IdSource for SharedIds<'_> {
    fn bits(&mut self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bits()
    }

    fn next(&mut self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}
