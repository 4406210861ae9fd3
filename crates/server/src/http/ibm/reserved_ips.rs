//! `/v1/subnets/{id}/reserved_ips`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::ReservedIpId;
use pintle_core::model::{ReservedIp, Subnet};
use pintle_core::{Command, query};
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::reserved_ip;
use pintle_dialect::view::{self, ReservedIpView};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::below;

/// By which properties reserved IPs are sorted.
const SORTS: &[&str] = &["address", "created_at", "name"];
const FILTERS: &[&str] = &["sort", "target.crn", "target.id", "target.name", "target.resource_type"];

pub(super) async fn list(State(app): State<App>, Segments(subnet): Segments<String>, Query(params): Query) -> Answer {
    let subnet = id::<Subnet>(&subnet)?;
    let paging = Paging::decode(params, FILTERS)?;
    if paging.is_plain() {
        let page = app
            .read(|snapshot| {
                query::get::<Subnet>(snapshot, subnet)?;
                Ok(view::all(snapshot, &subnet.to_string(), paging.start.as_deref(), paging.limit)?)
            })
            .await?;
        return Ok(json(StatusCode::OK, &reserved_ip::encode_page(&app.site(), subnet, &paging, &page)));
    }
    let all: Vec<ReservedIpView> = app
        .read(|snapshot| {
            query::get::<Subnet>(snapshot, subnet)?;
            Ok(view::every_of(snapshot, &subnet.to_string())?)
        })
        .await?;
    let items = all.iter().map(|view| reserved_ip::encode(&app.site(), view)).collect();
    let path = format!("subnets/{subnet}/reserved_ips");
    let body = encode_found(&app.site(), (&path, "reserved_ips"), &paging, items, SORTS)?;
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments(subnet): Segments<String>,
    Body(body): Body<reserved_ip::Create>,
) -> Answer {
    let made: ReservedIp = app.execute(body.command(id::<Subnet>(&subnet)?)).await?;
    let found: ReservedIpView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &reserved_ip::encode(&app.site(), &found)))
}

pub(super) async fn show(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &reserved_ip::encode(&app.site(), &found)))
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<reserved_ip::Update>,
) -> Answer {
    let id: ReservedIpId = find(&app, &path).await?.ip.id;
    app.execute::<ReservedIp>(body.command(id)).await?;
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &reserved_ip::encode(&app.site(), &found)))
}

pub(super) async fn delete(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let id = find(&app, &path).await?.ip.id;
    app.execute::<ReservedIp>(Command::DeleteReservedIp(id)).await?;
    Ok(empty())
}

/// The reserved IP at a path; a reservation stays in its subnet for life, so what is found here holds later too.
async fn find(app: &App, (subnet, ip): &(String, String)) -> Result<ReservedIpView, Fault> {
    let (subnet, ip) = (id::<Subnet>(subnet)?, id::<ReservedIp>(ip)?);
    let found: ReservedIpView = app.view(ip).await?;
    below::<_, ReservedIp>(found.ip.subnet, subnet, ip)?;
    Ok(found)
}
