//! Following the store: whatever is committed becomes desired state, and the reconciler hears of it.
//!
//! Everything the watch has ready is one step: subjects are worked out once however many commits touched them. The step
//! is worked out on one snapshot, and the watch is read exactly up to it, so the result is the state at one revision.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pintle_core::compile::{Carriers, Subject};
use pintle_core::id::{HostId, VniId};
use pintle_core::model::{Host, Vni};
use pintle_core::record::{Record, lists_of};
use pintle_core::refusal::DecideError;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{compile, query};
use pintle_store::{Batch, Event, StoreError, Watch};
use tokio::sync::mpsc;

use super::{Compiled, Dirty, Projection, scan};
use crate::engine::{Engine, EngineError};
use crate::life;
use crate::reconcile::Change;
use crate::sessions::Sessions;

/// How many subjects are worked out before others on this thread get their turn: about 5 ms.
const SLICE: usize = 32;
/// How long to wait before reading a failing store again.
const RETRY: Duration = Duration::from_millis(500);

/// Keeps a table of sessions up to date with a store.
pub(crate) struct Follower {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    changes: mpsc::UnboundedSender<Change>,
    carriers: Carriers,
    watch: Watch,
    /// What has been read from the watch and is not yet in the projection.
    dirty: Dirty,
}

impl Follower {
    /// Works out everything that is stored; agents can be served when this returns.
    ///
    /// # Errors
    /// When the store can't be read. A record that can't be understood is an error here: to leave it out would take
    /// from a host what it should have.
    pub(crate) fn start(
        engine: Arc<Engine>,
        sessions: Arc<Sessions>,
        changes: mpsc::UnboundedSender<Change>,
    ) -> Result<Follower, EngineError> {
        let (carriers, compiled, change, revision) = everything(&engine)?;
        let watch = engine.watch(revision)?;
        tracing::info!(revision, subjects = compiled.len(), "desired state is known");
        sessions.begin_desired(Projection::new(revision, compiled));
        engine.committed(revision);
        // The receiver is gone only when the control plane is being stopped.
        let _ = changes.send(change);
        Ok(Follower { engine, sessions, changes, carriers, watch, dirty: Dirty::default() })
    }

    /// Follows the store until it is closed.
    pub(crate) async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(EngineError::Store(StoreError::Closed)) => return,
                Err(EngineError::Store(StoreError::Compacted { oldest })) => {
                    tracing::warn!(oldest, "fell behind the store's history; working everything out again");
                    if let Err(error) = self.start_over() {
                        tracing::error!(%error, "the store can't be read; trying again");
                        tokio::time::sleep(RETRY).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the store can't be followed; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Takes in everything that has been committed by now; waits for the next commit if nothing is left over. What was read stays in `dirty`
    /// when a later part fails.
    async fn step(&mut self) -> Result<(), EngineError> {
        if self.dirty.is_empty() {
            let first = self.watch.next().await?;
            self.note(&first);
        }
        let engine = self.engine.clone();
        let snapshot = engine.snapshot()?;
        let revision = snapshot.revision();
        // Everything up to the snapshot is in the history already, so this does not wait.
        while self.watch.position() < revision {
            let batch = self.watch.next().await?;
            self.note(&batch);
        }
        self.dirty.widen(&*snapshot, &mut self.carriers)?;
        let mut compiled = Compiled::new();
        for (count, subject) in self.dirty.subjects.iter().enumerate() {
            compiled.extend(self.compile(&*snapshot, *subject)?);
            if count % SLICE == SLICE - 1 {
                tokio::task::yield_now().await;
            }
        }
        let change = Change::read(&*snapshot, &self.dirty)?;
        let gone = missing_hosts(&*snapshot, &self.dirty)?;
        drop(snapshot);
        self.sessions.update_desired(|projection| projection.apply(revision, compiled));
        gone.into_iter().for_each(|host| self.sessions.expel(host));
        self.dirty = Dirty::default();
        self.engine.committed(revision);
        // The receiver is gone only when the control plane is being stopped.
        let _ = self.changes.send(change);
        Ok(())
    }

    /// A subject's entries; nothing when a record of it can't be understood: then it stays as it was on the hosts.
    fn compile(&self, snapshot: &dyn Snapshot, subject: Subject) -> Result<Compiled, DecideError> {
        match scan::compile(snapshot, &self.carriers, [subject]) {
            Ok(compiled) => Ok(compiled),
            Err(DecideError::Read(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, ?subject, "what hosts should have can't be worked out; they keep what they have");
                Ok(Compiled::new())
            }
        }
    }

    fn note(&mut self, batch: &Batch) {
        log_life(batch);
        for event in &batch.events {
            if let Err(error) = self.dirty.note(event) {
                let revision = batch.revision;
                tracing::error!(%error, revision, "a committed record can't be understood; hosts keep what they have");
            }
        }
    }

    fn start_over(&mut self) -> Result<(), EngineError> {
        let (carriers, mut compiled, change, revision) = everything(&self.engine)?;
        let now: BTreeSet<Subject> = compiled.iter().map(|(subject, _)| *subject).collect();
        self.watch = self.engine.watch(revision)?;
        self.carriers = carriers;
        self.dirty = Dirty::default();
        // Some may have been removed meanwhile: the next step finds out.
        self.dirty.hosts = self.sessions.known();
        self.sessions.update_desired(|projection| {
            let gone = projection.subjects().filter(|subject| !now.contains(subject));
            compiled.extend(gone.map(|subject| (subject, compile::HostEntries::new())).collect::<Vec<_>>());
            projection.apply(revision, compiled)
        });
        let _ = self.changes.send(change);
        Ok(())
    }
}

/// What a start needs: who carries what, all entries, all unsettled records, and the revision of it all.
fn everything(engine: &Engine) -> Result<(Carriers, Compiled, Change, Revision), EngineError> {
    let snapshot = engine.snapshot()?;
    let (carriers, subjects) = scan::attached(&*snapshot)?;
    let compiled = scan::compile(&*snapshot, &carriers, subjects)?;
    let change = Change::read_all(&*snapshot)?;
    Ok((carriers, compiled, change, snapshot.revision()))
}

fn missing_hosts(snapshot: &dyn Snapshot, dirty: &Dirty) -> Result<Vec<HostId>, DecideError> {
    let mut missing = Vec::new();
    for host in &dirty.hosts {
        if query::find::<Host>(snapshot, *host)?.is_none() {
            missing.push(*host);
        }
    }
    Ok(missing)
}

/// The first and the last step of an interface's life. Its place in the list of all is written when it is created and at
/// no other time.
fn log_life(batch: &Batch) {
    let list = lists_of::<Vni>();
    let of_vni = |event: &Event| event.key.strip_prefix(Vni::KIND)?.strip_prefix('/')?.parse::<VniId>().ok();
    let is_new = |id: VniId| {
        let listed = |event: &Event| event.value.is_some() && event.key.starts_with(&list);
        let id = id.to_string();
        batch.events.iter().any(|event| listed(event) && event.key.ends_with(&id))
    };
    for event in &batch.events {
        match (of_vni(event), &event.value) {
            (Some(id), None) => life::deleted(id),
            (Some(id), Some(value)) if is_new(id) => {
                if let Ok(vni) = serde_json::from_slice(value) {
                    life::provisioned(&vni);
                }
            }
            _ => {}
        }
    }
}
