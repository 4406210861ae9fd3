//! What handlers share: the engine with the calls that they make of it, and the names of this site.

use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pintle_authz::{Keyring, Need, Rights};
use pintle_core::model::{
    AccessKey, Account, ApiKey, Attachment, Host, Instance, Move, Region, ReservedIp, Subnet, Vni, Vpc,
};
use pintle_core::model::{
    AddressPrefix, FloatingIp, FlowLog, NetworkAcl, PrefixList, PublicGateway, PublicPool, RouteTable, SecurityGroup,
    Share, SshKey, Timestamp,
};
use pintle_core::record::Record;
use pintle_core::txn::{Sight, Snapshot};
use pintle_core::{Actor, Command, DecideError, Reply, Request, query};
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
use crate::tokens::Tokens;
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
    /// The default region's.
    pub(super) base: Site,
    pub(super) tokens: Arc<Tokens>,
    keyring: Keyring,
    /// Whether it is noted who looks at interfaces.
    pub(super) audit_reads: bool,
    pub(super) started: Instant,
    /// When that was, by the clock that answers show.
    pub(super) began: Timestamp,
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
            began: state.engine.now(),
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
            base: Site::new(&state.base_url, &state.region),
            tokens: state.tokens,
            keyring: Keyring::default(),
            audit_reads: state.audit_reads,
            started: Instant::now(),
        }))
    }

    /// The regions, which are fixed when a server starts.
    pub(super) async fn regions(&self) -> Result<&Arc<[RegionInfo]>, EngineError> {
        let info = |region: &Region| RegionInfo { name: region.name.clone(), zones: region.zones.clone() };
        let read = || self.engine.read(|snapshot| Ok(query::regions(snapshot)?.iter().map(info).collect()));
        self.regions.get_or_try_init(read).await
    }

    /// What hrefs of this request's answers begin with.
    pub(super) fn site(&self) -> Site {
        Asker::current().identity().map_or_else(|| self.base.clone(), |identity| identity.site.clone())
    }

    /// The same for a region, of which `home` is the default one.
    pub(super) fn site_of(&self, region: &str, home: &str) -> Site {
        if region == home { self.base.clone() } else { self.base.in_region(region) }
    }

    /// Reads one consistent snapshot, as who asks sees it.
    pub(super) async fn read<T: Send>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, Problem> + Send,
    ) -> Result<T, Fault> {
        let by = Asker::current().actor();
        Ok(self.engine.read(|snapshot| Ok(read(&Sight::new(snapshot, by)))).await??)
    }

    /// Waits for something, looking as who asks.
    pub(super) async fn wait<T>(
        &self,
        timeout: Duration,
        look: impl Fn(&dyn Snapshot) -> Result<Option<T>, DecideError> + Send + Sync,
    ) -> Result<Option<T>, EngineError> {
        let by = Asker::current().actor();
        self.engine.wait(timeout, |snapshot| look(&Sight::new(snapshot, by.clone()))).await
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
        Ok(from_reply(self.execute_any(command).await?)?)
    }

    /// Carries out a command, whatever its reply, for who asks.
    pub(super) async fn execute_any(&self, command: Command) -> Result<Reply, Fault> {
        self.carry_out(Request::new(Asker::current().actor(), command)).await
    }

    /// Carries out a request.
    pub(super) async fn carry_out(&self, request: Request) -> Result<Reply, Fault> {
        let done = self.carry_out_if(request, true, |_| Ok(true)).await?;
        Ok(done.expect("the condition always holds"))
    }

    /// Changes a record by what `make` makes of it as it is, and of no older one: what a client leaves out stays as somebody else
    /// may just have set it. The record before, and as it is now.
    pub(super) async fn change<T: FromReply + Record + Send>(
        &self,
        id: T::Id,
        make: impl Fn(&T) -> Result<Command, Problem>,
    ) -> Result<(T, T), Fault>
    where
        T::Id: Send + Sync + 'static,
    {
        loop {
            let (before, read) = self.read(|snapshot| Ok(query::get::<T>(snapshot, id)?)).await?;
            let by = Asker::current().actor();
            let request = Request::new(by.clone(), make(&before)?);
            let is_as_read = move |snapshot: &dyn Snapshot| {
                let now = query::find::<T>(&Sight::new(snapshot, by.clone()), id)?;
                Ok(now.is_none_or(|(_, now)| now == read))
            };
            // Each time that it is not, somebody else's change was made.
            if let Some(reply) = self.carry_out_if(request, false, is_as_read).await? {
                return Ok((before, from_reply(reply)?));
            }
        }
    }

    /// Carries out a command if `holds` says so, and takes note of what came of it before anybody is told; of a condition that
    /// does not hold only if that is the `last` word.
    pub(super) async fn carry_out_if(
        &self,
        request: Request,
        last: bool,
        holds: impl Fn(&dyn Snapshot) -> Result<bool, DecideError> + Send + Sync + 'static,
    ) -> Result<Option<Reply>, Fault> {
        let unwritten = |error: AuditError| Problem::Internal { detail: error.to_string() };
        self.audit.ready().await.map_err(unwritten)?;
        let (app, asker) = (self.clone(), Asker::current());
        let rights = self.rights();
        let (judged, kind) = (request.clone(), Arc::new(OnceLock::new()));
        let work = async move {
            let mut about = audit::about(&request.command);
            let seen = kind.clone();
            let holds = move |snapshot: &dyn Snapshot| {
                if let Some(rights) = &rights {
                    authorise(rights, snapshot, &judged)?;
                }
                if let Some(kind) = audit::target_kind(snapshot, &judged.command)? {
                    seen.get_or_init(|| kind);
                }
                holds(snapshot)
            };
            let done = app.engine.execute_if(request, holds).await;
            if !last && matches!(done, Ok(None)) {
                return Ok(None);
            }
            about.kind = kind.get().copied();
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

    /// What the key of this request may do; `None`: whatever its account may, or it is the operator.
    fn rights(&self) -> Option<Arc<Rights>> {
        let asker = Asker::current();
        let (key, revision, policies) = asker.identity()?.key.as_ref()?;
        Some(self.keyring.rights(*key, *revision, policies))
    }

    /// Checks that the key of this request may do what it asks for, without doing it.
    pub(super) async fn check_rights(&self, request: &Request) -> Result<(), EngineError> {
        let Some(rights) = self.rights() else { return Ok(()) };
        self.engine.read(|snapshot| authorise(&rights, snapshot, request)).await
    }

    /// Checks that the key of this request may look at something.
    pub(super) async fn check_look(&self, by: &Actor, need: &Need) -> Result<(), EngineError> {
        let Some(rights) = self.rights() else { return Ok(()) };
        if rights.kept(need) == Some(true) {
            return Ok(());
        }
        let look = |snapshot: &dyn Snapshot| pintle_authz::check_one(&rights, &Sight::new(snapshot, by.clone()), need);
        self.engine.read(look).await
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
        let by = Asker::current().actor();
        let request = Request::new(by.clone(), command);
        let done = self
            .carry_out_if(request, true, move |snapshot| {
                // What doesn't exist is refused by the command, which says so better than a failed condition.
                let sight = Sight::new(snapshot, by.clone());
                let Some((_, revision)) = query::find::<T>(&sight, id)? else { return Ok(true) };
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

fn authorise(rights: &Rights, snapshot: &dyn Snapshot, request: &Request) -> Result<(), DecideError> {
    pintle_authz::check(rights, &Sight::new(snapshot, request.by.clone()), &request.command)
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
from_reply!(AccessKey Account Vpc Subnet ReservedIp Vni Instance Attachment Move Host SshKey RouteTable FlowLog AddressPrefix SecurityGroup NetworkAcl PrefixList PublicPool FloatingIp PublicGateway Share ApiKey);
