//! `…/network_interfaces/{id}/ips`: the primary address. Old clients don't know of others.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::{ReservedIp, Role};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::{network_interface, reserved_ip};
use pintle_dialect::view::{self, Page, ReservedIpView, View};

use super::super::super::answer::{Answer, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments, id};
use super::super::below;
use super::find;

pub(in super::super) async fn list(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments(path): Segments<(String, String)>,
    Query(params): Query,
) -> Answer {
    let paging = Paging::decode(params, &[])?;
    let found = find(&app, role, &path).await?;
    let page = app
        .read(|snapshot| {
            let primary = [found.primary_ip.id];
            let Page { items, next, total } = view::of_ids(&primary, paging.start.as_deref(), paging.limit)?;
            let items = items.into_iter().map(|ip| Ok(ReservedIpView::read(snapshot, ip)?));
            Ok(Page { items: items.collect::<Result<_, pintle_dialect::Problem>>()?, next, total })
        })
        .await?;
    Ok(json(StatusCode::OK, &network_interface::encode_ip_page(&app.site(), &found, &paging, &page)))
}

pub(in super::super) async fn show(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments((instance, nic, ip)): Segments<(String, String, String)>,
) -> Answer {
    let found = find(&app, role, &(instance, nic)).await?;
    let ip = id::<ReservedIp>(&ip)?;
    below::<_, ReservedIp>(found.primary_ip.id, ip, ip)?;
    let found: ReservedIpView = app.view(ip).await?;
    Ok(json(StatusCode::OK, &reserved_ip::encode(&app.site(), &found)))
}
