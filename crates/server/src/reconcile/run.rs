//! The reconciler's task: collects wake-ups, looks, and carries out what follows, many commands at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pintle_core::host_spec::EntryKey;
use pintle_core::id::{AttachmentId, HostId, VniId};
use pintle_core::model::{Attachment, Instance, MoveStep, Share};
use pintle_core::{Command, Request, query};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::item::Item;
use super::moves::{Look, Verdict};
use super::work::Work;
use super::{Change, Tracked, carry, records};
use crate::engine::{Engine, EngineError};
use crate::life;
use crate::sessions::Sessions;

/// How many commands are under way at once: enough for group commits, not enough to starve requests.
const AT_ONCE: usize = 128;
/// How long after a move connections that began elsewhere are taken in: several retransmissions of a TCP sender whose
/// segments were lost on the way (RFC 6298: 1, 2 and 4 s).
const ADOPTION: Duration = Duration::from_secs(10);
/// How long to wait after a command that the store failed.
const RETRY: Duration = Duration::from_secs(1);

/// Brings records up to date with what hosts have done.
pub(crate) struct Reconciler {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    changes: mpsc::UnboundedReceiver<Change>,
    work: Work,
    /// To be looked at.
    look: BTreeSet<Item>,
    /// With a command under way; and whether to look again once that is done.
    busy: BTreeMap<Item, bool>,
    commands: JoinSet<Done>,
    permits: Arc<Semaphore>,
    /// Which moves wait for a host.
    waiting: BTreeMap<HostId, BTreeSet<VniId>>,
    /// When an item's verdict changes by itself.
    deadlines: BTreeMap<Item, Instant>,
}

/// A command has been carried out, or need not be.
struct Done {
    item: Item,
    failed: bool,
}

impl Reconciler {
    /// A reconciler that is shown changed records through a channel.
    pub(crate) fn new(
        engine: Arc<Engine>,
        sessions: Arc<Sessions>,
        changes: mpsc::UnboundedReceiver<Change>,
    ) -> Reconciler {
        Reconciler {
            engine,
            sessions,
            changes,
            work: Work::default(),
            look: BTreeSet::new(),
            busy: BTreeMap::new(),
            commands: JoinSet::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: BTreeMap::new(),
            deadlines: BTreeMap::new(),
        }
    }

    /// Runs until nothing shows it changes any more.
    pub(crate) async fn run(mut self) {
        loop {
            self.look_at_everything();
            let deadline = self.deadlines.values().min().copied();
            tokio::select! {
                change = self.changes.recv() => match change {
                    Some(change) => self.take(change),
                    None => return,
                },
                hosts = self.sessions.heard() => self.heard(&hosts).await,
                Some(done) = self.commands.join_next() => self.finish(done),
                () = sleep_until(deadline) => {
                    // Each look sets a new deadline where one is still needed.
                    let now = Instant::now();
                    let due = self.deadlines.iter().filter(|(_, until)| **until <= now);
                    self.look.extend(due.map(|(item, _)| *item));
                }
            }
        }
    }

    fn take(&mut self, change: Change) {
        let now = Instant::now();
        self.look.extend(self.work.take(change, now));
        // Whatever else is there already belongs to the same look.
        while let Ok(change) = self.changes.try_recv() {
            self.look.extend(self.work.take(change, now));
        }
    }

    /// Hosts have reported, come or gone.
    async fn heard(&mut self, hosts: &BTreeSet<HostId>) {
        for host in hosts {
            self.look.extend(self.work.on_host(*host));
            self.look.extend(self.waiting.remove(host).unwrap_or_default().into_iter().map(Item::Move));
            // What the host should not have anyway needs no look-up: that is bounded by us, the report by the agent.
            let failing: Vec<EntryKey> = self.sessions.look(|desired, progress| {
                let wanted = desired.host(*host);
                progress.failing(*host).filter(|key| wanted.get(key).is_some()).collect()
            });
            for key in failing {
                self.heard_failure(*host, key).await;
            }
        }
    }

    /// A host says that it can't do something: it may be about a record that was settled.
    async fn heard_failure(&mut self, host: HostId, key: EntryKey) {
        let item = match key {
            EntryKey::Port(id) => Item::Attachment(id),
            EntryKey::Instance(id) => Item::Instance(id),
            EntryKey::Share(id) => Item::Share(id),
            EntryKey::PrefixList(_)
            | EntryKey::Group(_)
            | EntryKey::Acl(_)
            | EntryKey::Location(..)
            | EntryKey::Route(..)
            | EntryKey::Endpoint(..)
            | EntryKey::FloatingIp(_) => return,
        };
        if self.work.knows(item) {
            return;
        }
        let known = match item {
            Item::Attachment(id) => {
                let found = self.engine.read(|snapshot| query::find::<Attachment>(snapshot, id)).await;
                // A host speaks for its own ports only.
                found.map(|found| found.filter(|(record, _)| record.host == host)).map(|found| {
                    found.map(|(record, modified)| self.work.remember_attachment(Tracked { record, modified }))
                })
            }
            Item::Instance(id) => {
                let found = self.engine.read(|snapshot| query::find::<Instance>(snapshot, id)).await;
                found.map(|found| found.filter(|(record, _)| record.host == host)).map(|found| {
                    found.map(|(record, modified)| self.work.remember_instance(Tracked { record, modified }))
                })
            }
            Item::Share(id) => {
                let found = self.engine.read(|snapshot| query::find::<Share>(snapshot, id)).await;
                found
                    .map(|found| found.filter(|(record, _)| record.host == host))
                    .map(|found| found.map(|(record, modified)| self.work.remember_share(Tracked { record, modified })))
            }
            Item::Move(_) | Item::Adoption(_) => Ok(None),
        };
        match known {
            Ok(Some(())) => {
                self.look.insert(item);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%host, %key, %error, "a host's failure could not be looked up"),
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(done) => {
                let again = self.busy.remove(&done.item).unwrap_or(false);
                if again || done.failed {
                    self.look.insert(done.item);
                }
            }
            // Its item would never be looked at again.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => tracing::debug!(%error, "a reconciler's command was cancelled"),
        }
    }

