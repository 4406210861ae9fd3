//! `/v1/virtual_network_interfaces/{id}/ips`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::{ReservedIp, Vni};
use pintle_core::{Command, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::vni;
use pintle_dialect::view::{self, Page};

use super::super::super::answer::{Answer, empty, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments, id};
use super::super::below;

pub(in super::super) async fn list(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
) -> Answer {
    let vni = id::<Vni>(&vni)?;
    let paging = Paging::decode(params, &[])?;
    let page = app
        .read(|snapshot| {
            let (vni, _) = query::get::<Vni>(snapshot, vni)?;
            let Page { items, next, total } = view::of_ids(&vni.ips, paging.start.as_deref(), paging.limit)?;
            let items = items
                .into_iter()
                .map(|ip| Ok(query::get::<ReservedIp>(snapshot, ip)?.0))
                .collect::<Result<_, pintle_dialect::Problem>>()?;
            Ok(Page { items, next, total })
        })
        .await?;
    Ok(json(StatusCode::OK, &vni::encode_ip_page(&app.site, vni, &paging, &page)))
}

pub(in super::super) async fn show(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let (vni, ip) = (id::<Vni>(&vni)?, id::<ReservedIp>(&ip)?);
    let found = app
        .read(|snapshot| {
            query::get::<Vni>(snapshot, vni)?;
            let (found, _) = query::get::<ReservedIp>(snapshot, ip)?;
            below::<_, ReservedIp>(found.bound_to, Some(vni), ip)?;
            Ok(found)
        })
        .await?;
    Ok(json(StatusCode::OK, &vni::encode_ip(&app.site, &found)))
}

pub(in super::super) async fn add(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let (vni, ip) = (id::<Vni>(&vni)?, id::<ReservedIp>(&ip)?);
    let added: ReservedIp = app.execute(vni::add_ip(vni, ip)).await?;
    Ok(json(StatusCode::CREATED, &vni::encode_ip(&app.site, &added)))
}

pub(in super::super) async fn remove(
    State(app): State<App>,
    Segments((vni, ip)): Segments<(String, String)>,
) -> Answer {
    let (vni, ip) = (id::<Vni>(&vni)?, id::<ReservedIp>(&ip)?);
    app.execute::<ReservedIp>(Command::RemoveVniIp(vni, ip)).await?;
    Ok(empty())
}
