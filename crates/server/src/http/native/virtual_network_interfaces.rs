//! `/native/v1/virtual_network_interfaces`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::VniId;
use pintle_core::model::Vni;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, query};
use pintle_dialect::Problem;
use pintle_dialect::native::paging;
use pintle_dialect::native::vni::{self, List, PlacedVni, encode, encode_targets};
use pintle_dialect::view::{View, resolve};

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::{Body, OptionalBody, Query, Segments};
use super::Nothing;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let asked = List::decode(params)?;
    let page = app.read(|snapshot| asked.read(snapshot)).await?;
    Ok(json(StatusCode::OK, &paging::encode(&page, encode)))
}

pub(super) async fn show(State(app): State<App>, Segments(vni): Segments<String>) -> Answer {
    let id = app.read(|snapshot| resolve::<Vni>(snapshot, &vni)).await?;
    answer(&app, StatusCode::OK, id).await
}

/// What it could be attached to as it is.
pub(super) async fn targets(State(app): State<App>, Segments(vni): Segments<String>) -> Answer {
    let body = app
        .read(|snapshot| {
            let (vni, _) = query::get::<Vni>(snapshot, resolve::<Vni>(snapshot, &vni)?)?;
            Ok(encode_targets(snapshot, &vni)?)
        })
        .await?;
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<vni::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Vni = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::Update>,
) -> Answer {
    act(&app, &vni, |_, id| Ok(body.command(id))).await
}

pub(super) async fn add_address(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::AddAddress>,
) -> Answer {
    act(&app, &vni, |_, id| body.command(id)).await
}

pub(super) async fn remove_address(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::RemoveAddress>,
) -> Answer {
    act(&app, &vni, |snapshot, id| body.command(snapshot, id)).await
}

pub(super) async fn add_prefix(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::AddPrefix>,
) -> Answer {
    act(&app, &vni, |_, id| body.command(id)).await
}

pub(super) async fn remove_prefix(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::RemovePrefix>,
) -> Answer {
    act(&app, &vni, |_, id| Ok(body.command(id))).await
}

pub(super) async fn set_security_groups(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::SetGroups>,
) -> Answer {
    act(&app, &vni, |snapshot, id| body.command(snapshot, id)).await
}

pub(super) async fn quarantine(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    OptionalBody(body): OptionalBody<vni::Quarantine>,
) -> Answer {
    tracing::info!(interface = super::super::short(&vni), "quarantine asked for");
    act(&app, &vni, |snapshot, id| body.command(snapshot, id)).await
}

pub(super) async fn release(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Answer {
    tracing::info!(interface = super::super::short(&vni), "release from quarantine asked for");
    act(&app, &vni, |_, id| Ok(Command::ReleaseVni(id))).await
}

pub(super) async fn flush(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Answer {
    act(&app, &vni, |_, id| Ok(Command::FlushVni(id))).await
}

pub(super) async fn shadow(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<vni::Shadow>,
) -> Answer {
    act(&app, &vni, |snapshot, id| body.command(snapshot, id)).await
}

/// Carries out what is asked of an interface, and shows it as it is then.
async fn act(
    app: &App,
    vni: &str,
    command: impl FnOnce(&dyn Snapshot, VniId) -> Result<Command, Problem> + Send,
) -> Answer {
    let (id, command) = app
        .read(|snapshot| {
            let id = resolve::<Vni>(snapshot, vni)?;
            Ok((id, command(snapshot, id)?))
        })
        .await?;
    // Some of these are answered with the address or the network; what the client sees is the interface.
    app.execute_any(command).await?;
    answer(app, StatusCode::OK, id).await
}

async fn answer(app: &App, status: StatusCode, id: VniId) -> Answer {
    let found = app.read(|snapshot| Ok(PlacedVni::read(snapshot, id)?)).await?;
    Ok(json(status, &encode(&found)))
}
