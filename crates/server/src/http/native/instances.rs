//! `/native/v1/instances`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::model::Instance;
use pintle_dialect::native::instance;
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::view::{self, InstanceView, View};

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let page = app.read(|snapshot| Ok(asked.read::<InstanceView>(snapshot)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, instance::encode)))
}

/// Those that are bare metal servers, which the list of instances leaves out.
pub(super) async fn list_bare_metal(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let page = app.read(|snapshot| Ok(asked.read_bare_metal(snapshot)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, instance::encode)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<instance::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Instance = app.execute(command).await?;
    let found: InstanceView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &instance::encode(&found)))
}

pub(super) async fn show(State(app): State<App>, Segments(instance): Segments<String>) -> Answer {
    let found =
        app.read(|snapshot| Ok(InstanceView::read(snapshot, view::resolve::<Instance>(snapshot, &instance)?)?)).await?;
    Ok(json(StatusCode::OK, &instance::encode(&found)))
}

/// The instance on its way out; it is gone once its host has let go of it.
pub(super) async fn delete(State(app): State<App>, Segments(instance): Segments<String>) -> Answer {
    let before =
        app.read(|snapshot| Ok(InstanceView::read(snapshot, view::resolve::<Instance>(snapshot, &instance)?)?)).await?;
    let retired: Instance = app.execute(Command::DeleteInstance(before.instance.id)).await?;
    let body = instance::encode(&InstanceView { instance: retired, ..before });
    Ok(json(StatusCode::ACCEPTED, &body))
}
