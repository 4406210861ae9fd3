//! `/native/v1/api_keys`: what clients of IBM's API exchange for tokens. A secret is shown once, when its key is created.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::model::ApiKey;
use pintle_dialect::native::api_key::{Create, encode};
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::view::{Plain, all};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use crate::tokens::{digest, new_secret};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take(&mut params)?;
    params.finish()?;
    let page =
        app.read(|snapshot| Ok(all::<Plain<ApiKey>>(snapshot, "", asked.start.as_deref(), asked.limit)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, |found| encode(&found.record, None))))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let secret = new_secret();
    let made: ApiKey = app.execute(body.command(digest(&secret))).await?;
    Ok(json(StatusCode::CREATED, &encode(&made, Some(&secret))))
}

pub(super) async fn show(State(app): State<App>, Segments(key): Segments<String>) -> Answer {
    let found: Plain<ApiKey> = app.view(id::<ApiKey>(&key)?).await?;
    Ok(json(StatusCode::OK, &encode(&found.record, None)))
}

pub(super) async fn delete(State(app): State<App>, Segments(key): Segments<String>) -> Answer {
    app.execute::<ApiKey>(Command::DeleteApiKey(id::<ApiKey>(&key)?)).await?;
    Ok(empty())
}
