//! `/v1/bare_metal_servers/{id}/network_interfaces`, where it is not as on instances: the collection has pages, and bare metal
//! servers have network attachments only, so that nothing is changed here.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::command::{CreateVni, NewAttachment, UpdateChild, VniChoice};
use pintle_core::model::{Attachment, Role};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::network_interface;
use pintle_dialect::view;
use serde_json::Value;

use super::super::super::answer::{Answer, json};
use super::super::super::app::App;
use super::super::super::extract::{Body, Query, Segments};
use super::super::server_id;
use super::{answer, find};

pub(in super::super) async fn list(
    State(app): State<App>,
    Segments(server): Segments<String>,
    Query(params): Query,
) -> Answer {
    let server = server_id(&app, &server, Role::BareMetal).await?;
    let paging = Paging::decode(params, &[])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = app.read(|snapshot| Ok(view::all(snapshot, &server.to_string(), start, limit)?)).await?;
    Ok(json(StatusCode::OK, &network_interface::encode_page(&app.site(), server, &paging, &page)))
}

/// Whatever is described: a child interface, which the server's style refuses with what to do instead.
pub(in super::super) async fn create(
    State(app): State<App>,
    Segments(server): Segments<String>,
    Body(_): Body<Value>,
) -> Answer {
    let server = server_id(&app, &server, Role::BareMetal).await?;
    let child = NewAttachment::of(VniChoice::Child(Box::<CreateVni>::default()));
    let made: Attachment = app.execute(Command::Attach(server, child)).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

/// Whatever is to change: refused with what to change instead.
pub(in super::super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(_): Body<Value>,
) -> Answer {
    let id = find(&app, Role::BareMetal, &path).await?.attachment.id;
    let changed: Attachment = app.execute(Command::UpdateChild(id, UpdateChild::default())).await?;
    answer(&app, StatusCode::OK, changed.id).await
}
