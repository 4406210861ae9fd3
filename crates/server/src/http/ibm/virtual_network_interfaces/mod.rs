//! `/v1/virtual_network_interfaces`.

pub(super) mod ips;

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::VniId;
use pintle_core::model::Vni;
use pintle_core::{Command, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::vni;
use pintle_dialect::view::{self, Scope, VniView, own_vni};

use super::super::answer::{Answer, Fault, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::nothing;

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["name", "resource_group.id"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = match paging.filter("name") {
        _ if !paging.wants_default_group() => nothing(),
        None => app.read(|snapshot| Ok(view::own_vnis(snapshot, None, start, limit)?)).await?,
        Some(name) => {
            app.read(|snapshot| {
                let mut ids = Vec::new();
                for id in view::by_name::<Vni>(snapshot, None, name, Scope::EveryVpc)? {
                    ids.extend((!query::get::<Vni>(snapshot, id)?.0.child).then_some(id));
                }
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
    };
    Ok(json(StatusCode::OK, &vni::encode_page(&app.site(), &paging, &page)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<vni::Create>) -> Answer {
    let made: Vni = app.execute(body.command()?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(vni): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, own(&app, &vni).await?).await
}

/// The interface of this id. Child interfaces, which other dialects know by theirs, are none here.
pub(super) async fn own(app: &App, vni: &str) -> Result<VniId, Fault> {
    let id = id::<Vni>(vni)?;
    app.read(|snapshot| Ok(own_vni(snapshot, id)?.id)).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    expected: IfMatch,
    Body(body): Body<vni::Update>,
) -> Answer {
    let id = own(&app, &vni).await?;
    app.execute_if::<Vni>(&expected, id, body.command(id)).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(vni): Segments<String>, expected: IfMatch) -> Answer {
    let id = own(&app, &vni).await?;
    // The reply shows the interface with its addresses, which are gone once it is deleted.
    let before: VniView = app.view(id).await?;
    app.execute_if::<Vni>(&expected, id, Command::DeleteVni(id)).await?;
    Ok(json(StatusCode::ACCEPTED, &vni::encode_deleted(&app.site(), &before)))
}

async fn answer(app: &App, status: StatusCode, id: VniId) -> Answer {
    let found: VniView = app.view(id).await?;
    Ok(tagged(status, found.revision, &vni::encode(&app.site(), &found)))
}
