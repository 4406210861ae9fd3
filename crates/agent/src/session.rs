//! A session with the server: desired state comes down, what became of it goes up.
//!
//! A session that ends changes nothing on the host. The next one goes on where this one was, if the server still can, and
//! otherwise gets the whole state again.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use pintle_core::host_protocol::{AgentMessage, DriftReport, Hello, PROTOCOL_VERSION, Resume, ServerMessage};
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::telemetry::{Answer, Question};
use pintle_core::txn::Revision;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, random};
use crate::connection::{self, Connection, Sender};
use crate::desired::{Delta, Desired};
use crate::error::AgentError;
use crate::identity::{Identity, session_tls};
use crate::telling::Teller;
use crate::underlay::Underlay;
use crate::worker::{Asked, Progress, Work};

/// How long the server may take to answer the greeting.
const WELCOME_WITHIN: Duration = Duration::from_secs(15);

/// How often room in the worker's inbox is looked for when there is none.
const ROOM_CHECK: Duration = Duration::from_millis(5);

/// The most drift reports in one message.
const REPORTS: usize = 100;

/// Who the host is to the server.
pub(crate) struct About {
    pub(crate) identity: Identity,
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) uplink: Option<String>,
    pub(crate) max_ports: u32,
}

/// The worker, as a session needs it.
pub(crate) struct Link<'a> {
    pub(crate) inbox: &'a SyncSender<Work>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) drift: &'a mut mpsc::Receiver<DriftReport>,
    pub(crate) teller: Teller,
}

/// Keeps a session with the server until told to stop.
///
/// # Errors
/// [`AgentError::Refused`] when the server does not want this host, and errors of the identity.
pub(crate) async fn keep(about: &About, mut link: Link<'_>, shutdown: &CancellationToken) -> Result<(), AgentError> {
    let mut backoff = Backoff::default();
    loop {
        let mut welcomed = false;
        let ended = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            ended = one(about, &mut link, &mut welcomed) => ended,
        };
        if welcomed {
            backoff.reset();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                handed = hand_over(link.inbox, Work::Parted) => handed?,
            }
        }
        match ended {
            Err(error @ AgentError::Connection(_)) => tracing::warn!(%error, "no session with the server"),
            Err(error) => return Err(error),
            Ok(()) => tracing::info!("the server ended the session"),
        }
        let wait = backoff.wait(random());
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = sleep(wait) => {}
        }
    }
}

/// One session, until it ends.
async fn one(about: &About, link: &mut Link<'_>, welcomed: &mut bool) -> Result<(), AgentError> {
    let mut connection = connection::open(&about.server, session_tls(&about.identity)?).await?;
    let start = link.progress.borrow_and_update().clone();
    let resume = start.epoch.clone().map(|epoch| Resume { epoch, revision: start.applied.revision });
    let hello = Hello {
        version: PROTOCOL_VERSION,
        host: about.identity.host,
        name: about.name.clone(),
        zone: about.zone.clone(),
        vtep: start.underlay.vtep,
        underlay_mtu: start.underlay.mtu,
        uplink: about.uplink.clone(),
        max_ports: about.max_ports,
        resume,
    };
    connection.send(&AgentMessage::Hello(hello)).await?;
    let (epoch, resumed) = greeting(&mut connection).await?;
    *welcomed = true;
    tracing::info!(server = about.server, resumed, "session begun");
    let (mut sender, mut receiver) = connection.split();
    let (answer, mut answers) = mpsc::unbounded_channel();
    if resumed {
        hand_over(link.inbox, Work::Resumed).await?;
    }
    let floor = resumed.then_some(start.applied.revision);
    let mut stream = Stream { epoch, floor, parts: Vec::new(), teller: link.teller.clone(), answer };
    let mut underlay = start.underlay;
    stream.report(&mut sender, &start).await?;
    let mut reports = Vec::new();
    loop {
        tokio::select! {
            message = receiver.receive::<ServerMessage>() => match message? {
                Some(message) => stream.take(link.inbox, message).await?,
                None => return Ok(()),
            },
            changed = link.progress.changed() => {
                changed.map_err(|_| worker_gone())?;
                let now = link.progress.borrow_and_update().clone();
                tell_underlay(&mut sender, &mut underlay, now.underlay).await?;
                stream.report(&mut sender, &now).await?;
            }
            // The stream holds a sender, so there is always one to come.
            Some((id, answer)) = answers.recv() => sender.send(&AgentMessage::Answer { id, answer }).await?,
            count = link.drift.recv_many(&mut reports, REPORTS) => {
                if count == 0 {
                    return Err(worker_gone());
                }
                sender.send(&AgentMessage::Drift(std::mem::take(&mut reports))).await?;
            }
        }
    }
}

