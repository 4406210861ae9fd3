//! `/v1/vpcs/{id}/address_prefixes`.

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::{VpcId, VpcRangeId};
use pintle_core::model::{AddressPrefix, Vpc};
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::address_prefix;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::view::{self, AddressPrefixView, Page};

use super::super::answer::{Answer, Fault, empty, json};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::short;

pub(super) async fn list(State(app): State<App>, Segments(vpc): Segments<String>, Query(params): Query) -> Answer {
    let vpc = id::<Vpc>(&vpc)?;
    let paging = Paging::decode(params, &[])?;
    let all = app.read(|snapshot| Ok(view::address_prefixes(snapshot, vpc)?)).await?;
    let ids: Vec<VpcRangeId> = all.iter().map(|view| view.prefix.id).collect();
    let Page { items, next, total } = view::of_ids(&ids, paging.start.as_deref(), paging.limit)?;
    let items = all.into_iter().filter(|view| items.contains(&view.prefix.id)).collect();
    let page = Page { items, next, total };
    Ok(json(StatusCode::OK, &address_prefix::encode_page(&app.site(), vpc, &paging, &page)))
}

pub(super) async fn create(
    State(app): State<App>,
    Segments(vpc): Segments<String>,
    Body(body): Body<address_prefix::Create>,
) -> Answer {
    let vpc = id::<Vpc>(&vpc)?;
    let made: AddressPrefix = app.execute(body.command(vpc)).await?;
    answer(&app, StatusCode::CREATED, (vpc, made.id)).await
}

pub(super) async fn show(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    answer(&app, StatusCode::OK, ids(&path)?).await
}

pub(super) async fn update(
    State(app): State<App>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<address_prefix::Update>,
) -> Answer {
    let ids = changeable(&app, &path).await?;
    if let Some(command) = body.command(ids.1) {
        app.execute::<AddressPrefix>(command).await?;
    }
    answer(&app, StatusCode::OK, ids).await
}

pub(super) async fn delete(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let (_, id) = changeable(&app, &path).await?;
    app.execute::<AddressPrefix>(Command::RemoveAddressPrefix(id)).await?;
    Ok(empty())
}

fn ids((vpc, prefix): &(String, String)) -> Result<(VpcId, VpcRangeId), Problem> {
    let prefix = prefix.parse().map_err(|_| Problem::not_found(Noun::AddressPrefix, short(prefix)))?;
    Ok((id::<Vpc>(vpc)?, prefix))
}

/// The ids of a path, if they name an address prefix of that VPC that this API may change: a range that EC2's has given it
/// is that one's to change.
async fn changeable(app: &App, path: &(String, String)) -> Result<(VpcId, VpcRangeId), Fault> {
    let (vpc, id) = ids(path)?;
    app.read(|snapshot| {
        view::address_prefix(snapshot, vpc, id)?;
        if pintle_core::query::find::<AddressPrefix>(snapshot, id)?.is_none() {
            let (noun, state) = (Noun::AddressPrefix, "a range that EC2's API has given the VPC".to_owned());
            let rule = "it is changed by that API".to_owned();
            let refusal = pintle_core::Refusal::WrongState { noun, id: id.to_string(), state, rule };
            return Err(refusal.into());
        }
        Ok((vpc, id))
    })
    .await
}

async fn answer(app: &App, status: StatusCode, (vpc, id): (VpcId, VpcRangeId)) -> Answer {
    let found: AddressPrefixView = app.read(|snapshot| Ok(view::address_prefix(snapshot, vpc, id)?)).await?;
    Ok(json(status, &address_prefix::encode(&app.site(), &found)))
}
