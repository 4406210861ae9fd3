//! `/native/v1/shares` and their mount targets.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::ShareId;
use pintle_core::model::{Attachment, Share};
use pintle_core::query;
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::native::share::{Create, Mount, encode, encode_target, target};
use pintle_dialect::view::{MountTargetView, ShareView, resolve};

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let page = app.read(|snapshot| Ok(asked.read::<ShareView>(snapshot)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Share = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(share): Segments<String>) -> Answer {
    let id = find(&app, &share).await?;
    answer(&app, StatusCode::OK, id).await
}

/// The share on its way out; it is gone once its host has removed its files.
pub(super) async fn delete(State(app): State<App>, Segments(share): Segments<String>) -> Answer {
    let id = find(&app, &share).await?;
    let before: ShareView = app.view(id).await?;
    let share: Share = app.execute(Command::DeleteShare(id)).await?;
    Ok(json(StatusCode::ACCEPTED, &encode(&ShareView { share, ..before })))
}

pub(super) async fn mount(
    State(app): State<App>,
    Segments(share): Segments<String>,
    Body(body): Body<Mount>,
) -> Answer {
    let id = find(&app, &share).await?;
    let command = app.read(|snapshot| body.command(snapshot, id)).await?;
    let made: Attachment = app.execute(command).await?;
    let found: MountTargetView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &encode_target(&found)))
}

/// The mount target on its way out; it is gone once its host has ended its server.
pub(super) async fn unmount(State(app): State<App>, Segments((share, named)): Segments<(String, String)>) -> Answer {
    let id = find(&app, &share).await?;
    let before = app.read(|snapshot| target(snapshot, &query::get::<Share>(snapshot, id)?.0, &named)).await?;
    app.execute::<Attachment>(Command::DeleteMountTarget(before.target.attachment.id)).await?;
    let mut after = before;
    after.instance.lifecycle = pintle_core::lifecycle::Lifecycle::Deleting;
    Ok(json(StatusCode::ACCEPTED, &encode_target(&after)))
}

async fn find(app: &App, text: &str) -> Result<ShareId, Fault> {
    app.read(|snapshot| resolve::<Share>(snapshot, text)).await
}

async fn answer(app: &App, status: StatusCode, id: ShareId) -> Answer {
    let found: ShareView = app.view(id).await?;
    Ok(json(status, &encode(&found)))
}
