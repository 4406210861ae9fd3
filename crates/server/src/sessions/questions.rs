//! Questions to a host and who waits for the answers, within one session.
//!
//! A question is not desired state: it goes out once, in this session or not at all, and nobody waits for long.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use pintle_core::host_protocol::ServerMessage;
use pintle_core::id::HostId;
use pintle_core::telemetry::{Answer, Question};
use tokio::sync::oneshot;

use super::Sessions;

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How many questions to one host may be open at once.
const MAX_OPEN: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The host has no session.
    #[error("host {0} is not connected; what it forwards now can't be seen from here")]
    Away(HostId),
    /// The session ended before the answer came.
    #[error("host {0} went away before it answered")]
    Left(HostId),
    /// No answer in time.
    #[error("host {host} has not answered within {} s", PATIENCE.as_secs(), host = .0)]
    Slow(HostId),
    /// Too many open questions.
    #[error("{MAX_OPEN} questions to host {0} are waiting for answers; try again")]
    Busy(HostId),
}

/// The open questions of one session.
#[derive(Debug, Default)]
pub(super) struct Questions {
    last: u64,
    /// Not yet sent.
    ready: VecDeque<(u64, Question)>,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
}

impl Questions {
    /// Takes a question; `None` when too many are open.
    fn ask(&mut self, question: Question) -> Option<oneshot::Receiver<Answer>> {
        self.waiting.retain(|_, waiter| !waiter.is_closed());
        if self.waiting.len() >= MAX_OPEN {
            return None;
        }
        self.last += 1;
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(self.last, sender);
        self.ready.push_back((self.last, question));
        Some(receiver)
    }

    /// The next question to send, unless nobody waits for its answer any more.
    pub(super) fn next(&mut self) -> Option<ServerMessage> {
        loop {
            let (id, question) = self.ready.pop_front()?;
            if self.waiting.get(&id).is_some_and(|waiter| !waiter.is_closed()) {
                return Some(ServerMessage::Ask { id, question });
            }
        }
    }

    /// Hands an answer to whoever waits for it. One that comes too late is dropped.
    pub(super) fn answered(&mut self, id: u64, answer: Answer) {
        if let Some(waiter) = self.waiting.remove(&id) {
            // A failed send means that the patience has just ended.
            let _ = waiter.send(answer);
        }
    }
}

impl Sessions {
    /// Asks a host and waits for its answer, at most [`PATIENCE`].
    ///
    /// # Errors
    /// [`AskError`] when the host is away, slow, or asked too much.
    pub async fn ask(&self, host: HostId, question: Question) -> Result<Answer, AskError> {
        let receiver = {
            let mut hosts = self.hosts();
            let session = hosts.get_mut(&host).and_then(|seat| seat.session.as_mut());
            let session = session.ok_or(AskError::Away(host))?;
            let receiver = session.questions.ask(question).ok_or(AskError::Busy(host))?;
            session.wake.notify_one();
            receiver
        };
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(AskError::Left(host)),
            Err(_) => Err(AskError::Slow(host)),
        }
    }
}
