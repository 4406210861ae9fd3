//! Rules of internet gateways: one for a VPC, and detached only when no public address leads there.

use super::route_table;
use crate::draft::{Draft, parse_id};
use crate::id::{FloatingIpId, InternetGatewayId, PublicGatewayId, VpcId};
use crate::model::{InternetGateway, Owner, RouteTarget, Vpc};
use crate::net::EVERYWHERE;
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>) -> Result<InternetGateway, DecideError> {
    let owner = draft.owner_of_new()?;
    Ok(insert(draft, owner))
}

fn insert(draft: &mut Draft<'_>, owner: Owner) -> InternetGateway {
    let gateway = InternetGateway { id: InternetGatewayId::new(draft.ids), owner, created_at: draft.now, vpc: None };
    draft.insert(&gateway);
    gateway
}

pub(super) fn attach(draft: &mut Draft<'_>, id: InternetGatewayId, vpc: VpcId) -> Result<InternetGateway, DecideError> {
    let mut gateway: InternetGateway = draft.get(id)?;
    let vpc: Vpc = draft.get(vpc)?;
    super::same_owner("vpc", vpc.id, &vpc.owner, &gateway.owner)?;
    route_table::main_of(&vpc)?;
    if let Some(vpc) = gateway.vpc {
        return Err(Refusal::GatewayAttached { gateway: id, vpc }.into());
    }
    bind(draft, &mut gateway, vpc.id)?;
    Ok(gateway)
}

fn bind(draft: &mut Draft<'_>, gateway: &mut InternetGateway, vpc: VpcId) -> Result<(), DecideError> {
    let key = record::internet_gateway_of_key(vpc);
    if let Err(other) = draft.claim(key.clone(), &gateway.id.to_string())? {
        let gateway = parse_id(&key, other.as_bytes())?;
        return Err(Refusal::GatewayAttached { gateway, vpc }.into());
    }
    gateway.vpc = Some(vpc);
    draft.put(gateway);
    route_table::routes_changed(draft, vpc);
    Ok(())
}

pub(super) fn detach(draft: &mut Draft<'_>, id: InternetGatewayId, vpc: VpcId) -> Result<InternetGateway, DecideError> {
    let mut gateway: InternetGateway = draft.get(id)?;
    if gateway.vpc != Some(vpc) {
        // A VPC that does not exist is told first, as it is the more likely mistake.
        draft.get::<Vpc>(vpc)?;
        return Err(Refusal::GatewayNotAttached { gateway: id, vpc }.into());
    }
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::InternetGateway, id: id.to_string(), holder, remedy };
    if let Some(floating) = draft.first::<FloatingIpId>(&record::floating_ips_of_vpc(vpc))? {
        let remedy = "its VPC has public addresses mapped to interfaces; disassociate those first";
        return Err(in_use(Holder::FloatingIp(floating), remedy).into());
    }
    if let Some(other) = draft.first::<PublicGatewayId>(&record::gateways_of_vpc(vpc))? {
        let remedy = "its VPC has public addresses mapped to public gateways; delete those first";
        return Err(in_use(Holder::PublicGateway(other), remedy).into());
    }
    gateway.vpc = None;
    draft.put(&gateway);
    draft.delete_raw(record::internet_gateway_of_key(vpc));
    route_table::routes_changed(draft, vpc);
    Ok(gateway)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: InternetGatewayId) -> Result<InternetGateway, DecideError> {
    let gateway: InternetGateway = draft.get(id)?;
    if let Some(vpc) = gateway.vpc {
        let (noun, holder) = (Noun::InternetGateway, Holder::Vpc(vpc));
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy: "detach it first" }.into());
    }
    draft.remove(&gateway);
    Ok(gateway)
}

/// The internet gateway of a VPC, relied upon.
pub(super) fn of(draft: &mut Draft<'_>, vpc: VpcId) -> Result<Option<InternetGatewayId>, DecideError> {
    let key = record::internet_gateway_of_key(vpc);
    draft.raw(&key)?.map(|held| parse_id(&key, &held)).transpose()
}

/// That public addresses can lead to a VPC: one that routes by tables needs an internet gateway for that.
pub(super) fn check_reachable(draft: &mut Draft<'_>, vpc: VpcId) -> Result<(), DecideError> {
    // It may be another account's, whose interface may be used.
    if !draft.follow::<Vpc>(vpc)?.implied_ways && of(draft, vpc)?.is_none() {
        return Err(Refusal::NoInternetGateway { vpc }.into());
    }
    Ok(())
}

/// Gives a VPC that is being made the way to the public network that a default VPC has: an internet gateway, and a route to
/// it in its main route table. The VPC's record must be in the draft.
pub(super) fn open_up(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<(), DecideError> {
    let main = route_table::main_of(vpc)?;
    let mut gateway = insert(draft, vpc.owner.clone());
    bind(draft, &mut gateway, vpc.id)?;
    route_table::put_route(draft, main.table, EVERYWHERE, RouteTarget::InternetGateway(gateway.id))
}
