//! `/native/v1/vpcs`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::VpcId;
use pintle_core::model::Vpc;
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::native::vpc::{Create, Update, encode};
use pintle_dialect::view::{VpcView, resolve};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let page = app.read(|snapshot| Ok(asked.read::<VpcView>(snapshot)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let made: Vpc = app.execute(body.command()).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(vpc): Segments<String>) -> Answer {
    let id = find(&app, &vpc).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    Body(body): Body<Update>,
) -> Answer {
    let id = find(&app, &vpc).await?;
    if let Some(command) = body.command(id) {
        app.execute::<Vpc>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(vpc): Segments<String>) -> Answer {
    let id = find(&app, &vpc).await?;
    app.execute::<Vpc>(Command::DeleteVpc(id)).await?;
    Ok(empty())
}

async fn find(app: &App, text: &str) -> Result<VpcId, Fault> {
    app.read(|snapshot| resolve::<Vpc>(snapshot, text)).await
}

async fn answer(app: &App, status: StatusCode, id: VpcId) -> Answer {
    let found: VpcView = app.view(id).await?;
    Ok(json(status, &encode(&found)))
}
