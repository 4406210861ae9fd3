//! `/identity/token`: an API key for an access token, as IBM's IAM does it. Open to all: the key is what it checks.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, response::IntoResponse};
use pintle_core::model::ApiKey;
use pintle_core::{query, record};
use pintle_dialect::ibm::iam::{IamError, decode, encode};

use super::answer::{Fault, json};
use super::app::App;
use super::extract::{FREE, collect_from_anybody};
use super::frame::RequestId;
use crate::tokens::digest;

pub(super) async fn token(State(app): State<App>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    let body = match collect_from_anybody(request, FREE).await {
        Ok(body) => body,
        Err(problem) => return Fault::from(problem).into_response(),
    };
    match exchange(&app, &body).await {
        Ok(answer) => answer,
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            json(status, &error.encode(&id.0, &app.base.base_url))
        }
    }
}

async fn exchange(app: &App, form: &[u8]) -> Result<Response, IamError> {
    let digest = digest(&decode(form)?).to_string();
    let find = |snapshot: &dyn pintle_core::txn::Snapshot| {
        let Some(stored) = snapshot.get(&record::api_key_of(&digest))? else { return Ok(None) };
        let id = std::str::from_utf8(&stored.value).ok().and_then(|id| id.parse().ok());
        Ok(id.map(|id| query::find::<ApiKey>(snapshot, id)).transpose()?.flatten())
    };
    let failed = |what: &dyn std::fmt::Display| {
        tracing::error!(error = %what, "no access token could be issued");
        IamError::unavailable()
    };
    let found = app.engine.read(find).await.map_err(|error| failed(&error))?;
    let (key, _) = found.ok_or_else(IamError::unknown_key)?;
    let issued = app.tokens.issue(&key, &app.base.base_url, app.engine.now()).map_err(|error| failed(&error))?;
    Ok(json(StatusCode::OK, &encode(&issued.token, issued.from, issued.until)))
}
