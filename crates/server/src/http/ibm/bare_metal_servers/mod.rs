//! `/v1/bare_metal_servers`.

pub(super) mod attachments;
pub(super) mod profiles;

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::InstanceId;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Instance, InstanceState, Role};
use pintle_core::refusal::Noun;
use pintle_core::{Command, Refusal};
use pintle_dialect::ibm::bare_metal;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::identity::Identity;
use pintle_dialect::view::{self, InstanceView, Scope};

use super::super::answer::{Answer, Fault, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments};
use super::super::if_match::IfMatch;
use super::{nothing, server_id, vpc_filter, vpc_of};

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, &["name", "resource_group.id", "vpc.id", "vpc.crn", "vpc.name"])?;
    let (start, limit) = (paging.start.as_deref(), paging.limit);
    let by_crn = paging.filter("vpc.crn").map(|crn| Identity::from_crn("vpc.crn", crn)).transpose()?;
    let (name, vpc_name) = (paging.filter("name"), paging.filter("vpc.name"));
    let vpc = match (vpc_filter(&paging)?, by_crn.map(|Identity(id)| id)) {
        (Some(id), Some(other)) if id != other => return Ok(page(&app, &paging, &nothing())),
        (by_id, by_crn) => by_id.or(by_crn),
    };
    let found = match (name, vpc, vpc_name) {
        _ if !paging.wants_default_group() => nothing(),
        (None, None, None) => app.read(|snapshot| Ok(view::bare_metal_servers(snapshot, None, start, limit)?)).await?,
        (name, vpc, vpc_name) => {
            app.read(|snapshot| {
                let within = match (vpc, vpc_name) {
                    (None, None) => Some(Scope::EveryVpc),
                    (id, name) => vpc_of(snapshot, id, name)?.map(Scope::Vpc),
                };
                let ids = match (name, within) {
                    (_, None) => Vec::new(),
                    (Some(name), Some(within)) => view::by_name::<Instance>(snapshot, None, name, within)?,
                    (None, Some(Scope::Vpc(vpc))) => view::child_ids::<Instance>(snapshot, vpc)?,
                    (None, Some(_)) => Vec::new(),
                };
                let ids = view::of_role(snapshot, ids, Role::BareMetal)?;
                Ok(view::by_ids(snapshot, ids, start, limit)?)
            })
            .await?
        }
    };
    Ok(page(&app, &paging, &found))
}

fn page(app: &App, paging: &Paging, found: &view::Page<InstanceView>) -> axum::response::Response {
    json(StatusCode::OK, &bare_metal::encode_page(&app.site(), paging, found))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<bare_metal::Create>) -> Answer {
    let command = app.read(|snapshot| body.command(snapshot)).await?;
    let made: Instance = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(server): Segments<String>) -> Answer {
    let id = find(&app, &server).await?;
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(server): Segments<String>,
    expected: IfMatch,
    Body(body): Body<bare_metal::Update>,
) -> Answer {
    let id = find(&app, &server).await?;
    if let Some(command) = body.command(id)? {
        app.execute_if::<Instance>(&expected, id, command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(server): Segments<String>, expected: IfMatch) -> Answer {
    let id = find(&app, &server).await?;
    app.execute_if::<Instance>(&expected, id, Command::DeleteInstance(id)).await?;
    Ok(empty())
}

pub(super) async fn initialization(State(app): State<App>, Segments(server): Segments<String>) -> Answer {
    let id = find(&app, &server).await?;
    Ok(json(StatusCode::OK, &bare_metal::initialization::encode(&app.site(), id)))
}

pub(super) async fn start(State(app): State<App>, Segments(server): Segments<String>) -> Answer {
    let id = find(&app, &server).await?;
    app.execute::<Instance>(Command::StartInstance(id)).await?;
    Ok(empty())
}

pub(super) async fn stop(
    State(app): State<App>,
    Segments(server): Segments<String>,
    Body(body): Body<bare_metal::Stop>,
) -> Answer {
    let id = find(&app, &server).await?;
    app.execute::<Instance>(body.command(id)).await?;
    Ok(empty())
}

/// Nothing boots here: a server that runs goes on running.
pub(super) async fn restart(State(app): State<App>, Segments(server): Segments<String>) -> Answer {
    let id = find(&app, &server).await?;
    let found: InstanceView = app.view(id).await?;
    let Instance { lifecycle, state, .. } = found.instance;
    if (lifecycle, state) == (Lifecycle::Stable, InstanceState::Running) {
        return Ok(empty());
    }
    let state = if state == InstanceState::Stopped { "stopped" } else { lifecycle.label() }.to_owned();
    let (id, rule) = (id.to_string(), "it can be restarted while it is running only".to_owned());
    Err(Refusal::WrongState { noun: Noun::BareMetalServer, id, state, rule }.into())
}

/// The id of a bare metal server; other servers are not found here.
async fn find(app: &App, segment: &str) -> Result<InstanceId, Fault> {
    server_id(app, segment, Role::BareMetal).await
}

async fn answer(app: &App, status: StatusCode, id: InstanceId) -> Answer {
    let found: InstanceView = app.view(id).await?;
    Ok(tagged(status, found.revision, &bare_metal::encode(&app.site(), &found)))
}
