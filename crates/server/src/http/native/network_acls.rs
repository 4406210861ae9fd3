//! `/native/v1/network_acls`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::NetworkAclId;
use pintle_core::model::NetworkAcl;
use pintle_dialect::native::network_acl::{ChangeRules, Create, Update, encode};
use pintle_dialect::native::paging::{self, InVpc};
use pintle_dialect::view::{NetworkAclView, resolve};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let asked = InVpc::decode(params)?;
    let page = app.read(|snapshot| asked.read::<NetworkAclView>(snapshot)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: NetworkAcl = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(acl): Segments<String>) -> Answer {
    let id = find(&app, &acl).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(acl): Segments<String>,
    Body(body): Body<Update>,
) -> Answer {
    let id = find(&app, &acl).await?;
    if let Some(command) = body.command(id) {
        app.execute::<NetworkAcl>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(acl): Segments<String>) -> Answer {
    let id = find(&app, &acl).await?;
    app.execute::<NetworkAcl>(Command::DeleteNetworkAcl(id)).await?;
    Ok(empty())
}

pub(super) async fn change_rules(
    State(app): State<App>,
    Segments(acl): Segments<String>,
    Body(body): Body<ChangeRules>,
) -> Answer {
    let id = find(&app, &acl).await?;
    let command = app.read(|snapshot| body.command(snapshot, id)).await?;
    app.execute::<NetworkAcl>(command).await?;
    answer(&app, StatusCode::OK, id).await
}

async fn find(app: &App, text: &str) -> Result<NetworkAclId, Fault> {
    app.read(|snapshot| resolve::<NetworkAcl>(snapshot, text)).await
}

async fn answer(app: &App, status: StatusCode, id: NetworkAclId) -> Answer {
    let found: NetworkAclView = app.view(id).await?;
    Ok(json(status, &encode(&found)))
}
