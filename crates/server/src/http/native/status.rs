//! `/native/v1/status`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_dialect::native::status::{Counts, encode};

use super::super::answer::{Answer, json};
use super::super::app::App;

pub(super) async fn show(State(app): State<App>) -> Answer {
    let counts = app.read(|snapshot| Ok(Counts::read(snapshot)?)).await?;
    let connected = app.sessions.list().iter().filter(|host| host.connected_since.is_some()).count();
    let body = encode(&counts, env!("CARGO_PKG_VERSION"), &app.site().region, app.started.elapsed(), connected);
    Ok(json(StatusCode::OK, &body))
}
