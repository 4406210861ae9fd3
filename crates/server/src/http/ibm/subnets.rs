//! `/v1/subnets`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::{NetworkAclId, PublicGatewayId, SubnetId};
use pintle_core::model::Subnet;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::identity::Identity;
use pintle_dialect::ibm::subnet;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::view::{self, SubnetView};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::{network_acls, public_gateways, vpc_filter};

const FILTERS: &[&str] =
    &["resource_group.id", "routing_table.id", "routing_table.name", "vpc.crn", "vpc.id", "vpc.name", "zone.name"];

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, FILTERS)?;
    vpc_filter(&paging)?;
    if paging.is_plain() {
        let page = app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?;
        return Ok(json(StatusCode::OK, &subnet::encode_page(&app.site(), &paging, &page)));
    }
    let all: Vec<SubnetView> = app.read(|snapshot| Ok(view::every(snapshot, None)?)).await?;
    let items = all.iter().map(|view| subnet::encode(&app.site(), view)).collect();
    Ok(json(StatusCode::OK, &encode_found(&app.site(), ("subnets", "subnets"), &paging, items, &[])?))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<subnet::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Subnet = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, id::<Subnet>(&subnet)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(subnet): Segments<String>,
    Body(body): Body<subnet::Update>,
) -> Answer {
    let id = id::<Subnet>(&subnet)?;
    if let Some(command) = body.command(id) {
        app.execute::<Subnet>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    app.execute::<Subnet>(Command::DeleteSubnet(id::<Subnet>(&subnet)?)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: SubnetId) -> Answer {
    let found: SubnetView = app.view(id).await?;
    Ok(json(status, &subnet::encode(&app.site(), &found)))
}

pub(super) async fn show_network_acl(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(subnet): Segments<String>,
) -> Answer {
    let found: SubnetView = app.view(id::<Subnet>(&subnet)?).await?;
    network_acls::answer(&app, StatusCode::OK, found.acl.id, &version).await
}

pub(super) async fn set_network_acl(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(subnet): Segments<String>,
    Body(Identity(acl)): Body<Identity<NetworkAclId>>,
) -> Answer {
    app.execute::<Subnet>(subnet::set_network_acl(id::<Subnet>(&subnet)?, acl)).await?;
    network_acls::answer(&app, StatusCode::CREATED, acl, &version).await
}

pub(super) async fn show_public_gateway(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    let found: SubnetView = app.view(id::<Subnet>(&subnet)?).await?;
    let none = || Problem::not_found(Noun::PublicGateway, format!("of {}", found.subnet.id));
    let gateway = found.subnet.public_gateway.ok_or_else(none)?;
    public_gateways::answer(&app, StatusCode::OK, gateway).await
}

pub(super) async fn set_public_gateway(
    State(app): State<App>,
    Segments(subnet): Segments<String>,
    Body(Identity(gateway)): Body<Identity<PublicGatewayId>>,
) -> Answer {
    app.execute::<Subnet>(subnet::set_public_gateway(id::<Subnet>(&subnet)?, Some(gateway))).await?;
    public_gateways::answer(&app, StatusCode::CREATED, gateway).await
}

pub(super) async fn unset_public_gateway(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    app.execute::<Subnet>(subnet::set_public_gateway(id::<Subnet>(&subnet)?, None)).await?;
    Ok(empty())
}
