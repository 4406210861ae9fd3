//! `/v1/shares/{id}/mount_targets`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::{AttachmentId, InvalidId, ShareId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Share};
use pintle_core::query;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::share::mount_target;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::view::{self, MountTargetView, Page};

use super::super::super::answer::{Answer, Fault, json};
use super::super::super::app::App;
use super::super::super::extract::{Body, Query, Segments, id};
use super::super::super::short;

pub(in crate::http::ibm) async fn list(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(share): Segments<String>,
    Query(params): Query,
) -> Answer {
    let share = id::<Share>(&share)?;
    let paging = Paging::decode(params, &["name"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = app
        .read(|snapshot| {
            let (share, _) = query::get::<Share>(snapshot, share)?;
            Ok(match paging.filter("name") {
                None => view::mount_targets(snapshot, &share, start, limit)?,
                Some(name) => {
                    let items: Vec<_> = view::mount_target_named(snapshot, &share, name)?.into_iter().collect();
                    Page { total: items.len() as u64, items, next: None }
                }
            })
        })
        .await?;
    Ok(json(StatusCode::OK, &mount_target::encode_page(&app.site(), share, &paging, &page, &version)))
}

pub(in crate::http::ibm) async fn create(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(share): Segments<String>,
    Body(body): Body<mount_target::Create>,
) -> Answer {
    let made: Attachment = app.execute(body.command(id::<Share>(&share)?, &version)?).await?;
    let found: MountTargetView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &mount_target::encode(&app.site(), &found, &version)))
}

pub(in crate::http::ibm) async fn show(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(path): Segments<(String, String)>,
) -> Answer {
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &mount_target::encode(&app.site(), &found, &version)))
}

pub(in crate::http::ibm) async fn update(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<mount_target::Update>,
) -> Answer {
    let id = find(&app, &path).await?.target.attachment.id;
    if let Some(command) = body.command(id) {
        app.execute::<Attachment>(command).await?;
    }
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &mount_target::encode(&app.site(), &found, &version)))
}

pub(in crate::http::ibm) async fn delete(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(path): Segments<(String, String)>,
) -> Answer {
    let mut found = find(&app, &path).await?;
    app.execute::<Attachment>(Command::DeleteMountTarget(found.target.attachment.id)).await?;
    found.instance.lifecycle = Lifecycle::Deleting;
    Ok(json(StatusCode::ACCEPTED, &mount_target::encode(&app.site(), &found, &version)))
}

/// The mount target at a path; it stays with its share for life, so what is found here holds later too.
async fn find(app: &App, (share, target): &(String, String)) -> Result<MountTargetView, Fault> {
    let share: ShareId = id::<Share>(share)?;
    let absent = || Problem::not_found(Noun::MountTarget, short(target));
    let id: AttachmentId = target.parse().map_err(|_: InvalidId| absent())?;
    // An attachment of something else is no mount target.
    let found = app
        .read(|snapshot| {
            query::get::<Share>(snapshot, share)?;
            let Some((attachment, revision)) = query::find::<Attachment>(snapshot, id)? else { return Err(absent()) };
            Ok(view::View::join(snapshot, attachment, revision)?)
        })
        .await?;
    let found: MountTargetView = found;
    if found.share.id == share { Ok(found) } else { Err(absent().into()) }
}
