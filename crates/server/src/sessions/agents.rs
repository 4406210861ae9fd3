//! Where agents connect: TLS in front, one task per connection, deadlines on everything that a stranger could drag out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pintle_core::host_protocol::ServerMessage;
use pintle_core::id::HostId;
use pintle_core::model::Host;
use pintle_core::txn::Snapshot;
use pintle_core::{Request, query};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::doorway::{Doorway, Visit};
use super::handshake::{self, First};
use super::wire::{self, Incoming, Outgoing};
use super::{Bye, Link, Outbox, Sessions};
use crate::engine::Engine;
use crate::pki::{Authority, PkiError, host_of};

/// How patient the listener is.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// For the TLS handshake and the first message, together.
    pub handshake: Duration,
    /// For an agent to take one frame.
    pub write: Duration,
    /// How many connections may be in their handshake at once; more wait to be accepted.
    pub pending: usize,
    /// How many of these may come from one source, an IPv4 address or an IPv6 network of 64 bits; more are closed.
    pub per_source: usize,
}

impl Default for AgentSettings {
    fn default() -> Self {
        AgentSettings {
            handshake: Duration::from_secs(10),
            write: Duration::from_secs(20),
            pending: 64,
            per_source: 16,
        }
    }
}

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// The agents' door.
pub struct AgentListener {
    stop: CancellationToken,
    tasks: TaskTracker,
    address: SocketAddr,
}

/// What every connection needs.
struct Shared {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    authority: Authority,
    acceptor: TlsAcceptor,
    settings: AgentSettings,
    tasks: TaskTracker,
}

