//! `/v1/flow_log_collectors`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::FlowLogId;
use pintle_core::model::FlowLog;
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::flow_log_collector as collector;
use pintle_dialect::view::{self, FlowLogView};

use super::super::answer::{Answer, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};

const FILTERS: &[&str] =
    &["name", "resource_group.id", "target.id", "target.resource_type", "vpc.crn", "vpc.id", "vpc.name"];

pub(super) async fn list(State(app): State<App>, Query(params): Query) -> Answer {
    let paging = Paging::decode(params, FILTERS)?;
    if paging.is_plain() {
        let page = app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?;
        return Ok(json(StatusCode::OK, &collector::encode_page(&app.site(), &paging, &page)));
    }
    let all: Vec<FlowLogView> = app.read(|snapshot| Ok(view::every(snapshot, None)?)).await?;
    let items = all.iter().map(|view| collector::encode(&app.site(), view)).collect();
    let key = "flow_log_collectors";
    Ok(json(StatusCode::OK, &encode_found(&app.site(), (key, key), &paging, items, &[])?))
}

pub(super) async fn create(State(app): State<App>, Body(body): Body<collector::Create>) -> Answer {
    let made: FlowLog = app.execute(body.command()?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(log): Segments<String>) -> Answer {
    answer(&app, StatusCode::OK, id::<FlowLog>(&log)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(log): Segments<String>,
    Body(body): Body<collector::Update>,
) -> Answer {
    let id = id::<FlowLog>(&log)?;
    if let Some(command) = body.command(id) {
        app.execute::<FlowLog>(command).await?;
    }
    answer(&app, StatusCode::OK, id).await
}

pub(super) async fn delete(State(app): State<App>, Segments(log): Segments<String>) -> Answer {
    app.execute::<FlowLog>(Command::DeleteFlowLog(id::<FlowLog>(&log)?)).await?;
    Ok(empty())
}

async fn answer(app: &App, status: StatusCode, id: FlowLogId) -> Answer {
    let found: FlowLogView = app.view(id).await?;
    Ok(json(status, &collector::encode(&app.site(), &found)))
}
