//! `/v1/public_gateways`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::PublicGatewayId;
use pintle_core::model::PublicGateway;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::public_gateway;
use pintle_dialect::view::{self, PublicGatewayView};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::nothing;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["resource_group.id"])?;
    let page = if paging.wants_default_group() {
        app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?
    } else {
        nothing()
    };
    Ok(json(StatusCode::OK, &public_gateway::encode_page(&app.site(), &paging, &page)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<public_gateway::Create>) -> Answer {
    let made: PublicGateway = app.execute(body.command()?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(gateway): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, id::<PublicGateway>(&gateway)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(gateway): Segments<String>,
    Body(body): Body<public_gateway::Update>,
) -> Answer {
    let id = id::<PublicGateway>(&gateway)?;
    if let Some(command) = body.command(id) {
        app.execute::<PublicGateway>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(gateway): Segments<String>) -> Answer {
    app.execute::<PublicGateway>(Command::DeletePublicGateway(id::<PublicGateway>(&gateway)?)).await?;
    Ok(empty())
}

pub(super) async fn answer(app: &App, status: StatusCode, id: PublicGatewayId) -> Answer {
    let found: PublicGatewayView = app.view(id).await?;
    Ok(json(status, &public_gateway::encode(&app.site(), &found)))
}
