//! `/v1/floating_ips`, and those of an interface.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::{FloatingIpId, VniId};
use pintle_core::model::{FloatingIp, FloatingIpTarget, Vni};
use pintle_core::{query, record};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::floating_ip;
use pintle_dialect::view::{self, FloatingIpView, Scope};
use pintle_dialect::{Problem, wire};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::nothing;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["name", "resource_group.id", "target.id"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = match (paging.filter("name"), paging.filter("target.id")) {
        _ if !paging.wants_default_group() => nothing(),
        (Some(_), Some(target)) => {
            return Err(Problem::Parameter {
                name: "target.id".to_owned(),
                value: Some(target.to_owned()),
                rule: "only one of 'name' and 'target.id' can be given".to_owned(),
            }
            .into());
        }
        (None, None) => app.read(|snapshot| Ok(view::own(snapshot, None, start, limit)?)).await?,
        (Some(name), None) => {
            app.read(|snapshot| {
                let ids = view::by_name::<FloatingIp>(snapshot, None, name, Scope::Owner)?;
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
        (None, Some(target)) => {
            let vni: VniId = target.parse().map_err(|error: pintle_core::id::InvalidId| {
                wire::parameter("target.id", Some(target), error.to_string())
            })?;
            app.read(|snapshot| {
                let ids = query::index(snapshot, &record::floating_ips_of_vni(vni))?;
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
    };
    Ok(json(StatusCode::OK, &floating_ip::encode_page(&app.site, &paging, &page)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<floating_ip::Create>) -> Answer {
    let made: FloatingIp = app.execute(body.command()?).await?;
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
    if let Some(command) = body.command(id)? {
        app.execute::<FloatingIp>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(ip): Segments<String>) -> Answer {
    app.execute::<FloatingIp>(Command::DeleteFloatingIp(id::<FloatingIp>(&ip)?)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: FloatingIpId) -> Answer {
    let found: FloatingIpView = app.view(id).await?;
    Ok(json(status, &floating_ip::encode(&app.site, &found)))
}

pub(super) async fn list_of_vni(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
) -> Answer {
    let vni = id::<Vni>(&vni)?;
    let paging = Paging::decode(params, &[])?;
    let page = app
        .read(|snapshot| {
            query::get::<Vni>(snapshot, vni)?;
            let ids = query::index(snapshot, &record::floating_ips_of_vni(vni))?;
            Ok(view::by_ids(snapshot, ids, paging.start.as_deref(), paging.limit)?)
        })
        .await?;
    Ok(json(StatusCode::OK, &floating_ip::encode_reference_page(&app.site, vni, &paging, &page)))
}

pub(super) async fn show_of_vni(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let ip = of_vni(&app, &path).await?;
    Ok(json(StatusCode::OK, &floating_ip::encode_reference(&app.site, &ip)))
}

pub(super) async fn add_to_vni(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let command = floating_ip::lead_to(id::<FloatingIp>(&ip)?, id::<Vni>(&vni)?);
    let changed: FloatingIp = app.execute(command).await?;
    Ok(json(StatusCode::CREATED, &floating_ip::encode_reference(&app.site, &changed)))
}

pub(super) async fn remove_from_vni(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let ip = of_vni(&app, &path).await?;
    app.execute::<FloatingIp>(Command::DisassociateFloatingIp(ip.id)).await?;
    Ok(empty())
}

/// The floating IP at a path below an interface: only one that leads there.
async fn of_vni(app: &App, (vni, ip): &(String, String)) -> Result<FloatingIp, Fault> {
    let (vni, ip) = (id::<Vni>(vni)?, id::<FloatingIp>(ip)?);
    let (found, _) = app.read(|snapshot| Ok(query::get::<FloatingIp>(snapshot, ip)?)).await?;
    match found.target {
        Some(FloatingIpTarget::Vni { vni: target, .. }) if target == vni => Ok(found),
        _ => Err(Problem::not_found(pintle_core::refusal::Noun::FloatingIp, ip.to_string()).into()),
    }
}
