//! A TCP session which stays established while its server end moves from one namespace to another together with its address:
//! what a live-migrated guest's sessions do, without a guest.
//!
//! A client sends small requests every few milliseconds over one connection and compares every byte of the answers with
//! what they must be. The server's end is moved with `TCP_REPAIR`, as CRIU does: the kernel's state of the connection is
//! read in the old namespace and put into a new socket in the new one.
//!
//! The order matters, because a segment that reaches the address in a namespace without a socket for it is answered with a
//! reset, which ends the session:
//!
//! 1. [`Session::freeze`]: the old end stops. From here on it drops all it gets without a word, and sends nothing.
//! 2. [`Session::restore_in`] the new namespace. The address need not be there yet; a route to the client must.
//! 3. The move itself: the address is taken to the new namespace. What arrives on either side before or after is safe: at the
//!    old one a [shield](Session#shields) drops it, at the new one the session takes it up.
//!
//! [`Session::migrate`] does the three in order. Whatever was dropped in between TCP sends again, so the longest pause that a
//! session sees is at least the client's retransmission timeout (200 ms or more on Linux) unless the move is so short that
//! requests sent after it make TCP notice the loss sooner.

mod client;
mod repair;
mod script;
mod server;
mod shield;
mod wire;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::Socket;

use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;
use crate::worker::Worker;
use client::Progress;
use repair::Connection;
use server::{Conversation, Serving};
use shield::Shield;

/// How long [`Session::start`] waits for the connection.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long [`Session::restore_in`] waits for a route to the client in the new namespace.
pub const RESTORE_WAIT: Duration = Duration::from_secs(5);

/// How often it tries.
const RESTORE_EVERY: Duration = Duration::from_micros(500);

/// What a session did so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// Requests whose answer came, complete and right.
    pub exchanges: u64,
    /// Bytes of answers, all compared.
    pub bytes: u64,
    /// Why the session ended, if it did: a reset, a closed connection, or a byte that was not the right one.
    pub broken: Option<String>,
    /// The longest time between two complete answers, the time since the last one included.
    pub longest_pause: Duration,
    /// How often the server's end was restored elsewhere.
    pub migrations: u64,
}

/// The server's end.
enum End {
    /// Answering.
    Running(Worker<Serving>),
    /// Taken out of the old namespace, in memory.
    Frozen(Box<Connection>, Conversation),
    /// Lost, by a step that failed halfway.
    Lost,
}

/// A running session; dropping it ends it.
///
/// # Shields
/// A shield is a listening socket at the session's address that drops everything. While the session is away from a namespace
/// where segments may still arrive, it keeps the kernel there from answering them with resets. A shield stays where the session
/// was until the session comes back there, until [`drop_shields`](Session::drop_shields), or until the session ends: it cannot
/// know when the last segment has come. Meanwhile nothing else can listen at the address and port there.
pub struct Session {
    address: SocketAddrV4,
    // Declared before the server's end: dropped first, so that the client does not see that end close.
    client: Worker<()>,
    progress: Arc<Mutex<Progress>>,
    namespace: Namespace,
    end: End,
    shields: HashMap<Namespace, Shield>,
    migrations: u64,
}

impl Session {
    /// Connects a client in `client_ns` to a server at `address` in `server_ns`, and begins to exchange.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`]; [`ProbeError::NoAnswer`] or [`ProbeError::System`] if the connection does not come about in 5 s.
    pub fn start(client_ns: &Namespace, server_ns: &Namespace, address: SocketAddrV4) -> Result<Session> {
        let listener = server_ns.run(|| server::listen(address))?;
        let listener = listener.map_err(ProbeError::system(format!("listen at {address}")))?;
        let connected = client_ns.run(|| client::connect(address, CONNECT_WAIT))?;
        let stream = connected.map_err(ProbeError::system(format!("connect to {address}")))?;
        let accepted = server::accept(&listener, Moment::now() + CONNECT_WAIT);
        let accepted = accepted.map_err(ProbeError::system(format!("accept a connection at {address}")))?;
        let Some(socket) = accepted else {
            return Err(ProbeError::NoAnswer { what: format!("accept at {address}"), waited: CONNECT_WAIT });
        };
        let progress = Arc::new(Mutex::new(Progress::new()));
        let theirs = progress.clone();
        let client = Worker::start("probe-tcp-client", move |stop| client::exchange(&stream, &theirs, stop))?;
        let end = End::Running(serve(socket, Conversation::default(), progress.clone())?);
        let namespace = server_ns.clone();
        Ok(Session { address, client, progress, namespace, end, shields: HashMap::new(), migrations: 0 })
    }

