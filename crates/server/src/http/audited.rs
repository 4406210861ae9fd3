//! Who asks for what, and a note of every change and of everything that was refused, before the answer goes out.
//!
//! A command is noted where it is carried out. What is refused before there is a command (a body that can't be read, a name
//! that nothing has) is noted here, by method and path. What somebody without credentials asks for is not: strangers could
//! fill the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pintle_core::model::{AccountId, Owner, Policy, Principal};
use pintle_core::txn::Revision;
use pintle_core::{Actor, Reply};
use pintle_dialect::ibm::Site;
use pintle_dialect::{Problem, native};

use super::answer::Fault;
use super::app::App;
use super::frame::{Asked, RequestId};
use super::short;
use crate::audit::{About, Entry, Outcome, add_reply, event};
use crate::engine::EngineError;
use crate::patience::Peer;

/// What is asked with a method of changes, and changes nothing.
const QUESTIONS: &[&str] = &["/native/v1/explain"];

tokio::task_local! {
    static ASKER: Arc<Asker>;
}

/// Who asks, once that is known.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// What the audit log calls them.
    pub(super) who: String,
    /// As whom they act.
    pub(super) by: Actor,
    /// With which key, at which revision of its record, and what its policies are; `None`: with the server's own token.
    pub(super) key: Option<(Principal, Revision, Vec<Policy>)>,
    /// The region that they ask, for hrefs.
    pub(super) site: Site,
}

/// Who sent the request that this task answers.
#[derive(Debug, Default)]
pub(super) struct Asker {
    identity: OnceLock<Identity>,
    source: Option<String>,
    request: String,
    noted: AtomicBool,
}

impl Asker {
    /// The one of this task; outside of requests, nobody.
    pub(super) fn current() -> Arc<Asker> {
        ASKER.try_with(Arc::clone).unwrap_or_default()
    }

    /// Says who it is, once that is known.
    pub(super) fn is(&self, identity: Identity) {
        self.identity.get_or_init(|| identity);
    }

    /// Who it is, once that is known.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// As whom they act; before that is known, and outside of requests, a tenant in no region, for whom nothing exists.
    pub(super) fn actor(&self) -> Actor {
        let nobody = || Actor::Tenant(Owner::new(AccountId::FIRST, ""));
        self.identity.get().map_or_else(nobody, |identity| identity.by.clone())
    }

    /// There is a record of this request.
    pub(super) fn noted(&self) {
        self.noted.store(true, Ordering::Relaxed);
    }

    /// The record of a command; `Ok(None)`: what it was to change is not as the client expected it.
    pub(super) fn entry(&self, about: &mut About, done: &Result<Option<(Reply, Revision)>, EngineError>) -> Entry {
        let outcome = match done {
            Ok(Some((reply, revision))) => {
                add_reply(about, reply);
                Outcome::Success(*revision)
            }
            Ok(None) => Outcome::Failure {
                code: native::problem::code(&Problem::changed("", 0)).to_owned(),
                reason: "it has been changed since the client looked".to_owned(),
            },
            Err(error) => failure(Fault::from(error.clone()).problem()),
        };
        let marks = std::mem::take(&mut about.marks);
        let event = event(about.action, about.kind);
        let entry = self.note(about.action.to_owned(), std::mem::take(&mut about.ids), outcome);
        Entry { event, marks, ..entry }
    }

    /// The record of a look at interfaces.
    fn look(&self, verb: &'static str, id: Option<String>, outcome: Outcome) -> Entry {
        let action = format!("vni.{verb}");
        let event = event(&action, None);
        Entry { event, ..self.note(action, id.into_iter().collect(), outcome) }
    }

    fn note(&self, action: String, ids: Vec<String>, outcome: Outcome) -> Entry {
        let mut ids = ids.into_iter();
        Entry {
            who: self.identity.get().map(|identity| identity.who.clone()).unwrap_or_default(),
            source: self.source.clone(),
            request: self.request.clone(),
            action,
            target: ids.next(),
            related: ids.collect(),
            outcome,
            ..Entry::default()
        }
    }
}

fn failure(problem: &Problem) -> Outcome {
    Outcome::Failure { code: native::problem::code(problem).to_owned(), reason: problem.to_string() }
}

/// Runs the rest of the request, and notes what was refused.
pub(super) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let asker = Arc::new(Asker {
        source: extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.0.to_string()),
        request: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        ..Asker::default()
    });
    let changes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let template = extensions.get::<MatchedPath>().cloned();
    let asked = template.as_ref().map_or("(none)", MatchedPath::as_str);
    let action = format!("{} {asked}", short(request.method().as_str()));
    let ids = named(asked, request.uri().path());
    let look = look_of(request.method(), request.uri().path());
    let response = ASKER.scope(asker.clone(), next.run(request)).await;
    if app.audit_reads && asker.identity.get().is_some() {
        let entry = look_entry(&asker, look, &response);
        if let Some(entry) = entry {
            app.audit.note(entry).await;
        }
    }
    let refused = response.extensions().get::<Problem>().filter(|_| changes && !QUESTIONS.contains(&asked));
    let Some(problem) = refused.filter(|_| asker.identity.get().is_some() && !asker.noted.load(Ordering::Relaxed))
    else {
        return response;
    };
    let entry = asker.note(action, ids, failure(problem));
    match app.audit.record(entry).await {
        Ok(()) => response,
        Err(error) => Fault::from(Problem::Internal { detail: error.to_string() }).into_response(),
    }
}

/// How a request looks at interfaces, and at which; `None`: it does something else.
///
/// The read-only view of interfaces below instances and bare metal servers leaves no records, as in IBM's cloud.
fn look_of(method: &Method, path: &str) -> Option<(&'static str, Option<String>)> {
    let rest = path.strip_prefix("/native").unwrap_or(path).strip_prefix("/v1/virtual_network_interfaces")?;
    let mut parts = rest.split('/').skip(1);
    match (method == Method::GET, parts.next(), parts.next()) {
        (true, None, None) => Some(("list", None)),
        (true, Some(id), None) => Some(("read", Some(short(id)))),
        _ => None,
    }
}

/// The record of a look at interfaces, through whichever API; the answer does not wait for it.
fn look_entry(asker: &Asker, look: Option<(&'static str, Option<String>)>, response: &Response) -> Option<Entry> {
    let asked = response.extensions().get::<Asked>();
    let signed = asked.and_then(|asked| match asked.action {
        "DescribeNetworkInterfaces" => Some("list"),
        "DescribeNetworkInterfaceAttribute" => Some("read"),
        _ => None,
    });
    let (verb, id) = look.or_else(|| signed.map(|verb| (verb, None)))?;
    let code = asked.map(|asked| asked.code.as_str()).filter(|code| !code.is_empty());
    let outcome = match (response.extensions().get::<Problem>(), code) {
        (Some(problem), _) => failure(problem),
        (None, Some(code)) => Outcome::Failure { code: code.to_owned(), reason: "EC2's code for why".to_owned() },
        (None, None) => Outcome::Success(0),
    };
    Some(asker.look(verb, id, outcome))
}

/// What a path names where its template has a parameter, the last one first.
fn named(template: &str, path: &str) -> Vec<String> {
    let pairs = template.split('/').zip(path.split('/'));
    let mut names: Vec<String> = pairs.filter(|(part, _)| part.starts_with('{')).map(|(_, name)| short(name)).collect();
    names.reverse();
    names
}
