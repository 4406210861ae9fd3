//! `/native/v1/subnets`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::SubnetId;
use pintle_core::model::Subnet;
use pintle_dialect::native::paging::{self, InVpc};
use pintle_dialect::native::subnet::{Create, Update, encode};
use pintle_dialect::view::{SubnetView, resolve};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let asked = InVpc::decode(params)?;
    let page = app.read(|snapshot| asked.read::<SubnetView>(snapshot)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Subnet = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    let id = find(&app, &subnet).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(subnet): Segments<String>,
    Body(body): Body<Update>,
) -> Answer {
    let id = find(&app, &subnet).await?;
    if let Some(command) = app.read(|snapshot| body.command(snapshot, id)).await? {
        app.execute::<Subnet>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    let id = find(&app, &subnet).await?;
    app.execute::<Subnet>(Command::DeleteSubnet(id)).await?;
    Ok(empty())
}

async fn find(app: &App, text: &str) -> Result<SubnetId, Fault> {
    app.read(|snapshot| resolve::<Subnet>(snapshot, text)).await
}

async fn answer(app: &App, status: StatusCode, id: SubnetId) -> Answer {
    let found: SubnetView = app.view(id).await?;
    Ok(json(status, &encode(&found)))
}
