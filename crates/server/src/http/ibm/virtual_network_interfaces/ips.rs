//! `/v1/virtual_network_interfaces/{id}/ips`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::{ReservedIp, Vni};
use pintle_core::{Command, query};
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::vni;

use super::super::super::answer::{Answer, empty, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments, id};
use super::super::below;
use super::own;

pub(in super::super) async fn list(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
) -> Answer {
    let vni = own(&app, &vni).await?;
    let paging = Paging::decode(params, &["sort"])?;
    let all: Vec<ReservedIp> = app
        .read(|snapshot| {
            let (vni, _) = query::get::<Vni>(snapshot, vni)?;
            let ips = vni.ips.iter().map(|ip| Ok(query::get::<ReservedIp>(snapshot, *ip)?.0));
            ips.collect::<Result<_, pintle_dialect::Problem>>()
        })
        .await?;
    let items = all.iter().map(|ip| vni::encode_ip(&app.site(), ip)).collect();
    let path = format!("virtual_network_interfaces/{vni}/ips");
    Ok(json(StatusCode::OK, &encode_found(&app.site(), (&path, "ips"), &paging, items, &["address", "name"])?))
}

pub(in super::super) async fn show(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let (vni, ip) = (own(&app, &vni).await?, id::<ReservedIp>(&ip)?);
    let found = app
        .read(|snapshot| {
            let (found, _) = query::get::<ReservedIp>(snapshot, ip)?;
            below::<_, ReservedIp>(found.bound_to, Some(vni), ip)?;
            Ok(found)
        })
        .await?;
    Ok(json(StatusCode::OK, &vni::encode_ip(&app.site(), &found)))
}

pub(in super::super) async fn add(State(app): State<App>, Segments((vni, ip)): Segments<(String, String)>) -> Answer {
    let (vni, ip) = (own(&app, &vni).await?, id::<ReservedIp>(&ip)?);
    let added: ReservedIp = app.execute(vni::add_ip(vni, ip)).await?;
    Ok(json(StatusCode::CREATED, &vni::encode_ip(&app.site(), &added)))
}

pub(in super::super) async fn remove(
    State(app): State<App>,
    Segments((vni, ip)): Segments<(String, String)>,
) -> Answer {
    let (vni, ip) = (own(&app, &vni).await?, id::<ReservedIp>(&ip)?);
    app.execute::<ReservedIp>(Command::RemoveVniIp(vni, ip)).await?;
    Ok(empty())
}
