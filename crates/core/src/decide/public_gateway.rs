//! Rules of public gateways: one for each VPC and zone, on a host with an uplink, with a floating IP of its own.

use super::{change_name, floating_ip, nat_gateway, route_table, same_owner, take_name};
use crate::command::CreatePublicGateway;
use crate::draft::Draft;
use crate::id::{FloatingIpId, HostId, PublicGatewayId, SubnetId};
use crate::model::{FloatingIp, Host, Owner, PublicGateway, Vpc};
use crate::record::{self, list_prefix};
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreatePublicGateway) -> Result<PublicGateway, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    route_table::check_implied(&vpc)?;
    draft.check_zone(&vpc.owner, &create.zone)?;
    let id = PublicGatewayId::new(draft.ids);
    let zone_key = format!("{}{}", record::gateways_of_vpc(vpc.id), create.zone);
    if let Err(other) = draft.claim(zone_key, &id.to_string())? {
        let rule = format!("VPC {} has public gateway {other} there; it has at most one in each zone", vpc.id);
        return Err(Refusal::invalid("zone", create.zone, rule).into());
    }
    let host = choose_host(draft, create.host, &create.zone)?;
    let name = take_name::<PublicGateway>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let floating = take_floating_ip(draft, &vpc.owner, create.floating_ip, &create.zone, id)?;
    let gateway = PublicGateway {
        id,
        owner: vpc.owner,
        name,
        created_at: draft.now,
        vpc: vpc.id,
        zone: create.zone,
        floating_ip: floating,
        owns_floating_ip: create.floating_ip.is_none(),
        host,
        place: None,
    };
    draft.insert(&gateway);
    draft.put_raw(format!("{}{id}", record::gateways_of_host(host)), id.to_string().into_bytes());
    Ok(gateway)
}

/// The host that translates: the one that is asked for, or that of the zone with the fewest gateways.
pub(super) fn choose_host(draft: &mut Draft<'_>, given: Option<HostId>, zone: &str) -> Result<HostId, DecideError> {
    if let Some(id) = given {
        let host = draft.named_host(id)?;
        if host.zone != zone {
            let rule = format!("it is in zone '{}', not '{zone}'", host.zone);
            return Err(Refusal::invalid("host", id, rule).into());
        }
        if host.uplink.is_none() {
            return Err(Refusal::invalid("host", id, "it has no uplink").into());
        }
        return Ok(id);
    }
    let mut best: Option<(u64, HostId)> = None;
    for id in draft.index::<HostId>(&list_prefix::<Host>(""))? {
        let host: Host = draft.get(id)?;
        if host.zone != zone || host.uplink.is_none() {
            continue;
        }
        let load = draft.count_hint(&record::gateways_of_host(id))?;
        if best.is_none_or(|(least, _)| load < least) {
            best = Some((load, id));
        }
    }
    best.map(|(_, host)| host).ok_or_else(|| Refusal::NoUplink { zone: zone.to_owned() }.into())
}

fn take_floating_ip(
    draft: &mut Draft<'_>,
    owner: &Owner,
    given: Option<FloatingIpId>,
    zone: &str,
    gateway: PublicGatewayId,
) -> Result<FloatingIpId, DecideError> {
    let Some(id) = given else {
        let mut floating = floating_ip::allocate(draft, owner.clone(), None, zone, None)?;
        floating_ip::lead_to_gateway(draft, &mut floating, gateway)?;
        draft.insert(&floating);
        return Ok(floating.id);
    };
    let floating: FloatingIp = draft.get(id)?;
    use_floating_ip(draft, floating, owner, zone, gateway)?;
    Ok(id)
}

/// Lets a floating IP that leads nowhere be a gateway's.
pub(super) fn use_floating_ip(
    draft: &mut Draft<'_>,
    mut floating: FloatingIp,
    owner: &Owner,
    zone: &str,
    gateway: PublicGatewayId,
) -> Result<(), DecideError> {
    let id = floating.id;
    same_owner("floating_ip", id, &floating.owner, owner)?;
    if floating.zone != zone {
        let rule = format!("it is of zone '{}', not '{zone}'", floating.zone);
        return Err(Refusal::invalid("floating_ip", id, rule).into());
    }
    floating_ip::lead_to_gateway(draft, &mut floating, gateway)?;
    draft.put(&floating);
    Ok(())
}

pub(super) fn rename(draft: &mut Draft<'_>, id: PublicGatewayId, name: &str) -> Result<PublicGateway, DecideError> {
    let mut gateway: PublicGateway = draft.get(id)?;
    change_name::<PublicGateway>(draft, &gateway.name, name, &gateway.vpc.to_string(), SCOPE_WORDS, id)?;
    name.clone_into(&mut gateway.name);
    draft.put(&gateway);
    Ok(gateway)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: PublicGatewayId) -> Result<PublicGateway, DecideError> {
    let gateway: PublicGateway = draft.get(id)?;
    if let Some(subnet) = draft.first::<SubnetId>(&record::subnets_of_gateway(id))? {
        let (noun, holder, remedy) = (Noun::PublicGateway, Holder::Subnet(subnet), "take it off its subnets first");
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
    }
    let mut floating: FloatingIp = draft.get(gateway.floating_ip)?;
    if gateway.owns_floating_ip {
        floating_ip::erase(draft, &floating)?;
    } else {
        floating_ip::end(draft, &mut floating);
        draft.put(&floating);
    }
    draft.delete_raw(record::name_key::<PublicGateway>(&gateway.vpc.to_string(), &gateway.name));
    match gateway.place {
        Some(place) => nat_gateway::withdraw(draft, &gateway, place)?,
        None => draft.delete_raw(format!("{}{}", record::gateways_of_vpc(gateway.vpc), gateway.zone)),
    }
    draft.delete_raw(format!("{}{id}", record::gateways_of_host(gateway.host)));
    draft.remove(&gateway);
    Ok(gateway)
}
