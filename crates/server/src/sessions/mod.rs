//! The hosts' sessions: what each agent is sent, what it has reported, and who waits for that.
//!
//! The table here knows no sockets. A session is a [`Link`] (what the agent says) and an [`Outbox`] (what it is to be
//! sent); the TLS listener carries both over the wire, and a simulation drives them directly. What a host has reported
//! outlives its session, because a host that is away still has what it applied.

mod agents;
mod doorway;
mod handshake;
mod link;
mod outbox;
mod questions;
mod seat;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::compile::Subject;
use pintle_core::host_protocol::{Hello, Resume, ServerMessage};
use pintle_core::id::HostId;
use pintle_core::txn::Revision;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use crate::clock::{Clock, hex, random};
use crate::projector::{Compiled, Projection};

pub use agents::{AgentListener, AgentSettings};
pub use link::{Bye, Ended, Link};
pub use outbox::{FRAME_ENTRIES, Outbox};
use questions::Questions;
pub use questions::{AskError, PATIENCE};
use seat::{Current, Seat};
pub use seat::{Drift, MAX_DRIFT, Progress, SessionStatus};

/// How many sessions may hold a copy of their snapshot at once: bounds memory when every agent comes back together.
const SNAPSHOTS_AT_ONCE: usize = 8;

/// Desired state of all hosts and the sessions in which they get it.
pub struct Sessions {
    epoch: String,
    clock: Arc<dyn Clock>,
    desired: Mutex<Projection>,
    /// Whether desired state has been worked out: before that an agent would be told to remove everything.
    known: watch::Sender<bool>,
    hosts: Mutex<BTreeMap<HostId, Seat>>,
    /// Hosts of which something was heard, for the reconciler.
    heard: Mutex<BTreeSet<HostId>>,
    heard_any: Notify,
    snapshots: Arc<Semaphore>,
}

impl Sessions {
    /// A table without hosts, in a new life of the server. Nothing is sent to agents until desired state is known, which
    /// is when a [`Control`](crate::Control) has been started with it.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Sessions> {
        Arc::new(Sessions {
            epoch: hex(&random::<16>()),
            clock,
            desired: Mutex::new(Projection::new(0, Compiled::new())),
            known: watch::Sender::new(false),
            hosts: Mutex::default(),
            heard: Mutex::default(),
            heard_any: Notify::new(),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS_AT_ONCE)),
        })
    }

    /// Which life of the server this is: revisions that an agent got in another life mean nothing.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Opens a host's session; an older one of the same host ends. The first message to send is the [`ServerMessage::Welcome`]
    /// that comes back, then whatever the outbox yields.
    pub fn open(self: &Arc<Self>, hello: &Hello) -> (Link, Outbox, ServerMessage) {
        let resumed_at = hello.resume.as_ref().and_then(|resume| self.can_resume(hello.host, resume));
        let wake = Arc::new(Notify::new());
        let (ended, ended_receiver) = watch::channel(None);
        let number = {
            let mut hosts = self.hosts();
            let seat = hosts.entry(hello.host).or_insert_with(Seat::new);
            let number = seat.next_number();
            let told = seat.told_before(resumed_at);
            let since = self.clock.now();
            let current = Current { number, since, told, wake: wake.clone(), ended, questions: Questions::default() };
            if let Some(older) = seat.session.replace(current) {
                older.end(Bye::retry("a newer session of this host has begun"));
            }
            seat.begin(resumed_at);
            number
        };
        self.tell_heard(hello.host);
        let welcome = ServerMessage::Welcome { epoch: self.epoch.clone(), resumed: resumed_at.is_some() };
        let link = Link::new(self.clone(), hello.clone(), number, ended_receiver);
        (link, Outbox::new(self.clone(), hello.host, number, resumed_at, wake), welcome)
    }

    fn can_resume(&self, host: HostId, resume: &Resume) -> Option<Revision> {
        let desired = self.desired();
        let known = resume.revision <= desired.revision() && desired.host(host).reaches_back_to(resume.revision);
        (resume.epoch == self.epoch && known).then_some(resume.revision)
    }

    /// How a host stands; `None` if it has had no session in this life of the server.
    pub fn status(&self, host: HostId) -> Option<SessionStatus> {
        let desired = self.desired();
        self.hosts().get(&host).map(|seat| seat.status(host, desired.host(host)))
    }

    /// How every host stands that has had a session in this life of the server, by id.
    pub fn list(&self) -> Vec<SessionStatus> {
        let desired = self.desired();
        self.hosts().iter().map(|(id, seat)| seat.status(*id, desired.host(*id))).collect()
    }

    /// Whether every connected host has applied all entries of a subject as they were at `revision` or are since.
    pub fn settled_everywhere(&self, subject: Subject, revision: Revision) -> bool {
        self.look(|desired, progress| {
            let done =
                |host| !progress.connected(host) || progress.has_applied(host, desired.settled_at(subject, host));
            desired.revision() >= revision && desired.hosts_of(subject).all(done)
        })
    }

    /// Takes over what hosts should have, from nothing: agents are sent it from now on.
    pub(crate) fn begin_desired(&self, projection: Projection) {
        *self.desired() = projection;
        self.known.send_replace(true);
    }

    /// Brings what hosts should have up to date; `update` returns the hosts for which something changed.
    pub(crate) fn update_desired(&self, update: impl FnOnce(&mut Projection) -> BTreeSet<HostId>) {
        let changed = update(&mut self.desired());
        let hosts = self.hosts();
        for session in changed.iter().filter_map(|id| hosts.get(id)?.session.as_ref()) {
            session.wake.notify_one();
        }
    }

    /// The hosts that have had a session in this life of the server.
    pub(crate) fn known(&self) -> BTreeSet<HostId> {
        self.hosts().keys().copied().collect()
    }

    /// A host whose record is gone: its session ends for good.
    pub(crate) fn expel(&self, host: HostId) {
        self.desired().forget(host);
        if let Some(session) = self.hosts().remove(&host).and_then(|seat| seat.session) {
            session.end(handshake::removed());
        }
        self.tell_heard(host);
    }

    /// Looks at desired state and at what hosts have reported, at one moment.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Projection, Progress<'_>) -> T) -> T {
        let desired = self.desired();
        let hosts = self.hosts();
        look(&desired, Progress::new(&hosts))
    }

    /// The hosts of which something was heard since the last call; waits for one if there is none. Cancel-safe.
    pub(crate) async fn heard(&self) -> BTreeSet<HostId> {
        loop {
            let notified = self.heard_any.notified();
            let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
            if !heard.is_empty() {
                return heard;
            }
            notified.await;
        }
    }

    fn tell_heard(&self, host: HostId) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(host);
        self.heard_any.notify_one();
    }

    /// The end of a session, unless a newer one has taken its place.
    fn left(&self, host: HostId, number: u64) {
        if let Some(seat) = self.hosts().get_mut(&host)
            && seat.is_current(number)
        {
            seat.session = None;
            seat.heard = Instant::now();
        }
        self.tell_heard(host);
    }

    // A panic while one of these is held leaves whole values behind: every change below is a plain assignment or a map
    // operation, so going on is sound.
    fn desired(&self) -> MutexGuard<'_, Projection> {
        self.desired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taken after [`Sessions::desired`] where both are needed.
    fn hosts(&self) -> MutexGuard<'_, BTreeMap<HostId, Seat>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("epoch", &self.epoch)
            .field("hosts", &self.hosts().len())
            .finish_non_exhaustive()
    }
}
