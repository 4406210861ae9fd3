//! `/healthz`: whether the server can read its store. Open to all, and says nothing else.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::answer::json;
use super::app::App;

pub(super) async fn show(State(app): State<App>) -> Response {
    match app.engine.read(|snapshot| Ok(snapshot.revision())).await {
        Ok(_) => json(StatusCode::OK, &json!({ "status": "ok" })),
        Err(error) => {
            tracing::error!(%error, "the store can't be read");
            json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "the store can't be read" }))
        }
    }
}