/// Waits for the server's answer to the greeting.
async fn greeting(connection: &mut Connection) -> Result<(String, bool), AgentError> {
    let answer = timeout(WELCOME_WITHIN, connection.receive()).await;
    match answer.map_err(|_| AgentError::Connection("the server did not answer in 15 s".into()))?? {
        Some(ServerMessage::Welcome { epoch, resumed }) => Ok((epoch, resumed)),
        Some(ServerMessage::Bye { reason, fatal }) => Err(goodbye(reason, fatal)),
        Some(_) => Err(AgentError::Connection("the server's first word was not 'welcome'".into())),
        None => Err(AgentError::Connection("the server closed the connection without a word".into())),
    }
}

fn goodbye(reason: String, fatal: bool) -> AgentError {
    if fatal { AgentError::Refused { reason } } else { AgentError::Connection(format!("the server says: {reason}")) }
}

fn worker_gone() -> AgentError {
    AgentError::Config("the reconciler's thread has ended unexpectedly; see the log".into())
}

async fn tell_underlay(sender: &mut Sender, told: &mut Underlay, now: Underlay) -> Result<(), AgentError> {
    if (told.vtep, told.mtu) == (now.vtep, now.mtu) {
        return Ok(());
    }
    *told = now;
    sender.send(&AgentMessage::Underlay { vtep: now.vtep, underlay_mtu: now.mtu }).await
}

/// The stream of desired state within one session.
struct Stream {
    epoch: String,
    /// From which revision on what has been applied is of interest to this session.
    floor: Option<Revision>,
    parts: Vec<(EntryKey, Entry)>,
    teller: Teller,
    /// Where answers to questions go. They end with the session: nobody waits for them in another.
    answer: mpsc::UnboundedSender<(u64, Answer)>,
}

impl Stream {
    async fn take(&mut self, inbox: &SyncSender<Work>, message: ServerMessage) -> Result<(), AgentError> {
        match message {
            ServerMessage::Snapshot { revision, entries, last } => {
                self.parts.extend(entries);
                if !last {
                    return Ok(());
                }
                self.floor = Some(revision);
                let desired = Desired::new(revision, std::mem::take(&mut self.parts));
                hand_over(inbox, Work::Whole { epoch: self.epoch.clone(), desired }).await
            }
            ServerMessage::Delta { revision, put, removed } => {
                hand_over(inbox, Work::Change { revision, delta: Delta { put, removed } }).await
            }
            ServerMessage::Ask { id, question } => self.ask(inbox, id, question).await,
            ServerMessage::Bye { reason, fatal } => Err(goodbye(reason, fatal)),
            ServerMessage::Welcome { .. } | ServerMessage::Enrolled { .. } => {
                Err(AgentError::Connection("the server sent a greeting in the middle of a session".into()))
            }
        }
    }

    /// Has a question answered by whoever can without being in the way: what is to be read from the data plane on a thread
    /// of its own, what depends on the desired state by the worker, between two changes.
    async fn ask(&self, inbox: &SyncSender<Work>, id: u64, question: Question) -> Result<(), AgentError> {
        let asked = Asked { id, answer: self.answer.clone() };
        match question {
            Question::Explain(probe) => hand_over(inbox, Work::Explain { probe, asked }).await,
            Question::Flows { vni, limit } => {
                let teller = self.teller.clone();
                spawn_blocking(move || asked.answer(teller.flows(vni, limit)));
                Ok(())
            }
            Question::TakeOver { vni, flows } => {
                let teller = self.teller.clone();
                spawn_blocking(move || asked.answer(teller.take_over(vni, &flows)));
                Ok(())
            }
            Question::Drops { vni } => {
                let teller = self.teller.clone();
                spawn_blocking(move || asked.answer(teller.drops(vni)));
                Ok(())
            }
        }
    }

    /// Tells the server how far the host is, unless that is of another stream.
    async fn report(&self, sender: &mut Sender, now: &Progress) -> Result<(), AgentError> {
        let of_this = now.epoch.as_ref() == Some(&self.epoch);
        if !of_this || self.floor.is_none_or(|floor| now.applied.revision < floor) {
            return Ok(());
        }
        sender.send(&AgentMessage::Applied(now.applied.clone())).await
    }
}

/// Puts work into the worker's inbox; while that is full the server is not read, which holds it back.
async fn hand_over(inbox: &SyncSender<Work>, mut work: Work) -> Result<(), AgentError> {
    loop {
        match inbox.try_send(work) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(back)) => work = back,
            Err(TrySendError::Disconnected(_)) => return Err(worker_gone()),
        }
        sleep(ROOM_CHECK).await;
    }
}