    /// The namespace where the server's end is, or was when it was frozen.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Takes the server's end out of its namespace. It sends nothing any more, and a shield drops what still arrives.
    ///
    /// # Errors
    /// [`ProbeError::Session`] if it is frozen already, or lost because the connection has ended; [`ProbeError::System`] without
    /// `CAP_NET_ADMIN` or if the kernel lacks `CONFIG_CHECKPOINT_RESTORE`.
    pub fn freeze(&mut self) -> Result<()> {
        let worker = match std::mem::replace(&mut self.end, End::Lost) {
            End::Running(worker) => worker,
            other => {
                let reason = other.why_not_running();
                self.end = other;
                return Err(ProbeError::Session { step: "freeze", reason });
            }
        };
        let Serving { socket, conversation, failure } = worker.finish();
        if let Some(reason) = failure {
            return Err(ProbeError::Session { step: "freeze", reason });
        }
        let address = self.address;
        shield::drop_everything(&socket).map_err(ProbeError::system("attach a filter to the session's socket"))?;
        let shield = self.namespace.run(|| Shield::raise(address))?.map_err(raising(address))?;
        self.shields.insert(self.namespace.clone(), shield);
        let connection = repair::take(socket).map_err(ProbeError::system("read the state of a TCP connection"))?;
        self.end = End::Frozen(Box::new(connection), conversation);
        Ok(())
    }

    /// Puts the frozen end into a namespace, where it goes on as soon as segments reach it. To be called before the address is
    /// moved. Waits up to [`RESTORE_WAIT`] for a route to the client, behind a shield.
    ///
    /// # Errors
    /// [`ProbeError::Session`] if it is not frozen; [`ProbeError::Namespace`]; [`ProbeError::System`] if there is no route in time.
    /// The end stays frozen, so that another try may follow.
    pub fn restore_in(&mut self, ns: &Namespace) -> Result<()> {
        let (connection, conversation) = match std::mem::replace(&mut self.end, End::Lost) {
            End::Frozen(connection, conversation) => (connection, conversation),
            other => {
                let reason = "it is not frozen; freeze it first".into();
                self.end = other;
                return Err(ProbeError::Session { step: "be restored", reason });
            }
        };
        match self.restore(ns, &connection) {
            Ok(socket) => {
                self.end = End::Running(serve(socket, conversation, self.progress.clone())?);
                self.namespace = ns.clone();
                // From here on the kernel finds the connection itself.
                self.shields.remove(ns);
                self.migrations += 1;
                Ok(())
            }
            Err(error) => {
                self.end = End::Frozen(connection, conversation);
                Err(error)
            }
        }
    }

    /// Moves the server's end to `to`: freezes it, restores it there, then has `cut_over` move the address.
    ///
    /// # Errors
    /// As [`Session::freeze`] and [`Session::restore_in`]; `cut_over` was not called then.
    pub fn migrate<R>(&mut self, to: &Namespace, cut_over: impl FnOnce() -> R) -> Result<R> {
        self.freeze()?;
        self.restore_in(to)?;
        Ok(cut_over())
    }

    /// Takes the shields away: to be called only when nothing reaches the address in the old namespace any more, for example
    /// before something else is to listen there.
    pub fn drop_shields(&mut self) {
        self.shields.clear();
    }

    /// What the session did so far.
    pub fn report(&self) -> SessionReport {
        let progress = client::lock(&self.progress);
        SessionReport {
            exchanges: progress.exchanges,
            bytes: progress.bytes,
            broken: progress.broken.clone(),
            longest_pause: progress.longest_pause(),
            migrations: self.migrations,
        }
    }

    fn restore(&self, ns: &Namespace, connection: &Connection) -> Result<Socket> {
        let address = self.address;
        let until = Moment::now() + RESTORE_WAIT;
        let restored = ns.run(|| {
            // Held until the connection is there: from then on the kernel finds that first.
            let _shield = Shield::raise(address).map_err(raising(address))?;
            loop {
                match repair::restore(connection) {
                    Err(error) if repair::no_route_yet(&error) && Moment::now() < until => {
                        (Moment::now() + RESTORE_EVERY).sleep_until();
                    }
                    result => {
                        let what = format!("restore a TCP connection at {address} (is there a route to the client?)");
                        return result.map_err(ProbeError::system(what));
                    }
                }
            }
        });
        restored?
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The server's end may go first without harm once the client does not look any more.
        self.client.ask();
    }
}

impl End {
    fn why_not_running(&self) -> String {
        match self {
            End::Frozen(..) => "it is frozen already; restore it first".into(),
            End::Running(_) | End::Lost => {
                "an earlier step failed and lost the server's end; start a new session".into()
            }
        }
    }
}

fn raising(address: SocketAddrV4) -> impl FnOnce(std::io::Error) -> ProbeError {
    ProbeError::system(format!("listen at {address} to drop what arrives there"))
}

fn serve(socket: Socket, conversation: Conversation, progress: Arc<Mutex<Progress>>) -> Result<Worker<Serving>> {
    Worker::start("probe-tcp-server", move |stop| server::serve(socket, conversation, &progress, stop))
}
