//! `/v1/shares`.

pub(super) mod mount_targets;
pub(super) mod profiles;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::ShareId;
use pintle_core::model::Share;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::share;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::view::{self, Scope, ShareView};
use pintle_dialect::{Problem, wire};

use super::super::answer::{Answer, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::nothing;

pub(super) async fn list(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Query(params): Query,
) -> Answer {
    let paging = Paging::decode(params, &["name", "resource_group.id", "replication_role"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    // No share is replicated.
    let replicated = match paging.filter("replication_role") {
        None | Some("none") => false,
        Some("replica" | "source") => true,
        Some(other) => {
            let rule = "it must be 'none', 'replica' or 'source'";
            return Err(wire::parameter("replication_role", Some(other), rule).into());
        }
    };
    let page = match paging.filter("name") {
        _ if !paging.wants_default_group() || replicated => nothing(),
        None => app.read(|snapshot| Ok(view::own(snapshot, None, start, limit)?)).await?,
        Some(name) => {
            app.read(|snapshot| {
                let ids = view::by_name::<Share>(snapshot, None, name, Scope::Owner)?;
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
    };
    Ok(json(StatusCode::OK, &share::encode_page(&app.site(), &paging, &page, &version)))
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Body(body): Body<share::Create>,
) -> Answer {
    let made: Share = app.execute(body.command(&version)?).await?;
    answer(&app, StatusCode::CREATED, made.id, &version).await
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(share): Segments<String>,
) -> Answer {
    answer(&app, StatusCode::OK, id::<Share>(&share)?, &version).await
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(share): Segments<String>,
    expected: IfMatch,
    Body(body): Body<share::Update>,
) -> Answer {
    let id = id::<Share>(&share)?;
    if body.has_array() && expected.0.is_none() {
        let detail =
            "a whole list is replaced, so the header 'If-Match' must say of which state; it is the share's ETag";
        return Err(Problem::field(".", detail).into());
    }
    app.execute_if::<Share>(&expected, id, body.command(id, &version)?).await?;
    answer(&app, StatusCode::OK, id, &version).await
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(share): Segments<String>,
    expected: IfMatch,
) -> Answer {
    let id = id::<Share>(&share)?;
    let before: ShareView = app.view(id).await?;
    let deleted = app.execute_if::<Share>(&expected, id, Command::DeleteShare(id)).await?;
    Ok(json(StatusCode::ACCEPTED, &share::encode(&app.site(), &ShareView { share: deleted, ..before }, &version)))
}

async fn answer(app: &App, status: StatusCode, id: ShareId, version: &Version) -> Answer {
    let found: ShareView = app.view(id).await?;
    Ok(tagged(status, found.revision, &share::encode(&app.site(), &found, version)))
}
