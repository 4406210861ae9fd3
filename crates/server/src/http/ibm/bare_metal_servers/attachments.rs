//! `/v1/bare_metal_servers/{id}/network_attachments`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::model::Attachment;
use pintle_dialect::ibm::bare_metal::attachment;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::view::{self, AttachmentView};

use super::super::super::answer::{Answer, Fault, empty, json};
use super::super::super::app::App;
use super::super::super::extract::{Body, Query, Segments, id};
use super::super::below;

pub(in crate::http::ibm) async fn list(
    State(app): State<App>,
    Segments(server): Segments<String>,
    Query(params): Query,
) -> Answer {
    let server = super::find(&app, &server).await?;
    let paging = Paging::decode(params, &[])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = app.read(|snapshot| Ok(view::all(snapshot, &server.to_string(), start, limit)?)).await?;
    Ok(json(StatusCode::OK, &attachment::encode_page(&app.site(), server, &paging, &page)))
}

pub(in crate::http::ibm) async fn create(
    State(app): State<App>,
    Segments(server): Segments<String>,
    Body(body): Body<attachment::Create>,
) -> Answer {
    let server = super::find(&app, &server).await?;
    let made: Attachment = app.execute(body.command(server)?).await?;
    let found: AttachmentView = app.view(made.id).await?;
    Ok(json(StatusCode::CREATED, &attachment::encode(&app.site(), &found)))
}

pub(in crate::http::ibm) async fn show(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &attachment::encode(&app.site(), &found)))
}

pub(in crate::http::ibm) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<attachment::Update>,
) -> Answer {
    let id = find(&app, &path).await?.attachment.id;
    if let Some(command) = body.command(id) {
        app.execute::<Attachment>(command).await?;
    }
    let found = find(&app, &path).await?;
    Ok(json(StatusCode::OK, &attachment::encode(&app.site(), &found)))
}

pub(in crate::http::ibm) async fn delete(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let attachment = find(&app, &path).await?.attachment.id;
    app.execute::<Attachment>(Command::DeleteAttachment(attachment)).await?;
    Ok(empty())
}

/// The attachment at a path; it stays with its server for life, so what is found here holds later too.
async fn find(app: &App, (server, attachment): &(String, String)) -> Result<AttachmentView, Fault> {
    let server = super::find(app, server).await?;
    let attachment = id::<Attachment>(attachment)?;
    let found: AttachmentView = app.view(attachment).await?;
    below::<_, Attachment>(found.attachment.instance, server, attachment)?;
    Ok(found)
}
