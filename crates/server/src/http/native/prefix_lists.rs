//! `/native/v1/prefix_lists`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::PrefixListId;
use pintle_core::model::PrefixList;
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::native::prefix_list::{Create, Update, encode};
use pintle_dialect::view::{Plain, resolve};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take_owned(&mut params)?;
    params.finish()?;
    let page = app.read(|snapshot| Ok(asked.read::<Plain<PrefixList>>(snapshot)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, |found| encode(&found.record))))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let made: PrefixList = app.execute(body.command()).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(list): Segments<String>) -> Answer {
    let id = find(&app, &list).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(list): Segments<String>,
    Body(body): Body<Update>,
) -> Answer {
    let id = find(&app, &list).await?;
    app.execute::<PrefixList>(body.command(id)).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(list): Segments<String>) -> Answer {
    let id = find(&app, &list).await?;
    app.execute::<PrefixList>(Command::DeletePrefixList(id)).await?;
    Ok(empty())
}

async fn find(app: &App, text: &str) -> Result<PrefixListId, Fault> {
    app.read(|snapshot| resolve::<PrefixList>(snapshot, text)).await
}

async fn answer(app: &App, status: StatusCode, id: PrefixListId) -> Answer {
    let found: Plain<PrefixList> = app.view(id).await?;
    Ok(json(status, &encode(&found.record)))
}
