//! `/v1/openapi.json`: the API described for tools.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use pintle_dialect::ibm::openapi;

use super::super::answer::json;
use super::super::app::App;

pub(super) async fn show(State(app): State<App>) -> Response {
    json(StatusCode::OK, &openapi::document(&app.site().endpoint(&app.site().region)))
}
