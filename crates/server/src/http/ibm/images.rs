//! `/v1/images`: the one that there is.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::{self, Paging};
use pintle_dialect::ibm::image;
use pintle_dialect::view::Page;
use serde_json::Value;

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::{Query, Segments};
use super::super::short;
use super::{nothing, regions};

/// The filters, and the value of the one image for each; none of them is the image's without it.
const FILTERS: &[(&str, Option<&str>)] = &[
    ("name", Some(image::NAME)),
    ("status", Some("available")),
    ("visibility", Some("public")),
    ("user_data_format", Some("cloud_init")),
    ("remote.account.id", None),
];

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let names: Vec<&'static str> = FILTERS.iter().map(|(name, _)| *name).chain(["resource_group.id"]).collect();
    let paging = Paging::decode(params, &names)?;
    let given = |name| paging.filter(name);
    // Some filters take several values.
    let fits = |name, own: Option<&str>| {
        given(name).is_none_or(|wanted| own.is_some_and(|own| wanted.split(',').any(|one| one == own)))
    };
    let page = if paging.wants_default_group() && FILTERS.iter().all(|(name, own)| fits(name, *own)) {
        Page { items: vec![encoded(&app).await?], next: None, total: 1 }
    } else {
        nothing()
    };
    let body = collection::encode(&app.site(), "images", "images", &paging, &page, Value::clone);
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn show(State(app): State<App>, Segments(id): Segments<String>) -> Answer {
    if id != image::ID {
        return Err(Problem::not_found(Noun::Image, short(&id)).into());
    }
    Ok(json(StatusCode::OK, &encoded(&app).await?))
}

async fn encoded(app: &App) -> Result<Value, Fault> {
    Ok(image::encode(&app.site(), &regions::zones(app).await?, app.began))
}
