//! `/v1/instances/{id}/network_interfaces`, and those of bare metal servers: network interfaces as old clients know them.
//!
//! Both are the same below another collection of servers, which the routes say.

pub(super) mod bare_metal;
pub(super) mod floating_ips;
pub(super) mod ips;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::AttachmentId;
use pintle_core::model::{Attachment, Role};
use pintle_dialect::ibm::network_interface;
use pintle_dialect::view::{InstanceView, NetworkInterfaceView};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::{below, server_id};

pub(super) async fn list(State(app): State<App>, Segments(instance): Segments<String>, Query(params): Query) -> Answer {
    params.finish()?;
    let found: InstanceView = app.view(server_id(&app, &instance, Role::Server).await?).await?;
    let all = app.read(|snapshot| Ok(NetworkInterfaceView::all(snapshot, found.instance.id)?)).await?;
    Ok(json(StatusCode::OK, &network_interface::encode_all(&app.site(), &all)))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments(instance): Segments<String>,
    Body(body): Body<network_interface::Create>,
) -> Answer {
    let made: Attachment = app.execute(body.command(server_id(&app, &instance, Role::Server).await?)?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments(path): Segments<(String, String)>,
) -> Answer {
    let found = find(&app, role, &path).await?;
    Ok(json(StatusCode::OK, &network_interface::encode(&app.site(), &found)))
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<network_interface::Update>,
) -> Answer {
    let id = find(&app, Role::Server, &path).await?.attachment.id;
    let changed: Attachment = app.execute(body.command(id)).await?;
    answer(&app, StatusCode::OK, changed.id).await
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments(path): Segments<(String, String)>,
) -> Answer {
    let id = find(&app, role, &path).await?.attachment.id;
    app.execute::<Attachment>(Command::DeleteChild(id)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: AttachmentId) -> Answer {
    let found: NetworkInterfaceView = app.view(id).await?;
    Ok(json(status, &network_interface::encode(&app.site(), &found)))
}

/// The network interface at a path below servers of this role; it stays with its server for life, so what is found here holds
/// later too.
async fn find(app: &App, role: Role, (server, nic): &(String, String)) -> Result<NetworkInterfaceView, Fault> {
    let (server, nic) = (server_id(app, server, role).await?, id::<Attachment>(nic)?);
    let found: NetworkInterfaceView = app.view(nic).await?;
    below::<_, Attachment>(found.attachment.instance, server, nic)?;
    Ok(found)
}
