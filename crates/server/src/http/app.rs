//! What handlers share: the engine with the calls that they make of it, and the names of this site.

use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pintle_core::model::{AccessKey, Account, Attachment, Host, Instance, Move, Region, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::model::{FloatingIp, NetworkAcl, PrefixList, PublicGateway, PublicPool, SecurityGroup};
use pintle_core::record::Record;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, DecideError, Reply, query};
use pintle_dialect::Problem;
use pintle_dialect::ec2::RegionInfo;
use pintle_dialect::ibm::Site;
use pintle_dialect::view::View;
use tokio::sync::OnceCell;

use super::State;
use super::answer::Fault;
use super::audited::Asker;
use super::ec2::{SigningKeys, Throttle};
use super::if_match::IfMatch;
use crate::audit::{self, Audit, AuditError};
use crate::engine::{Engine, EngineError};
use crate::sessions::Sessions;
use crate::vault::Vault;

/// The shared part of all handlers; cheap to clone.
#[derive(Clone)]
pub(super) struct App(Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Arc<Engine>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) audit: Arc<Audit>,
    pub(super) token: Arc<str>,
    pub(super) vault: Arc<Vault>,
    pub(super) signing_keys: SigningKeys,
    pub(super) throttle: Throttle,
    /// Authority under which clients reach this server.
    pub(super) endpoint: Arc<str>,
    regions: OnceCell<Arc<[RegionInfo]>>,
    pub(super) site: Site,
    pub(super) started: Instant,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(super) fn new(state: State) -> Self {
        App(Arc::new(Inner {
            engine: state.engine,
            sessions: state.sessions,
            audit: state.audit,
            token: state.token,
            vault: state.vault,
            signing_keys: SigningKeys::default(),
            throttle: Throttle::new(state.rates),
            endpoint: state
                .base_url
                .split_once("://")
                .map_or(state.base_url.as_str(), |(_, authority)| authority)
                .into(),
            regions: OnceCell::new(),
            site: Site::new(&state.base_url, &state.region),
            started: Instant::now(),
        }))
    }

    /// The regions, which are fixed when a server starts.
    pub(super) async fn regions(&self) -> Result<&Arc<[RegionInfo]>, EngineError> {
        let info = |region: &Region| RegionInfo { name: region.name.clone(), zones: region.zones.clone() };
        let read = || self.engine.read(|snapshot| Ok(query::regions(snapshot)?.iter().map(info).collect()));
        self.regions.get_or_try_init(read).await
    }

    /// Reads one consistent snapshot.
    pub(super) async fn read<T: Send>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, Problem> + Send,
    ) -> Result<T, Fault> {
        Ok(self.engine.read(|snapshot| Ok(read(snapshot))).await??)
    }

    /// Reads one view.
    pub(super) async fn view<V: View + Send>(&self, id: <V::Record as Record>::Id) -> Result<V, Fault>
    where
        <V::Record as Record>::Id: Send + Sync,
    {
        self.read(|snapshot| Ok(V::read(snapshot, id)?)).await
    }

    /// Carries out a command whose reply is of this kind.
    pub(super) async fn execute<T: FromReply>(&self, command: Command) -> Result<T, Fault> {
        Ok(from_reply(self.carry_out(command).await?)?)
    }

    /// Carries out a command, whatever its reply.
    pub(super) async fn carry_out(&self, request: impl Into<pintle_core::Request>) -> Result<Reply, Fault> {
        let done = self.carry_out_if(request, |_| Ok(true)).await?;
        Ok(done.expect("the condition always holds"))
    }

    /// Carries out a command if `holds` says so, and takes note of what came of it before anybody is told.
    async fn carry_out_if(
        &self,
        request: impl Into<pintle_core::Request>,
        holds: impl Fn(&dyn Snapshot) -> Result<bool, DecideError> + Send + Sync + 'static,
    ) -> Result<Option<Reply>, Fault> {
        let request = request.into();
        let unwritten = |error: AuditError| Problem::Internal { detail: error.to_string() };
        self.audit.ready().await.map_err(unwritten)?;
        let (app, asker) = (self.clone(), Asker::current());
        let work = async move {
            let mut about = audit::about(&request.command);
            let done = app.engine.execute_if(request, holds).await;
            let entry = asker.entry(&mut about, &done);
            let noted = app.audit.record(entry).await;
            asker.noted();
            noted.map_err(unwritten)?;
            Ok(done?.map(|(reply, _)| reply))
        };
        // On a task of its own: a client that goes away ends its request, and what is committed must be noted all the same.
        match tokio::spawn(work).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => Err(Problem::Stopping.into()),
        }
    }

    /// Carries out a command if the record is as the client expects it, at the very moment of the change: the command
    /// itself reads the record, so the commit fails if it changes after the check.
    pub(super) async fn execute_if<T: FromReply + Record>(
        &self,
        expected: &IfMatch,
        id: T::Id,
        command: Command,
    ) -> Result<T, Fault>
    where
        T::Id: Send + Sync + 'static,
    {
        let IfMatch(Some(tags)) = expected else { return self.execute(command).await };
        let (current, tags) = (Arc::new(AtomicU64::new(0)), tags.clone());
        let (seen, meant) = (current.clone(), tags.clone());
        let done = self
            .carry_out_if(command, move |snapshot| {
                // What doesn't exist is refused by the command, which says so better than a failed condition.
                let Some((_, revision)) = query::find::<T>(snapshot, id)? else { return Ok(true) };
                seen.store(revision, Ordering::Relaxed);
                Ok(meant.match_revision(revision))
            })
            .await?;
        match done {
            Some(reply) => Ok(from_reply(reply)?),
            None => Err(Problem::changed(tags.text(), current.load(Ordering::Relaxed)).into()),
        }
    }
}

/// A record that replies carry.
pub(super) trait FromReply: Sized {
    /// The record, if the reply is one of its kind.
    fn from_reply(reply: Reply) -> Option<Self>;
}

fn from_reply<T: FromReply>(reply: Reply) -> Result<T, Problem> {
    T::from_reply(reply).ok_or_else(|| Problem::Internal {
        detail: format!("a command was not answered with a {}", std::any::type_name::<T>()),
    })
}

macro_rules! from_reply {
    ($($kind:ident)*) => {$(
        impl FromReply for $kind {
            fn from_reply(reply: Reply) -> Option<Self> {
                match reply {
                    Reply::$kind(record) => Some(record),
                    _ => None,
                }
            }
        }
    )*};
}
from_reply!(AccessKey Account Vpc Subnet ReservedIp Vni Instance Attachment Move Host);
from_reply!(SecurityGroup NetworkAcl PrefixList PublicPool FloatingIp PublicGateway);
