//! `/native/v1/policies`: what keys may do.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::PolicyId;
use pintle_core::model::{AccessKey, ApiKey, Policy, Principal};
use pintle_core::record::list_prefix;
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, query};
use pintle_dialect::native::policy::{Create, encode_with_key};
use pintle_dialect::{Problem, wire};
use serde_json::{Value, json};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};

/// All of them, or those of one key.
pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let key = params
        .take("key")?
        .map(|text| text.parse::<Principal>().map_err(|error| wire::parameter("key", Some(&text), error.to_string())));
    let key = key.transpose()?;
    params.finish()?;
    let items = app
        .read(|snapshot| match key {
            Some(key) => of(snapshot, key),
            None => {
                let api = query::index(snapshot, &list_prefix::<ApiKey>(""))?.into_iter().map(Principal::ApiKey);
                let access = query::index(snapshot, &list_prefix::<AccessKey>(""))?;
                let keys = api.chain(access.into_iter().map(Principal::AccessKey));
                Ok(keys.map(|key| of(snapshot, key)).collect::<Result<Vec<_>, Problem>>()?.concat())
            }
        })
        .await?;
    Ok(json(StatusCode::OK, &json!({ "total": items.len(), "items": items })))
}

fn of(snapshot: &dyn Snapshot, key: Principal) -> Result<Vec<Value>, Problem> {
    let policies: Vec<Policy> = match key {
        Principal::ApiKey(id) => query::get::<ApiKey>(snapshot, id)?.0.policies,
        Principal::AccessKey(id) => query::get::<AccessKey>(snapshot, id)?.0.policies.unwrap_or_default(),
    };
    Ok(policies.iter().map(|policy| encode_with_key(key, policy)).collect())
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    match app.execute_any(body.command()).await? {
        Reply::Policy(key, made) => Ok(json(StatusCode::CREATED, &encode_with_key(key, &made))),
        _ => Err(Problem::Internal { detail: "a policy was not answered with one".to_owned() }.into()),
    }
}

pub(super) async fn delete(State(app): State<App>, Segments(policy): Segments<String>) -> Answer {
    let id: PolicyId = policy.parse().map_err(|_| Problem::not_found(Noun::Policy, super::super::short(&policy)))?;
    app.execute_any(Command::DeletePolicy(id)).await?;
    Ok(empty())
}