impl AgentListener {
    /// Serves agents on a listening socket until [`AgentListener::stop`].
    ///
    /// # Errors
    /// [`PkiError`] when the authority can't make a certificate for this server.
    pub fn start(
        listener: TcpListener,
        engine: Arc<Engine>,
        sessions: Arc<Sessions>,
        authority: Authority,
        settings: AgentSettings,
    ) -> Result<AgentListener, PkiError> {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server_config()?));
        let address = listener.local_addr().map_err(|source| PkiError::Socket { source })?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Shared { engine, sessions, authority, acceptor, settings, tasks: tasks.clone() };
        tasks.spawn(accept(listener, Arc::new(shared), stop.clone()));
        Ok(AgentListener { stop, tasks, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, drops who is still in the handshake, tells the other agents to come back later, and waits until
    /// all connections have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let doorway = Doorway::new(shared.settings.pending, shared.settings.per_source);
    loop {
        let next = async {
            let place = doorway.place().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(visit) = doorway.admit(place, peer.ip()) else {
                    let most = shared.settings.per_source;
                    tracing::debug!(%peer, most, "closed: its source has as many handshakes under way as it may");
                    continue;
                };
                let span = tracing::info_span!("agent", %peer, host = tracing::field::Empty);
                let (shared, stop) = (shared.clone(), stop.clone());
                let tasks = shared.tasks.clone();
                tasks.spawn(connection(stream, shared, visit, stop).instrument(span));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting an agent's connection failed; going on");
                // Out of file descriptors, most likely: trying again at once would only spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One connection from its first byte to its last.
async fn connection(stream: TcpStream, shared: Arc<Shared>, visit: Visit, stop: CancellationToken) {
    let greeted = tokio::select! {
        greeted = timeout(shared.settings.handshake, greet(stream, &shared)) => greeted,
        () = stop.cancelled() => return,
    };
    drop(visit);
    match greeted {
        Err(_) => tracing::info!("no first message within {:?}; closed", shared.settings.handshake),
        Ok(None) => {}
        Ok(Some((mut incoming, mut outgoing, First::Session(hello)))) => {
            tracing::Span::current().record("host", tracing::field::display(hello.host));
            incoming.trust();
            let (link, outbox, welcome) = shared.sessions.open(&hello);
            tracing::info!(resume = ?hello.resume, "session begins");
            let bye = tokio::select! {
                bye = session(&shared, link, outbox, welcome, &mut incoming, &mut outgoing) => bye,
                () = stop.cancelled() => Bye::retry("the server is stopping"),
            };
            tracing::info!(reason = bye.reason, fatal = bye.fatal, "session ends");
            farewell(&mut outgoing, &bye.into()).await;
        }
        Ok(Some((_, mut outgoing, First::Answer(answer)))) => farewell(&mut outgoing, &answer).await,
    }
}

/// TLS and the first message; `None` when the peer has gone or never spoke the protocol.
async fn greet(stream: TcpStream, shared: &Shared) -> Option<(Incoming, Outgoing, First)> {
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "the connection's options could not be set");
    }
    let tls = match shared.acceptor.accept(stream).await {
        Ok(tls) => tls,
        Err(error) => {
            tracing::info!(%error, "TLS handshake failed");
            return None;
        }
    };
    let certified: Option<HostId> = tls.get_ref().1.peer_certificates().and_then(|chain| host_of(chain.first()?));
    let (mut incoming, mut outgoing) = wire::split(tls);
    let first = match incoming.next().await {
        Ok(None) => return None,
        Ok(Some(message)) => handshake::judge(message, certified, &shared.engine, &shared.authority).await,
        Err(bye) => Err(bye),
    };
    match first {
        Ok(first) => Some((incoming, outgoing, first)),
        Err(bye) => {
            tracing::info!(reason = bye.reason, "refused");
            farewell(&mut outgoing, &bye.into()).await;
            None
        }
    }
}

/// Both directions of a session until one of them, or the table, ends it.
async fn session(
    shared: &Shared,
    mut link: Link,
    mut outbox: Outbox,
    welcome: ServerMessage,
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
) -> Bye {
    if let Err(bye) = handshake::still_there(link.host(), &shared.engine).await {
        return bye;
    }
    let ended = link.ended();
    tokio::select! {
        bye = ended.wait() => bye,
        bye = receive(shared, &mut link, incoming) => bye,
        bye = send(shared, welcome, &mut outbox, outgoing) => bye,
    }
}

async fn receive(shared: &Shared, link: &mut Link, incoming: &mut Incoming) -> Bye {
    loop {
        let taken = match incoming.next().await {
            Ok(Some(message)) => link.take(message),
            Ok(None) => return Bye::retry("the agent has closed the connection"),
            Err(bye) => return bye,
        };
        match taken {
            Ok(None) => {}
            Ok(Some(command)) => {
                // Not for a host that has been removed meanwhile: the command would join it anew.
                let host = link.host();
                let is_there = |snapshot: &dyn Snapshot| Ok(query::find::<Host>(snapshot, host)?.is_some());
                match shared.engine.execute_if(Request::system(command), is_there).await {
                    Ok(Some(_)) => {}
                    Ok(None) => return handshake::removed(),
                    Err(error) => return handshake::refused(error),
                }
            }
            Err(bye) => return bye,
        }
    }
}

async fn send(shared: &Shared, welcome: ServerMessage, outbox: &mut Outbox, outgoing: &mut Outgoing) -> Bye {
    let mut message = welcome;
    loop {
        match timeout(shared.settings.write, outgoing.send(&message)).await {
            Ok(Ok(())) => message = outbox.next().await,
            Ok(Err(error)) => return Bye::retry(format!("the connection failed: {error}")),
            Err(_) => return Bye::retry(format!("the agent took nothing for {:?}", shared.settings.write)),
        }
    }
}

/// The last message, if the peer still takes it.
async fn farewell(outgoing: &mut Outgoing, message: &ServerMessage) {
    let goodbye = async {
        outgoing.send(message).await?;
        outgoing.close().await
    };
    match timeout(FAREWELL, goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the farewell could not be sent"),
        Err(_) => tracing::debug!("the farewell was not taken in time"),
    }
}

/// Small messages leave at once, and a host that vanishes without a word is noticed within half a minute.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &10)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &5)?;
    setsockopt(stream, sockopt::TcpKeepCount, &3)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &25_000)?;
    Ok(())
}
