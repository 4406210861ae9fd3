//! `/native/v1/virtual_network_interfaces`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::Vni;
use pintle_dialect::native::paging;
use pintle_dialect::native::vni::{List, PlacedVni, encode};
use pintle_dialect::view::{View, resolve};

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let asked = List::decode(params)?;
    let page = app.read(|snapshot| asked.read(snapshot)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn show(State(app): State<App>, Segments(vni): Segments<String>) -> Answer {
    let found = app.read(|snapshot| Ok(PlacedVni::read(snapshot, resolve::<Vni>(snapshot, &vni)?)?)).await?;
    Ok(json(StatusCode::OK, &encode(&found)))
}
