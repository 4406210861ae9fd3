//! `/native/v1/access_keys`: what clients of the EC2 API sign with. A secret is shown once, when its key is created.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_core::model::{AccessKey, AccessKeyId};
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::native::access_key::{Create, encode};
use pintle_dialect::native::paging::{self, Paging};
use pintle_dialect::view::{Plain, all};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};
use crate::clock::random;
use crate::vault::{SECRET_LENGTH, new_secret};

pub(super) async fn list(State(app): State<App>, Query(mut params): Query) -> Answer {
    let asked = Paging::take(&mut params)?;
    params.finish()?;
    let page =
        app.read(|snapshot| Ok(all::<Plain<AccessKey>>(snapshot, "", asked.start.as_deref(), asked.limit)?)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, |found| encode(&found.record, None))))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer {
    let id = body.id.map_or_else(|| AccessKeyId::from_random(random()), |id| id.0);
    let secret = body.secret.unwrap_or_else(new_secret);
    // Signing keys are derived from exactly so many characters.
    if secret.len() != SECRET_LENGTH || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        let rule = format!("a secret has {SECRET_LENGTH} printable characters without spaces, as AWS's have");
        return Err(Problem::field("secret", rule).into());
    }
    let sealed = app.vault.seal(id, &secret);
    let account = body.account.map(|account| account.0).unwrap_or_default();
    let made: AccessKey = app.execute(Command::CreateAccessKey(CreateAccessKey { id, account, sealed })).await?;
    Ok(json(StatusCode::CREATED, &encode(&made, Some(&secret))))
}

pub(super) async fn delete(State(app): State<App>, Segments(key): Segments<String>) -> Answer {
    let id: AccessKeyId = key.parse().map_err(|_| Problem::not_found(Noun::AccessKey, super::super::short(&key)))?;
    app.execute::<AccessKey>(Command::DeleteAccessKey(id)).await?;
    Ok(empty())
}
