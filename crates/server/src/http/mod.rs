//! The HTTP front ends: IBM VPC's dialect under `/v1`, Pintle's own under `/native/v1`, `/healthz` open to all.
//!
//! A handler decodes, asks the engine and encodes. Everything that is the same for all requests (who asks, the request's
//! id, deadlines, panics, the log, how an error looks) is around the handlers, not in them.

mod access;
mod answer;
mod app;
mod arriving;
mod audited;
mod auth;
mod ec2;
mod extract;
mod frame;
mod health;
mod ibm;
mod identity;
mod if_match;
mod native;
mod region;
mod unread;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use pintle_dialect::Problem;

use crate::audit::Audit;
use crate::engine::Engine;
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::vault::Vault;
use answer::Fault;
use app::App;
pub use ec2::{Rate, Rates};

/// What the front ends need.
#[derive(Clone)]
pub struct State {
    /// Judges commands and reads.
    pub engine: Arc<Engine>,
    /// The hosts' sessions, to show how hosts are.
    pub sessions: Arc<Sessions>,
    /// Takes note of every change and of everything that was refused.
    pub audit: Arc<Audit>,
    /// The bearer token that every request but `/healthz` must carry.
    pub token: Arc<str>,
    /// Opens the secrets of access keys.
    pub vault: Arc<Vault>,
    /// Whether it is noted in the audit log who looks at interfaces.
    pub audit_reads: bool,
    /// Issues and checks the tokens of API keys.
    pub tokens: Arc<Tokens>,
    /// How fast an account may go.
    pub rates: Rates,
    /// The region that zones belong to, for hrefs and CRNs.
    pub region: String,
    /// Scheme and authority under which clients reach this server, such as `http://127.0.0.1:7480`.
    pub base_url: String,
}

/// All routes, ready to be served.
pub fn router(state: State) -> Router {
    let app = App::new(state);
    let routes = Router::new()
        .route("/", get(ec2::serve).post(ec2::serve))
        .route("/healthz", get(health::show))
        .route("/identity/token", post(identity::token))
        .nest("/v1", ibm::router())
        .nest("/native/v1", native::router())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), auth::check))
        .layer(from_fn_with_state(app.clone(), audited::around))
        .layer(from_fn(frame::around))
        .layer(from_fn(unread::around))
        .with_state(app);
    Router::new().fallback_service(tower::ServiceBuilder::new().map_request(region::take).service(routes))
}

async fn unknown_path(uri: Uri) -> Fault {
    Problem::UnknownPath { path: short(uri.path()) }.into()
}

async fn wrong_method(method: Method, uri: Uri) -> Fault {
    Problem::WrongMethod { method: short(method.as_str()), path: short(uri.path()) }.into()
}

/// A text from outside, cut to a length that a message can bear.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
