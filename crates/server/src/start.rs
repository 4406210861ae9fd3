//! Putting the server together, and taking it apart in the order that loses nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pintle_core::Refusal;
use pintle_store::{SqliteSettings, SqliteStore, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::{Audit, AuditError};
use crate::beginnings;
use crate::clock::{SystemClock, SystemIds, hex, random};
use crate::config::Config;
use crate::control::Control;
use crate::engine::{Engine, EngineError};
use crate::housekeeping;
use crate::http;
use crate::patience::{PATIENCE, Patient, Peer};
use crate::pki::{Authority, JoinToken, PkiError, make_private_directory, read_or_make};
use crate::sessions::{AgentListener, AgentSettings, Sessions};
use crate::tokens::Tokens;
use crate::vault::Vault;

/// How long requests in hand may take once the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory, or a file in it, can't be used.
    #[error(transparent)]
    Files(#[from] PkiError),
    /// The audit log can't be opened: without it nothing may be changed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored can't be read.
    #[error("desired state could not be worked out from the store: {0}")]
    State(#[from] EngineError),
    /// An address can't be listened on.
    #[error("listening for {what} on {address} failed: {source}; choose another address or stop what uses this one")]
    Listen {
        /// For whom.
        what: &'static str,
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The regions, as configured, can't be this server's.
    #[error("the regions can't be configured so: {0}")]
    Regions(Refusal),
    /// The range for IPv6 blocks, as configured, can't be this server's.
    #[error("the IPv6 range can't be configured so: {0}")]
    Ipv6Range(Refusal),
    /// The API's token is not fit to be one.
    #[error("{path}: it does not hold a token of at least 32 characters: remove it, and the server makes a new one")]
    Token {
        /// The file.
        path: PathBuf,
    },
}

/// The server's beginnings.
pub struct Server;

impl Server {
    /// Starts a server. Everything that can fail has failed or succeeded when this returns; connections are accepted from
    /// then on.
    ///
    /// # Errors
    /// [`StartError`], saying what to do.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let data_dir = &config.data_dir;
        raise_file_limit();
        make_private_directory(data_dir)?;
        // First of all, because it holds the lock that keeps a second server out of the directory.
        let path = data_dir.join("pintle.db");
        let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, SqliteSettings::default())).await;
        let store = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let authority = Authority::open(data_dir)?;
        let token = api_token(&data_dir.join("token"))?;
        let (api, api_addr) = listen("the API", config.api).await?;
        let agents = match &config.agent_listener {
            Some(listener) => inherited(listener)?,
            None => listen("agents", config.agents).await?.0,
        };

        let clock = Arc::new(SystemClock);
        let audit = Arc::new(Audit::open(data_dir, clock.clone())?);
        let engine = Engine::new(Arc::new(store), clock.clone(), Box::new(SystemIds::default()));
        let sessions = Sessions::new(clock);
        beginnings::configure(&engine, config.regions.clone(), config.ipv6_range).await?;
        let region = config.regions.first().map(|region| region.name.clone()).unwrap_or_default();
        let control = Control::start(engine.clone(), sessions.clone())?;
        let join_token = authority.join_token().clone();
        let settings = AgentSettings::default();
        let agents = AgentListener::start(agents, engine.clone(), sessions.clone(), authority, settings)?;
        let vault = Arc::new(Vault::open(&data_dir.join("access-keys.key"))?);
        let tokens = Arc::new(Tokens::open(&data_dir.join("access-tokens.key"))?);
        let router = http::router(http::State {
            vault,
            tokens,
            audit_reads: config.audit_reads,
            rates: config.rates,
            engine: engine.clone(),
            sessions: sessions.clone(),
            audit,
            token: token.clone(),
            region,
            base_url: config.base_url.unwrap_or_else(|| format!("http://{api_addr}")),
        });
        let stop = CancellationToken::new();
        tokio::spawn(housekeeping::keep(engine.clone(), stop.clone()));
        let patient = Patient::new(api, PATIENCE, config.api_connections);
        let serving = tokio::spawn(serve(patient, router, stop.clone()));
        let agent_addr = agents.address();
        tracing::info!(%api_addr, %agent_addr, data_dir = %data_dir.display(), "the server is ready");
        Ok(Running { api_addr, agent_addr, engine, sessions, join_token, token, control, agents, stop, serving })
    }
}

/// A running server.
pub struct Running {
    /// Where the API listens.
    pub api_addr: SocketAddr,
    /// Where agents connect.
    pub agent_addr: SocketAddr,
    /// Carries commands out.
    pub engine: Arc<Engine>,
    /// How hosts stand.
    pub sessions: Arc<Sessions>,
    /// What a host needs to join.
    pub join_token: JoinToken,
    /// What a client of the API must show.
    pub token: Arc<str>,
    control: Control,
    agents: AgentListener,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Stops: no new connections, requests in hand are finished for up to 5 s, agents are told to come back later, and
    /// the store is closed. Hosts go on forwarding as they are.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.engine.stop_waiting();
        let aborted = self.serving.abort_handle();
        if tokio::time::timeout(DRAIN, self.serving).await.is_err() {
            tracing::warn!("requests were still in hand after {DRAIN:?} and are dropped");
            aborted.abort();
        }
        self.agents.stop().await;
        self.control.stop().await;
        tracing::info!("the server has stopped");
    }
}

/// Every agent and every client is an open file, so the usual limit of 1,024 is soon met.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files can't be raised; about 1,000 connections are the most");
    }
}

async fn serve(listener: Patient, router: Router, stop: CancellationToken) {
    let router = router.into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "the API has stopped");
    }
}

/// A listener that somebody else has made, for example in another network namespace.
fn inherited(listener: &std::net::TcpListener) -> Result<TcpListener, StartError> {
    let address = listener.local_addr().unwrap_or(crate::config::DEFAULT_AGENTS);
    let taken = listener.try_clone().and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    taken.map_err(|source| StartError::Listen { what: "agents", address, source })
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { what, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn api_token(path: &Path) -> Result<Arc<str>, StartError> {
    let text = read_or_make(path, || Ok(format!("{}\n", hex(&random::<32>()))))?;
    let token = text.trim();
    // Short ones can be guessed; an operator may put a token of their own there.
    if token.len() < 32 || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(StartError::Token { path: path.to_owned() });
    }
    Ok(token.into())
}
