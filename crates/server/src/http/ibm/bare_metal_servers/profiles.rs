//! `/v1/bare_metal_server/profiles`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::bare_metal::profile;
use pintle_dialect::ibm::collection::Paging;

use super::super::super::answer::{Answer, Fault, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments};

pub(in crate::http::ibm) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &[])?;
    if let Some(start) = &paging.start {
        let rule = "it must come from the 'next' of the page before";
        return Err(pintle_core::Refusal::invalid("start", start, rule).into());
    }
    Ok(json(StatusCode::OK, &profile::encode_page(&app.site(), &paging, &zones(&app).await?)))
}

pub(in crate::http::ibm) async fn show(State(app): State<App>, Segments(name): Segments<String>) -> Answer {
    if name != profile::NAME {
        return Err(Problem::not_found(Noun::Resource, super::super::super::short(&name)).into());
    }
    Ok(json(StatusCode::OK, &profile::encode(&app.site(), &zones(&app).await?)))
}

/// The zones of the region that this dialect speaks for.
async fn zones(app: &App) -> Result<Vec<String>, Fault> {
    let all = app.regions().await?;
    let own = all.iter().find(|region| region.name == *app.site().region);
    Ok(own.map(|region| region.zones.clone()).unwrap_or_default())
}
