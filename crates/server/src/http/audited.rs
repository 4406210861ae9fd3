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
use pintle_core::Reply;
use pintle_core::txn::Revision;
use pintle_dialect::{Problem, native};

use super::answer::Fault;
use super::app::App;
use super::frame::RequestId;
use super::short;
use crate::audit::{About, Entry, Outcome, add_reply};
use crate::engine::EngineError;
use crate::patience::Peer;

/// What is asked with a method of changes, and changes nothing.
const QUESTIONS: &[&str] = &["/native/v1/explain"];

tokio::task_local! {
    static ASKER: Arc<Asker>;
}

/// Who sent the request that this task answers.
#[derive(Debug, Default)]
pub(super) struct Asker {
    who: OnceLock<String>,
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
    pub(super) fn is(&self, who: &str) {
        self.who.get_or_init(|| who.to_owned());
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
        self.note(about.action.to_owned(), std::mem::take(&mut about.ids), outcome)
    }

    fn note(&self, action: String, ids: Vec<String>, outcome: Outcome) -> Entry {
        let mut ids = ids.into_iter();
        Entry {
            who: self.who.get().cloned().unwrap_or_default(),
            source: self.source.clone(),
            request: self.request.clone(),
            action,
            target: ids.next(),
            related: ids.collect(),
            outcome,
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
    let response = ASKER.scope(asker.clone(), next.run(request)).await;
    let refused = response.extensions().get::<Problem>().filter(|_| changes && !QUESTIONS.contains(&asked));
    let Some(problem) = refused.filter(|_| asker.who.get().is_some() && !asker.noted.load(Ordering::Relaxed)) else {
        return response;
    };
    let entry = asker.note(action, ids, failure(problem));
    match app.audit.record(entry).await {
        Ok(()) => response,
        Err(error) => Fault::from(Problem::Internal { detail: error.to_string() }).into_response(),
    }
}

/// What a path names where its template has a parameter, the last one first.
fn named(template: &str, path: &str) -> Vec<String> {
    let pairs = template.split('/').zip(path.split('/'));
    let mut names: Vec<String> = pairs.filter(|(part, _)| part.starts_with('{')).map(|(_, name)| short(name)).collect();
    names.reverse();
    names
}
