//! Answers: JSON with a status, or a problem that the outermost layer words in the request's dialect.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pintle_core::txn::Revision;
use pintle_core::{DecideError, Refusal};
use pintle_dialect::{Problem, wire};
use pintle_store::StoreError;
use serde_json::Value;

use crate::engine::EngineError;

/// What a handler gives back.
pub(super) type Answer = Result<Response, Fault>;

/// A problem on its way out. Its response has no body yet: the dialect that words it is known from the request's path,
/// and the trace id from its headers, both of which the outermost layer has.
#[derive(Debug)]
pub(super) struct Fault(Box<Problem>);

impl Fault {
    /// What it is.
    pub(super) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(*self.0);
        response
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Fault(Box::new(problem))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Problem::Refused(refusal).into()
    }
}

impl From<DecideError> for Fault {
    fn from(error: DecideError) -> Self {
        Problem::from(error).into()
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Decide(error) => error.into(),
            EngineError::Busy { .. } | EngineError::Store(StoreError::Busy { .. }) => Problem::Busy.into(),
            EngineError::Store(StoreError::Closed) => Problem::Stopping.into(),
            EngineError::Store(error) => Problem::Internal { detail: error.to_string() }.into(),
        }
    }
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.to_string()).into_response()
}

/// An answer with a JSON body and the entity tag of the record it shows.
pub(super) fn tagged(status: StatusCode, revision: Revision, body: &Value) -> Response {
    let mut response = json(status, body);
    if let Ok(tag) = HeaderValue::from_str(&wire::etag(revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// An answer without a body.
pub(super) fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
