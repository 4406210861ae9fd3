//! `/v1/floating_ips`, and those of an interface.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::FloatingIpId;
use pintle_core::model::{FloatingIp, FloatingIpTarget};
use pintle_core::{query, record};
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::floating_ip;
use pintle_dialect::view::{self, FloatingIpView};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};

/// By which properties floating IPs are sorted.
const SORTS: &[&str] = &["address", "created_at", "name"];
const FILTERS: &[&str] =
    &["name", "resource_group.id", "sort", "target.crn", "target.id", "target.name", "target.resource_type"];
use super::virtual_network_interfaces::own;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, FILTERS)?;
    if paging.is_plain() {
        let page = app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?;
        return Ok(json(StatusCode::OK, &floating_ip::encode_page(&app.site(), &paging, &page)));
    }
    let all: Vec<FloatingIpView> = app.read(|snapshot| Ok(view::every(snapshot, None)?)).await?;
    let items = all.iter().map(|view| floating_ip::encode(&app.site(), view)).collect();
    let place = ("floating_ips", "floating_ips");
    Ok(json(StatusCode::OK, &encode_found(&app.site(), place, &paging, items, SORTS)?))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<floating_ip::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: FloatingIp = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(ip): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, id::<FloatingIp>(&ip)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(ip): Segments<String>,
    Body(body): Body<floating_ip::Update>,
) -> Answer {
    let id = id::<FloatingIp>(&ip)?;
    if let Some(command) = app.read(|snapshot| body.command(snapshot, id)).await? {
        app.execute_any(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(ip): Segments<String>) -> Answer {
    app.execute::<FloatingIp>(Command::DeleteFloatingIp(id::<FloatingIp>(&ip)?)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: FloatingIpId) -> Answer {
    let found: FloatingIpView = app.view(id).await?;
    Ok(json(status, &floating_ip::encode(&app.site(), &found)))
}

pub(super) async fn list_of_vni(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
) -> Answer {
    let vni = own(&app, &vni).await?;
    let paging = Paging::decode(params, &["sort"])?;
    let all = app
        .read(|snapshot| {
            let ids = query::index(snapshot, &record::floating_ips_of_vni(vni))?;
            Ok(view::by_ids::<FloatingIpView>(snapshot, ids, None, usize::MAX)?)
        })
        .await?;
    let items = all.items.iter().map(|view| floating_ip::encode_reference(&app.site(), &view.ip)).collect();
    let path = format!("virtual_network_interfaces/{vni}/floating_ips");
    let body = encode_found(&app.site(), (&path, "floating_ips"), &paging, items, &["address", "name"])?;
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn show_of_vni(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let ip = of_vni(&app, &path).await?;
    Ok(json(StatusCode::OK, &floating_ip::encode_reference(&app.site(), &ip)))
}

pub(super) async fn add_to_vni(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let command = floating_ip::add_to(id::<FloatingIp>(&ip)?, own(&app, &vni).await?);
    let changed: FloatingIp = app.execute(command).await?;
    Ok(json(StatusCode::CREATED, &floating_ip::encode_reference(&app.site(), &changed)))
}

pub(super) async fn remove_from_vni(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let ip = of_vni(&app, &path).await?;
    app.execute::<FloatingIp>(Command::DisassociateFloatingIp(ip.id)).await?;
    Ok(empty())
}

/// The floating IP at a path below an interface: only one that leads there.
async fn of_vni(app: &App, (vni, ip): &(String, String)) -> Result<FloatingIp, Fault> {
    let (vni, ip) = (own(app, vni).await?, id::<FloatingIp>(ip)?);
    let (found, _) = app.read(|snapshot| Ok(query::get::<FloatingIp>(snapshot, ip)?)).await?;
    match found.target {
        Some(FloatingIpTarget::Vni { vni: target, .. }) if target == vni => Ok(found),
        _ => Err(Problem::not_found(pintle_core::refusal::Noun::FloatingIp, ip.to_string()).into()),
    }
}
