//! `/v1/instance/profiles`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::instance_profile::{self, Profile};
use pintle_dialect::ibm::version::Version;

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Query, Segments};
use super::super::short;
use super::regions::zones;

pub(super) async fn list(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Query(params): Query,
) -> Answer {
    let paging = Paging::decode(params, &[])?;
    let body = instance_profile::encode_some(&app.site(), &paging, &version, &zones(&app).await?)?;
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn show(State(app): State<App>, Segments(name): Segments<String>) -> Answer {
    let profile = Profile::find(&name).ok_or_else(|| Problem::not_found(Noun::Profile, short(&name)))?;
    Ok(json(StatusCode::OK, &instance_profile::encode(&app.site(), profile, &zones(&app).await?)))
}
