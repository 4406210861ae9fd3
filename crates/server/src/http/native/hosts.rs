//! `/native/v1/hosts` and `/native/v1/drift`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::HostId;
use pintle_core::model::Host;
use pintle_core::{Command, query};
use pintle_dialect::native::drift as drift_codec;
use pintle_dialect::native::host::{self, HostView, SessionView};
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::view::{self, View};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Query, Segments};
use crate::sessions::SessionStatus;

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take(&mut params)?;
    params.finish()?;
    let page =
        app.read(|snapshot| Ok(view::all::<HostView>(snapshot, "", asked.start.as_deref(), asked.limit)?)).await?;
    let body = paging::encode(&page, |found| host::encode(found, session(&app, found.host.id).as_ref()));
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn show(State(app): State<App>, Segments(host): Segments<String>) -> Answer {
    let found = app.read(|snapshot| Ok(HostView::read(snapshot, view::resolve::<Host>(snapshot, &host)?)?)).await?;
    Ok(json(StatusCode::OK, &host::encode(&found, session(&app, found.host.id).as_ref())))
}

pub(super) async fn delete(State(app): State<App>, Segments(host): Segments<String>) -> Answer {
    let id = app.read(|snapshot| view::resolve::<Host>(snapshot, &host)).await?;
    // One that is connected says itself when it has let go of what is being deleted there.
    let connected = app.sessions.status(id).is_some_and(|status| status.connected_since.is_some());
    app.execute::<Host>(if connected { Command::DeleteHost(id) } else { Command::DeleteLostHost(id) }).await?;
    Ok(empty())
}

pub(super) async fn drift(State(app): State<App>, Query(params): Query) -> Answer {
    params.finish()?;
    let sessions = app.sessions.list();
    let hosts = app
        .read(|snapshot| {
            let mut hosts = Vec::new();
            for status in sessions {
                // A host that was removed since has nothing to say any more.
                if let Some((host, _)) = query::find::<Host>(snapshot, status.host)? {
                    hosts.push((host, shown(status)));
                }
            }
            Ok(hosts)
        })
        .await?;
    Ok(json(StatusCode::OK, &drift_codec::encode(&hosts)))
}

fn session(app: &App, host: HostId) -> Option<SessionView> {
    app.sessions.status(host).map(shown)
}

fn shown(status: SessionStatus) -> SessionView {
    SessionView {
        connected_since: status.connected_since,
        applied: status.applied,
        pending: status.pending,
        failures: status.failures,
        drift: status.drift.into_iter().map(|drift| (drift.at, drift.report)).collect(),
    }
}
