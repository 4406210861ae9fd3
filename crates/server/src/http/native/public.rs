//! `/native/v1/public_pools`, `/native/v1/floating_ips` and `/native/v1/public_gateways`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::{FloatingIpId, PublicGatewayId};
use pintle_core::model::{FloatingIp, PublicGateway, PublicPool};
use pintle_dialect::native::paging::{self, InVpc, Paging};
use pintle_dialect::native::public;
use pintle_dialect::view::{FloatingIpView, Plain, PublicGatewayView, all, resolve};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, OptionalBody, Query, Segments};

pub(super) async fn list_pools(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take(&mut params)?;
    params.finish()?;
    let read = app.read(|snapshot| Ok(all::<Plain<PublicPool>>(snapshot, "", asked.start.as_deref(), asked.limit)?));
    Ok(json(StatusCode::OK, &paging::encode(&read.await?, |found| public::encode_pool(&found.record))))
}

pub(super) async fn create_pool(State(app): State<App>, Body(body): Body<public::CreatePool>) -> Answer {
    let made: PublicPool = app.execute(body.command()).await?;
    Ok(json(StatusCode::CREATED, &public::encode_pool(&made)))
}

pub(super) async fn show_pool(State(app): State<App>, Segments(pool): Segments<String>) -> Answer {
    let id = app.read(|snapshot| resolve::<PublicPool>(snapshot, &pool)).await?;
    let found: Plain<PublicPool> = app.view(id).await?;
    Ok(json(StatusCode::OK, &public::encode_pool(&found.record)))
}

pub(super) async fn delete_pool(State(app): State<App>, Segments(pool): Segments<String>) -> Answer {
    let id = app.read(|snapshot| resolve::<PublicPool>(snapshot, &pool)).await?;
    app.execute::<PublicPool>(Command::DeletePublicPool(id)).await?;
    Ok(empty())
}

pub(super) async fn list_ips(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let read = app.read(|snapshot| Ok(asked.read::<FloatingIpView>(snapshot)?));
    Ok(json(StatusCode::OK, &paging::encode(&read.await?, public::encode)))
}

pub(super) async fn create_ip(State(app): State<App>, Body(body): Body<public::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: FloatingIp = app.execute(command).await?;
    answer_ip(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show_ip(State(app): State<App>, Segments(ip): Segments<String>) -> Answer {
    let id = find_ip(&app, &ip).await?;
    answer_ip(&app, StatusCode::OK, id).await
}

pub(super) async fn delete_ip(State(app): State<App>, Segments(ip): Segments<String>) -> Answer {
    let id = find_ip(&app, &ip).await?;
    app.execute::<FloatingIp>(Command::DeleteFloatingIp(id)).await?;
    Ok(empty())
}

pub(super) async fn associate(
    State(app): State<App>,
    Segments(ip): Segments<String>,
    Body(body): Body<public::Associate>,
) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot, &ip)).await?;
    let changed: FloatingIp = app.execute(command).await?;
    answer_ip(&app, StatusCode::OK, changed.id).await
}

pub(super) async fn disassociate(
    State(app): State<App>,
    Segments(ip): Segments<String>,
    OptionalBody(super::Nothing {}): OptionalBody<super::Nothing>,
) -> Answer {
    let id = find_ip(&app, &ip).await?;
    app.execute::<FloatingIp>(Command::DisassociateFloatingIp(id)).await?;
    answer_ip(&app, StatusCode::OK, id).await
}

async fn find_ip(app: &App, text: &str) -> Result<FloatingIpId, Fault> {
    app.read(|snapshot| resolve::<FloatingIp>(snapshot, text)).await
}

async fn answer_ip(app: &App, status: StatusCode, id: FloatingIpId) -> Answer {
    let found: FloatingIpView = app.view(id).await?;
    Ok(json(status, &public::encode(&found)))
}

pub(super) async fn list_gateways(State(app): State<App>, Query(params): Query) -> Answer {
    let asked = InVpc::decode(params)?;
    let page = app.read(|snapshot| asked.read::<PublicGatewayView>(snapshot)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, public::encode_gateway)))
}

pub(super) async fn create_gateway(State(app): State<App>, Body(body): Body<public::CreateGateway>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: PublicGateway = app.execute(command).await?;
    answer_gateway(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show_gateway(State(app): State<App>, Segments(gateway): Segments<String>) -> Answer {
    let id = app.read(|snapshot| resolve::<PublicGateway>(snapshot, &gateway)).await?;
    answer_gateway(&app, StatusCode::OK, id).await
}

pub(super) async fn delete_gateway(State(app): State<App>, Segments(gateway): Segments<String>) -> Answer {
    let id = app.read(|snapshot| resolve::<PublicGateway>(snapshot, &gateway)).await?;
    app.execute::<PublicGateway>(Command::DeletePublicGateway(id)).await?;
    Ok(empty())
}

async fn answer_gateway(app: &App, status: StatusCode, id: PublicGatewayId) -> Answer {
    let found: PublicGatewayView = app.view(id).await?;
    Ok(json(status, &public::encode_gateway(&found)))
}
