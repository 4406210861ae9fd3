//! `/v1/share/profiles`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Refusal;
use pintle_core::refusal::Noun;
use pintle_core::share_profile;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::share::profile;

use super::super::super::answer::{Answer, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments};
use super::super::super::short;

pub(in crate::http::ibm) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &[])?;
    let page = profile::page(paging.start.as_deref(), paging.limit).ok_or_else(|| {
        let start = short(paging.start.as_deref().unwrap_or_default());
        Refusal::invalid("start", start, "it must come from the 'next' of the page before")
    })?;
    Ok(json(StatusCode::OK, &profile::encode_page(&app.site(), &paging, &page)))
}

pub(in crate::http::ibm) async fn show(State(app): State<App>, Segments(name): Segments<String>) -> Answer {
    let found = share_profile::find(&name).ok_or_else(|| Problem::not_found(Noun::Resource, short(&name)))?;
    Ok(json(StatusCode::OK, &profile::encode(&app.site(), found)))
}
