//! `/native/v1/accounts`: tenants. What belongs to one does not exist for others.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::Account;
use pintle_dialect::native::account::{Create, encode};
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::view::{Plain, all};

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Body, Query};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take(&mut params)?;
    params.finish()?;
    let page =
        app.read(|snapshot| Ok(all::<Plain<Account>>(snapshot, "", asked.start.as_deref(), asked.limit)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, |found| encode(&found.record))))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let made: Account = app.execute(body.command()).await?;
    Ok(json(StatusCode::CREATED, &encode(&made)))
}
