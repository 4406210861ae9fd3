//! `/v1/keys`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::SshKey;
use pintle_core::{Command, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::key;
use pintle_dialect::view;

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::nothing;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["resource_group.id"])?;
    let page = if paging.wants_default_group() {
        app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?
    } else {
        nothing()
    };
    Ok(json(StatusCode::OK, &key::encode_page(&app.site(), &paging, &page)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<key::Create>) -> Answer {
    let made: SshKey = app.execute(body.command()?).await?;
    Ok(json(StatusCode::CREATED, &key::encode(&app.site(), &made)))
}

pub(super) async fn show(State(app): State<App>, Segments(key): Segments<String>) -> Answer {
    let id = id::<SshKey>(&key)?;
    let (found, _) = app.read(|snapshot| Ok(query::get::<SshKey>(snapshot, id)?)).await?;
    Ok(json(StatusCode::OK, &key::encode(&app.site(), &found)))
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(key): Segments<String>,
    Body(body): Body<key::Update>,
) -> Answer {
    let id = id::<SshKey>(&key)?;
    if let Some(command) = body.command(id) {
        app.execute::<SshKey>(command).await?;
    }
    let (found, _) = app.read(|snapshot| Ok(query::get::<SshKey>(snapshot, id)?)).await?;
    Ok(json(StatusCode::OK, &key::encode(&app.site(), &found)))
}

pub(super) async fn delete(State(app): State<App>, Segments(key): Segments<String>) -> Answer {
    app.execute::<SshKey>(Command::DeleteSshKey(id::<SshKey>(&key)?)).await?;
    Ok(empty())
}