    fn look_at_everything(&mut self) {
        for item in std::mem::take(&mut self.look) {
            if let Some(again) = self.busy.get_mut(&item) {
                *again = true;
                continue;
            }
            if let Some(command) = self.judge(item) {
                self.carry_out(item, command);
            }
        }
    }

    fn judge(&mut self, item: Item) -> Option<Command> {
        match item {
            Item::Attachment(id) => {
                let record = &self.work.attachment(id)?.record;
                self.sessions.look(|desired, progress| records::attachment(record, desired, progress))
            }
            Item::Instance(id) => {
                let record = &self.work.instance(id)?.record;
                self.sessions.look(|desired, progress| records::instance(record, desired, progress))
            }
            Item::Share(id) => {
                let record = &self.work.share(id)?.record;
                self.sessions.look(|desired, progress| records::share(record, desired, progress))
            }
            Item::Move(id) => self.judge_move(id),
            Item::Adoption(id) => self.judge_adoption(id),
        }
    }

    fn judge_move(&mut self, id: VniId) -> Option<Command> {
        self.deadlines.remove(&Item::Move(id));
        let (tracked, since) = self.work.moving(id)?;
        let now = Instant::now();
        let verdict = self.sessions.look(|desired, progress| Look { tracked, since, now, desired, progress }.judge());
        match verdict {
            Verdict::Act(command) => Some(*command),
            Verdict::Wait { hosts, until } => {
                for host in hosts {
                    self.waiting.entry(host).or_default().insert(id);
                }
                if let Some(until) = until {
                    self.deadlines.insert(Item::Move(id), until);
                }
                None
            }
        }
    }

    fn judge_adoption(&mut self, id: AttachmentId) -> Option<Command> {
        self.deadlines.remove(&Item::Adoption(id));
        let until = self.work.adopting(id)? + ADOPTION;
        if Instant::now() >= until {
            return Some(Command::EndAdoption(id));
        }
        self.deadlines.insert(Item::Adoption(id), until);
        None
    }

    fn carry_out(&mut self, item: Item, command: Command) {
        let Some(modified) = self.work.modified(item) else { return };
        let realised = match (&command, item) {
            (Command::AttachmentRealised(..), Item::Attachment(id)) => {
                self.work.attachment(id).map(|tracked| (tracked.record.vni, id, tracked.record.host))
            }
            _ => None,
        };
        // Before the new side speaks, and what was opened since once it does.
        let carries = match (&command, item) {
            (Command::AdvanceMove(vni, MoveStep::Prepare | MoveStep::Open), Item::Move(id)) => {
                let hosts = self.work.moving(id).map(|(tracked, _)| (tracked.from, tracked.to));
                hosts.filter(|(from, to)| from != to).map(|(from, to)| (self.sessions.clone(), *vni, from, to))
            }
            _ => None,
        };
        self.busy.insert(item, false);
        let (engine, permits) = (self.engine.clone(), self.permits.clone());
        self.commands.spawn(async move {
            let _permit = permits.acquire_owned().await;
            if let Some((sessions, vni, from, to)) = carries {
                carry::flows(&sessions, vni, from, to).await;
            }
            let outcome = execute(&engine, item, modified, command).await;
            match outcome {
                Ok(true) => {
                    if let Some((vni, attachment, host)) = realised {
                        life::programmed(vni, attachment, host);
                        life::operating(vni, attachment, host);
                    }
                    Done { item, failed: false }
                }
                Ok(false) => Done { item, failed: false },
                Err(error) => {
                    tracing::error!(?item, %error, "what a host has done could not be noted; trying again");
                    tokio::time::sleep(RETRY).await;
                    Done { item, failed: true }
                }
            }
        });
    }
}

/// Carries a command out if its record is still as it was judged; whether it did. A record that has changed since is
/// shown again, and judged then.
async fn execute(engine: &Engine, item: Item, modified: u64, command: Command) -> Result<bool, EngineError> {
    let key = item.key();
    if let Command::AdvanceMove(vni, step) = &command {
        tracing::info!(%vni, ?step, "step done");
    }
    if let Command::AbortMove(vni, why) = &command {
        tracing::warn!(%vni, why, "move given up");
    }
    let unchanged = |snapshot: &dyn pintle_core::txn::Snapshot| {
        Ok(snapshot.get(&key)?.is_some_and(|stored| stored.modified == modified))
    };
    Ok(engine.execute_if(Request::system(command), unchanged).await?.is_some())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
