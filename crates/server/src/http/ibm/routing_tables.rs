//! `/v1/vpcs/{id}/routing_tables`, the one that is the default, and the one that a subnet uses.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::id::{RouteTableId, VpcId};
use pintle_core::model::{RouteTable, Subnet, Vpc};
use pintle_core::{Command, query, record};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::identity::Identity;
use pintle_dialect::ibm::{routing_table, subnet};
use pintle_dialect::view::{self, RouteTableView, SubnetView};
use pintle_dialect::wire;

use super::super::answer::{Answer, Fault, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::below;

pub(super) async fn list(State(app): State<App>, Segments(vpc): Segments<String>, Query(params): Query) -> Answer {
    let vpc = id::<Vpc>(&vpc)?;
    let paging = Paging::decode(params, &["is_default"])?;
    let wanted = match paging.filter("is_default") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        other => return Err(wire::parameter("is_default", other, "it must be 'true' or 'false'").into()),
    };
    let page = app
        .read(|snapshot| {
            let (vpc, _) = query::get::<Vpc>(snapshot, vpc)?;
            let mut ids: Vec<RouteTableId> = query::index(snapshot, &record::tables_of_vpc(vpc.id))?;
            ids.retain(|id| wanted.is_none_or(|wanted| wanted == (*id == vpc.main_table.table)));
            Ok(view::by_ids::<RouteTableView>(snapshot, ids, paging.start.as_deref(), paging.limit)?)
        })
        .await?;
    Ok(json(StatusCode::OK, &routing_table::encode_page(&app.site(), vpc, &paging, &page)))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    Body(body): Body<routing_table::Create>,
) -> Answer {
    let made: RouteTable = app.execute(body.command(id::<Vpc>(&vpc)?)?).await?;
    answer(&app, StatusCode::CREATED, made.id).await
}

pub(super) async fn show(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let (_, table) = find(&app, &path.0, &path.1).await?;
    answer(&app, StatusCode::OK, table).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    expected: IfMatch,
    Body(body): Body<routing_table::Update>,
) -> Answer {
    let (_, table) = find(&app, &path.0, &path.1).await?;
    if let Some(command) = body.command(table)? {
        app.execute_if::<RouteTable>(&expected, table, command).await?;
    }
    answer(&app, StatusCode::OK, table).await
}

pub(super) async fn delete(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    expected: IfMatch,
) -> Answer {
    let (_, table) = find(&app, &path.0, &path.1).await?;
    app.execute_if::<RouteTable>(&expected, table, Command::DeleteRouteTable(table)).await?;
    Ok(empty())
}

pub(super) async fn default(State(app): State<App>, Segments(vpc): Segments<String>) -> Answer {
    let id = id::<Vpc>(&vpc)?;
    let (vpc, _) = app.read(|snapshot| Ok(query::get::<Vpc>(snapshot, id)?)).await?;
    answer(&app, StatusCode::OK, vpc.main_table.table).await
}

pub(super) async fn of_subnet(State(app): State<App>, Segments(subnet): Segments<String>) -> Answer {
    let found: SubnetView = app.view(id::<Subnet>(&subnet)?).await?;
    answer(&app, StatusCode::OK, found.route_table.id).await
}

pub(super) async fn set_of_subnet(
    State(app): State<App>,
    Segments(subnet): Segments<String>,
    Body(Identity(table)): Body<Identity<RouteTableId>>,
) -> Answer {
    app.execute::<Subnet>(subnet::set_routing_table(id::<Subnet>(&subnet)?, table)).await?;
    answer(&app, StatusCode::CREATED, table).await
}

/// The ids of a path: a table is only found below its own VPC.
pub(super) async fn find(app: &App, vpc: &str, table: &str) -> Result<(VpcId, RouteTableId), Fault> {
    let (vpc, table) = (id::<Vpc>(vpc)?, id::<RouteTable>(table)?);
    let (found, _) = app.read(|snapshot| Ok(query::get::<RouteTable>(snapshot, table)?)).await?;
    below::<VpcId, RouteTable>(found.vpc, vpc, table)?;
    Ok((vpc, table))
}

async fn answer(app: &App, status: StatusCode, id: RouteTableId) -> Answer {
    let found: RouteTableView = app.view(id).await?;
    Ok(tagged(status, found.revision, &routing_table::encode(&app.site(), &found)))
}
