//! An agent's life: who am I, what is here, then session and reconciler side by side until the end.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, random};
use crate::config::Config;
use crate::error::AgentError;
use crate::identity::{self, Identity, private_directory};
use crate::lock::DirectoryLock;
use crate::reconcile::{HostConfig, Reconciler};
use crate::session::{self, About, Link};
use crate::worker::Worker;

/// Runs an agent in the calling process's network namespace until `shutdown`. The data plane goes on afterwards.
///
/// # Errors
/// When the host can't join, can't carry interfaces, or is refused by the server. A server that can't be reached is no
/// error: it is tried again.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), AgentError> {
    config.check()?;
    let name = config.host_name()?;
    private_directory(&config.data_dir)?;
    let _lock = DirectoryLock::take(&config.data_dir)?;
    raise_file_limit();
    let Some(identity) = identity(&config, &shutdown).await? else { return Ok(()) };
    tracing::info!(host = %identity.host, name, zone = config.zone, "agent starting");
    let host = HostConfig {
        host: identity.host,
        vtep: config.vtep,
        vxlan_port: config.vxlan_port,
        bpffs: config.bpffs.clone(),
        limits: config.limits,
        expedite: config.expedite,
        link_kbps: config.link_kbps,
        uplink: config.uplink.clone(),
    };
    let (data_dir, sweep) = (config.data_dir.clone(), config.sweep);
    let start = move || Worker::start(Reconciler::open(&host)?, &data_dir, sweep);
    let mut worker = spawn_blocking(start).await.map_err(panicked)??;
    let about = About {
        identity,
        server: config.server,
        name,
        zone: config.zone,
        uplink: config.uplink,
        max_ports: config.limits.max_ports,
    };
    let (progress, teller) = (worker.progress.clone(), worker.teller.clone());
    let link = Link { inbox: &worker.inbox, progress, drift: &mut worker.drift, teller };
    let ended = session::keep(&about, link, &shutdown).await;
    spawn_blocking(|| worker.stop()).await.map_err(panicked)?;
    ended
}

fn panicked(error: tokio::task::JoinError) -> AgentError {
    AgentError::Config(format!("a task of the agent ended unexpectedly: {error}"))
}

/// Who this host is: as on disk, or as the server says when it joins. `None` if told to stop meanwhile.
async fn identity(config: &Config, shutdown: &CancellationToken) -> Result<Option<Identity>, AgentError> {
    if let Some(identity) = Identity::load(&config.data_dir)? {
        return Ok(Some(identity));
    }
    let token = config.join.as_ref().ok_or_else(|| AgentError::NotJoined { data_dir: config.data_dir.clone() })?;
    let mut backoff = Backoff::default();
    loop {
        let enrolled = tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            enrolled = identity::enrol(config, token) => enrolled,
        };
        match enrolled {
            Err(error @ AgentError::Connection(_)) => tracing::warn!(%error, "not joined yet"),
            other => return other.map(Some),
        }
        let wait = backoff.wait(random());
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = sleep(wait) => {}
        }
    }
}

/// A socket is kept in the namespace of every instance, so the usual limit of 1,024 open files is soon met.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files can't be raised; about 1,000 instances are the most");
    }
}
