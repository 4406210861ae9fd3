//! `/v1/instances`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::InstanceId;
use pintle_core::model::{Instance, Role};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::instance;
use pintle_dialect::view::{self, InstanceView, Scope};

use super::super::answer::{Answer, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};
use super::super::frame::RequestId;
use super::super::if_match::IfMatch;
use super::{nothing, server_id, vpc_filter};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["name", "resource_group.id", "vpc.id"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let page = match (paging.filter("name"), vpc_filter(&paging)?) {
        _ if !paging.wants_default_group() => nothing(),
        (None, None) => app.read(|snapshot| Ok(view::own(snapshot, None, start, limit)?)).await?,
        (name, vpc) => {
            app.read(|snapshot| {
                let ids = match (name, vpc) {
                    (Some(name), vpc) => {
                        view::by_name::<Instance>(snapshot, None, name, vpc.map_or(Scope::EveryVpc, Scope::Vpc))?
                    }
                    (None, Some(vpc)) => view::child_ids::<Instance>(snapshot, vpc)?,
                    (None, None) => Vec::new(),
                };
                let ids = view::of_role(snapshot, ids, Role::Server)?;
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
    };
    Ok(json(StatusCode::OK, &instance::encode_page(&app.site(), &paging, &page)))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<instance::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Instance = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(instance): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, server_id(&app, &instance, Role::Server).await?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(instance): Segments<String>,
    expected: IfMatch,
    Body(body): Body<instance::Update>,
) -> Answer {
    let id = server_id(&app, &instance, Role::Server).await?;
    if let Some(command) = body.command(id) {
        app.execute_if::<Instance>(&expected, id, command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(instance): Segments<String>, expected: IfMatch) -> Answer {
    let id = server_id(&app, &instance, Role::Server).await?;
    app.execute_if::<Instance>(&expected, id, Command::DeleteInstance(id)).await?;
    Ok(empty())
}

pub(super) async fn act(
    State(app): State<App>,
    Segments(instance): Segments<String>,
    Extension(RequestId(trace)): Extension<RequestId>,
    Body(body): Body<instance::Action>,
) -> Answer {
    let forced = body.is_forced();
    let changed: Instance = app.execute(body.command(server_id(&app, &instance, Role::Server).await?)).await?;
    let body = instance::encode_action(&app.site(), &changed, forced, app.engine.now(), &trace);
    Ok(json(StatusCode::CREATED, &body))
}

async fn answer(app: &App, status: StatusCode, id: InstanceId) -> Answer {
    let found: InstanceView = app.view(id).await?;
    Ok(tagged(status, found.revision, &instance::encode(&app.site(), &found)))
}
