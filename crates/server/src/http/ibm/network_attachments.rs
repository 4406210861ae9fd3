//! `/v1/instances/{id}/network_attachments`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::model::{Attachment, InterfaceStyle, Role};
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::network_attachment;
use pintle_dialect::view::{AttachmentView, InstanceView};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::{below, server_id};

pub(super) async fn list(State(app): State<App>, Segments(instance): Segments<String>, Query(params): Query) -> Answer {
    params.finish()?;
    let found: InstanceView = app.view(server_id(&app, &instance, Role::Server).await?).await?;
    let shown = match found.instance.style {
        InterfaceStyle::Attachments => &found.attachments[..],
        InterfaceStyle::Children => &[],
    };
    Ok(json(StatusCode::OK, &network_attachment::encode_all(&app.site(), shown)))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments(instance): Segments<String>,
    Body(body): Body<network_attachment::Create>,
) -> Answer {
    let made: Attachment = app.execute(body.command(server_id(&app, &instance, Role::Server).await?)?).await?;
    let found: AttachmentView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &network_attachment::encode(&app.site(), &found)))
}

pub(super) async fn show(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &network_attachment::encode(&app.site(), &found)))
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<network_attachment::Update>,
) -> Answer {
    let id = find(&app, &path).await?.attachment.id;
    if let Some(command) = body.command(id) {
        app.execute::<Attachment>(command).await?;
    }
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &network_attachment::encode(&app.site(), &found)))
}

pub(super) async fn delete(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let attachment = find(&app, &path).await?.attachment.id;
    app.execute::<Attachment>(Command::DeleteAttachment(attachment)).await?;
    Ok(empty())
}

/// The attachment at a path; it stays with its instance for life, so what is found here holds later too.
async fn find(app: &App, (instance, attachment): &(String, String)) -> Result<AttachmentView, Fault> {
    let instance = server_id(app, instance, Role::Server).await?;
    let attachment = id::<Attachment>(attachment)?;
    let found: AttachmentView = app.view(attachment).await?;
    below::<_, Attachment>(found.attachment.instance, instance, attachment)?;
    if found.vni.child {
        return Err(Problem::not_found(Noun::Attachment, attachment.to_string()).into());
    }
    Ok(found)
}
