//! `/v1/vpcs/{id}/routing_tables/{id}/routes`, and `/v1/vpcs/{id}/routes`: those of the default table, for old clients.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::{RouteTableId, VpcId, ZoneRouteId};
use pintle_core::model::{RouteTable, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::{Command, Refusal, query};
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::routing_table::{self, route};
use pintle_dialect::view::{self, Page, RouteTableView, RouteView, View};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::short;
use super::routing_tables::find;

pub(super) async fn list(
    State(app): State<App>,
    Segments((vpc, table)): Segments<(String, String)>,
    Query(params): Query,
) -> Answer {
    let (_, table) = find(&app, &vpc, &table).await?;
    page(&app, table, Paging::decode(params, &[])?, None).await
}

pub(super) async fn list_default(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    Query(params): Query,
) -> Answer {
    let (vpc, table) = default(&app, &vpc).await?;
    page(&app, table, Paging::decode(params, &["zone.name"])?, Some(vpc)).await
}

/// A page of a table's routes; `of`: of the default table of this VPC, as a collection of the VPC's.
async fn page(app: &App, table: RouteTableId, paging: Paging, of: Option<VpcId>) -> Answer {
    let found: RouteTableView = app.view(table).await?;
    let in_zone = |route: &&RouteView| paging.filter("zone.name").is_none_or(|zone| route.zone == zone);
    let ids: Vec<ZoneRouteId> = found.routes.iter().filter(in_zone).map(|route| route.id).collect();
    let Page { items, next, total } = view::of_ids(&ids, paging.start.as_deref(), paging.limit)?;
    let items = found.routes.iter().filter(|route| items.contains(&route.id)).cloned().collect();
    let page = Page { items, next, total };
    Ok(json(StatusCode::OK, &route::encode_page(&app.site(), &found.table, of, &paging, &page)))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments((vpc, table)): Segments<(String, String)>,
    Body(body): Body<routing_table::CreateRoute>,
) -> Answer {
    let (_, table) = find(&app, &vpc, &table).await?;
    add(&app, table, body).await
}

pub(super) async fn create_default(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    Body(body): Body<routing_table::CreateRoute>,
) -> Answer {
    let (_, table) = default(&app, &vpc).await?;
    add(&app, table, body).await
}

async fn add(app: &App, table: RouteTableId, body: routing_table::CreateRoute) -> Answer {
    let command = body.command(table)?;
    let before = app.read(|snapshot| Ok(query::get::<RouteTable>(snapshot, table)?.0)).await?;
    let before: BTreeSet<ZoneRouteId> = before.zone_routes.iter().map(|route| route.id).collect();
    let changed: RouteTable = app.execute(command).await?;
    // New ones come last. Of several that came meanwhile, the last is this one.
    let made = changed.zone_routes.iter().rev().find(|route| !before.contains(&route.id));
    let made = made.ok_or_else(|| Problem::Internal { detail: format!("{table} has not got its route") })?;
    let shown = RouteView::of_zone(made);
    Ok(json(StatusCode::CREATED, &route::encode(&app.site(), &changed, &shown)))
}

pub(super) async fn show(
    State(app): State<App>,
    Segments((vpc, table, route)): Segments<(String, String, String)>,
) -> Answer {
    let (_, table) = find(&app, &vpc, &table).await?;
    answer(&app, table, route_id(&route)?).await
}

pub(super) async fn show_default(State(app): State<App>, Segments((vpc, route)): Segments<(String, String)>) -> Answer {
    let (_, table) = default(&app, &vpc).await?;
    answer(&app, table, route_id(&route)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments((vpc, table, route)): Segments<(String, String, String)>,
    Body(body): Body<routing_table::UpdateRoute>,
) -> Answer {
    let (_, table) = find(&app, &vpc, &table).await?;
    change(&app, table, route_id(&route)?, body).await
}

pub(super) async fn update_default(
    State(app): State<App>,
    Segments((vpc, route)): Segments<(String, String)>,
    Body(body): Body<routing_table::UpdateRoute>,
) -> Answer {
    let (_, table) = default(&app, &vpc).await?;
    change(&app, table, route_id(&route)?, body).await
}

async fn change(app: &App, table: RouteTableId, route: ZoneRouteId, body: routing_table::UpdateRoute) -> Answer {
    changeable(app, table, route).await?;
    if let Some(command) = body.command(table, route)? {
        app.execute::<RouteTable>(command).await?;
    }
    answer(app, table, route).await
}

pub(super) async fn delete(
    State(app): State<App>,
    Segments((vpc, table, route)): Segments<(String, String, String)>,
) -> Answer {
    let (_, table) = find(&app, &vpc, &table).await?;
    remove(&app, table, route_id(&route)?).await
}

pub(super) async fn delete_default(
    State(app): State<App>,
    Segments((vpc, route)): Segments<(String, String)>,
) -> Answer {
    let (_, table) = default(&app, &vpc).await?;
    remove(&app, table, route_id(&route)?).await
}

async fn remove(app: &App, table: RouteTableId, route: ZoneRouteId) -> Answer {
    changeable(app, table, route).await?;
    app.execute::<RouteTable>(Command::RemoveZoneRoute(table, route)).await?;
    Ok(empty())
}

/// That a route is one that this API may change: EC2's hold in every zone, and are that one's to change.
async fn changeable(app: &App, table: RouteTableId, route: ZoneRouteId) -> Result<(), Fault> {
    let (_, found) = find_route(app, table, route).await?;
    if found.of_zone {
        return Ok(());
    }
    let (noun, state) = (Noun::Route, "one that EC2's API has made for every zone".to_owned());
    let rule = "it is changed by that API".to_owned();
    Err(Refusal::WrongState { noun, id: route.to_string(), state, rule }.into())
}

async fn find_route(app: &App, table: RouteTableId, route: ZoneRouteId) -> Result<(RouteTable, RouteView), Fault> {
    app.read(|snapshot| {
        let found = RouteTableView::read(snapshot, table)?;
        let route = found.routes.into_iter().find(|own| own.id == route).ok_or_else(|| absent(route))?;
        Ok((found.table, route))
    })
    .await
}

async fn answer(app: &App, table: RouteTableId, route: ZoneRouteId) -> Answer {
    let (table, route) = find_route(app, table, route).await?;
    Ok(json(StatusCode::OK, &route::encode(&app.site(), &table, &route)))
}

async fn default(app: &App, vpc: &str) -> Result<(VpcId, RouteTableId), Fault> {
    let vpc = id::<Vpc>(vpc)?;
    let (vpc, _) = app.read(|snapshot| Ok(query::get::<Vpc>(snapshot, vpc)?)).await?;
    Ok((vpc.id, vpc.main_table.table))
}

fn route_id(text: &str) -> Result<ZoneRouteId, Problem> {
    text.parse().map_err(|_| absent(short(text)))
}

fn absent(id: impl ToString) -> Problem {
    Problem::not_found(Noun::Route, id.to_string())
}
