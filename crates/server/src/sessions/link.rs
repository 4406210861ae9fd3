//! The agent's side of a session: what it says, checked and noted.

use std::sync::Arc;

use pintle_core::Command;
use pintle_core::command::RegisterHost;
use pintle_core::host_protocol::{AgentMessage, Hello, ServerMessage};
use pintle_core::id::HostId;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Sessions;

/// How many drift reports of one message go to the log.
const LOGGED_DRIFT: usize = 20;

/// Why a session is refused or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bye {
    /// For a person.
    pub reason: String,
    /// Whether trying again is useless.
    pub fatal: bool,
}

impl Bye {
    /// The agent may come back.
    pub fn retry(reason: impl Into<String>) -> Self {
        Bye { reason: reason.into(), fatal: false }
    }

    /// The agent must not come back as it is.
    pub fn fatal(reason: impl Into<String>) -> Self {
        Bye { reason: reason.into(), fatal: true }
    }
}

impl From<Bye> for ServerMessage {
    fn from(Bye { reason, fatal }: Bye) -> Self {
        ServerMessage::Bye { reason, fatal }
    }
}

/// A session as long as it lasts; dropping it tells the table that the host is away.
pub struct Link {
    sessions: Arc<Sessions>,
    hello: Hello,
    number: u64,
    ended: watch::Receiver<Option<Bye>>,
}

impl Link {
    pub(super) fn new(sessions: Arc<Sessions>, hello: Hello, number: u64, ended: watch::Receiver<Option<Bye>>) -> Self {
        Link { sessions, hello, number, ended }
    }

    /// The host.
    pub fn host(&self) -> HostId {
        self.hello.host
    }

    /// Takes what the agent says. A command that comes back is to be carried out on its behalf.
    ///
    /// # Errors
    /// What to end the session with when the message has no place in it.
    pub fn take(&mut self, message: AgentMessage) -> Result<Option<Command>, Bye> {
        let host = self.host();
        let mut command = None;
        let now = self.sessions.clock.now();
        let mut hosts = self.sessions.hosts();
        let seat = hosts.get_mut(&host).filter(|seat| seat.is_current(self.number));
        let Some(seat) = seat else { return Err(Bye::retry("this session has been replaced or ended")) };
        seat.heard = Instant::now();
        match message {
            AgentMessage::Applied(applied) => {
                let told = seat.session.as_ref().map_or(0, |session| session.told);
                if applied.revision > told {
                    let reason = format!(
                        "field 'revision': {} was reported as applied, but only {told} has been sent",
                        applied.revision
                    );
                    return Err(Bye::retry(reason));
                }
                seat.applied(applied);
            }
            AgentMessage::Drift(reports) => {
                for report in seat.drifted(now, reports).take(LOGGED_DRIFT) {
                    let key = report.key.map(|key| key.to_string());
                    tracing::warn!(%host, key, repaired = report.repaired, "drift: {}", report.message);
                }
            }
            AgentMessage::Answer { id, answer } => {
                if let Some(session) = seat.session.as_mut() {
                    session.questions.answered(id, answer);
                }
                // An answer is nothing that a reconciler acts on.
                return Ok(None);
            }
            AgentMessage::Underlay { vtep, underlay_mtu } => {
                (self.hello.vtep, self.hello.underlay_mtu) = (vtep, underlay_mtu);
                command = Some(register(&self.hello));
            }
            AgentMessage::Hello(_) => return Err(Bye::retry("a session has one Hello, and this is another")),
            AgentMessage::Enrol { .. } => return Err(Bye::fatal("this host is enrolled already")),
        }
        drop(hosts);
        self.sessions.tell_heard(host);
        Ok(command)
    }

    /// Tells when the table ends the session: a newer one has begun, the host was removed, the server stops.
    pub fn ended(&self) -> Ended {
        Ended(self.ended.clone())
    }
}

/// Waits for the table to end a session.
pub struct Ended(watch::Receiver<Option<Bye>>);

impl Ended {
    /// Why the session has ended, once it has.
    pub async fn wait(mut self) -> Bye {
        match self.0.wait_for(Option::is_some).await {
            Ok(bye) => bye.clone().unwrap_or_else(|| Bye::retry("the session has ended")),
            Err(_) => Bye::retry("the session has ended"),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.sessions.left(self.host(), self.number);
    }
}

/// What a host says of itself, as the command that notes it.
pub(super) fn register(hello: &Hello) -> Command {
    let Hello { host, name, zone, vtep, underlay_mtu, uplink, max_ports, .. } = hello.clone();
    Command::RegisterHost(RegisterHost { id: host, name, zone, vtep, underlay_mtu, uplink, max_ports })
}
