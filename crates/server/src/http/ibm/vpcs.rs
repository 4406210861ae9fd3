//! `/v1/vpcs`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::model::Vpc;
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::version::Version;
use pintle_dialect::ibm::vpc;
use pintle_dialect::view::{self, VpcView};

use super::super::answer::{Answer, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::{network_acls, security_groups};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["classic_access", "resource_group.id"])?;
    if paging.is_plain() {
        let page = app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?;
        return Ok(json(StatusCode::OK, &vpc::encode_page(&app.site(), &paging, &page)));
    }
    let all: Vec<VpcView> = app.read(|snapshot| Ok(view::every(snapshot, None)?)).await?;
    let items = all.iter().map(|view| vpc::encode(&app.site(), view)).collect();
    Ok(json(StatusCode::OK, &encode_found(&app.site(), ("vpcs", "vpcs"), &paging, items, &[])?))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<vpc::Create>) -> Answer {
    let made: Vpc = app.execute(body.command()?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(vpc): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, id::<Vpc>(&vpc)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    expected: IfMatch,
    Body(body): Body<vpc::Update>,
) -> Answer {
    let id = id::<Vpc>(&vpc)?;
    if let Some(command) = body.command(id) {
        app.execute_if::<Vpc>(&expected, id, command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(vpc): Segments<String>, expected: IfMatch) -> Answer {
    let id = id::<Vpc>(&vpc)?;
    app.execute_if::<Vpc>(&expected, id, Command::DeleteVpc(id)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: pintle_core::id::VpcId) -> Answer {
    let found: VpcView = app.view(id).await?;
    Ok(tagged(status, found.revision, &vpc::encode(&app.site(), &found)))
}

pub(super) async fn default_security_group(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(vpc): Segments<String>,
) -> Answer {
    let found: VpcView = app.view(id::<Vpc>(&vpc)?).await?;
    security_groups::answer(&app, StatusCode::OK, found.vpc.default_group, &version).await
}

pub(super) async fn default_network_acl(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(vpc): Segments<String>,
) -> Answer {
    let found: VpcView = app.view(id::<Vpc>(&vpc)?).await?;
    network_acls::answer(&app, StatusCode::OK, found.vpc.default_acl, &version).await
}
