//! `/v1/regions` and their zones.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::Region;
use pintle_core::query;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::region;

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::{Query, Segments};
use super::super::short;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    params.finish()?;
    let regions = app.read(|snapshot| Ok(query::regions(snapshot)?.iter().cloned().collect::<Vec<_>>())).await?;
    Ok(json(StatusCode::OK, &region::encode_all(&app.site(), &regions)))
}

pub(super) async fn show(State(app): State<App>, Segments(name): Segments<String>) -> Answer {
    let (found, _) = find(&app, &name).await?;
    Ok(json(StatusCode::OK, &region::encode(&app.site(), &found)))
}

pub(super) async fn list_zones(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Query(params): Query,
) -> Answer {
    params.finish()?;
    let (found, zones) = find(&app, &name).await?;
    Ok(json(StatusCode::OK, &region::encode_zones(&app.site(), &found.name, &zones)))
}

pub(super) async fn show_zone(State(app): State<App>, Segments((name, zone)): Segments<(String, String)>) -> Answer {
    let (found, zones) = find(&app, &name).await?;
    if !zones.contains(&zone) {
        return Err(Problem::not_found(Noun::Zone, short(&zone)).into());
    }
    Ok(json(StatusCode::OK, &region::encode_zone(&app.site(), &found.name, &zone)))
}

/// A region, and its zones.
async fn find(app: &App, name: &str) -> Result<(Region, Vec<String>), Fault> {
    app.read(|snapshot| {
        let regions = query::regions(snapshot)?;
        let found = regions.get(name).ok_or_else(|| Problem::not_found(Noun::Region, short(name)))?;
        Ok((found.clone(), query::zones(snapshot, &regions, found)?))
    })
    .await
}

/// The zones of the region that this front end speaks of.
pub(super) async fn zones(app: &App) -> Result<Vec<String>, Fault> {
    app.read(|snapshot| {
        let regions = query::regions(snapshot)?;
        let here = regions.get(&query::owner(snapshot)?.region).unwrap_or(regions.default_region());
        Ok(query::zones(snapshot, &regions, here)?)
    })
    .await
}
