//! `/native/v1/quotas/{account}`: how many of each thing an account may have.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::AccountId;
use pintle_core::refusal::Noun;
use pintle_core::{Command, query, quota};
use pintle_dialect::Problem;
use pintle_dialect::native::quota::{Put, encode, encode_one};

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Body, Segments};

fn account(text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|_| Problem::not_found(Noun::Account, super::super::short(text)))
}

pub(super) async fn list(State(app): State<App>, Segments(account): Segments<String>) -> Answer {
    let account = self::account(&account)?;
    let limits = app.read(|snapshot| Ok(query::limits(snapshot, account)?)).await?;
    Ok(json(StatusCode::OK, &encode(&limits)))
}

pub(super) async fn set(
    State(app): State<App>,
    Segments((account, name)): Segments<(String, String)>,
    Body(body): Body<Put>,
) -> Answer {
    let account = self::account(&account)?;
    app.execute_any(Command::SetQuota { account, quota: name.clone(), limit: body.limit }).await?;
    let limits = app.read(|snapshot| Ok(query::limits(snapshot, account)?)).await?;
    let quota =
        quota::named(&name).ok_or_else(|| Problem::Internal { detail: format!("quota {name} is not known") })?;
    Ok(json(StatusCode::OK, &encode_one(quota, &limits)))
}
