//! Rules of floating IPs: one for a private address at most, in the zone of what it leads to, held until released.

use std::net::Ipv4Addr;

use super::free::Search;
use super::{OWNER_WORDS, change_name, same_owner, take_name};
use crate::command::{CreateFloatingIp, FloatingIpChoice};
use crate::draft::{Draft, parse_id};
use crate::id::{FloatingIpId, PublicGatewayId, PublicPoolId, ReservedIpId, VniId};
use crate::model::{FloatingIp, FloatingIpTarget, Owner, PublicPool, ReservedIp, Vni};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateFloatingIp) -> Result<FloatingIp, DecideError> {
    let CreateFloatingIp { name, zone, address, target } = create;
    let vni = target.map(|target| draft.get::<Vni>(target.vni)).transpose()?;
    let owner = match &vni {
        Some(vni) => vni.owner.clone(),
        None => draft.owner_of_new()?,
    };
    let Some(zone) = zone.or(vni.map(|vni| vni.zone)) else {
        return Err(Refusal::invalid("zone", "", "it is needed when there is no target").into());
    };
    let mut floating = allocate(draft, owner, name, &zone, address)?;
    if let Some(target) = target {
        lead_to(draft, &mut floating, target)?;
    }
    draft.insert(&floating);
    Ok(floating)
}

/// Takes an address of the zone's pools; the record is not yet written.
pub(super) fn allocate(
    draft: &mut Draft<'_>,
    owner: Owner,
    name: Option<String>,
    zone: &str,
    address: Option<Ipv4Addr>,
) -> Result<FloatingIp, DecideError> {
    draft.check_zone(&owner, zone)?;
    let zone_key = record::floating_ips_of_zone(zone);
    let pools = draft.index::<PublicPoolId>(&record::pools_of_zone(zone))?;
    let pools = pools.into_iter().map(|id| draft.get(id)).collect::<Result<Vec<PublicPool>, _>>()?;
    let (pool, address) = choose(draft, &pools, zone, address)?;
    let id = FloatingIpId::new(draft.ids);
    let key = record::public_address_key(address);
    if let Err(holder) = draft.claim(key.clone(), &id.to_string())? {
        let holder: FloatingIpId = parse_id(&key, holder.as_bytes())?;
        if draft.find::<FloatingIp>(holder)?.is_none() {
            return Err(Refusal::invalid("address", address, "it is not free").into());
        }
        let holder = Holder::FloatingIp(holder);
        return Err(Refusal::AddressTaken { address: address.into(), holder }.into());
    }
    let name = take_name::<FloatingIp>(draft, name, &owner.scope(), OWNER_WORDS, id)?;
    for prefix in [zone_key, record::floating_ips_of_pool(pool)] {
        draft.put_raw(format!("{prefix}{id}"), id.to_string().into_bytes());
    }
    let created_at = draft.now;
    Ok(FloatingIp { id, owner, name, address, pool, zone: zone.to_owned(), created_at, target: None })
}

fn choose(
    draft: &mut Draft<'_>,
    pools: &[PublicPool],
    zone: &str,
    address: Option<Ipv4Addr>,
) -> Result<(PublicPoolId, Ipv4Addr), DecideError> {
    if let Some(address) = address {
        let of = |pool: &&PublicPool| pool.cidrs.iter().any(|range| range.contains(&address));
        return match pools.iter().find(of) {
            Some(pool) => Ok((pool.id, address)),
            None => {
                let rule = format!("no public pool of zone '{zone}' has it");
                Err(Refusal::invalid("address", address, rule).into())
            }
        };
    }
    for pool in pools {
        let hint = record::public_hint_key(pool.id);
        for range in &pool.cidrs {
            let taken = record::PUBLIC_ADDRESSES;
            let search = Search { taken, first: range.network(), last: range.broadcast(), hint: &hint };
            if let Some(address) = search.next(draft, |_| Ok(None))? {
                draft.put_raw(hint, address.to_string().into_bytes());
                return Ok((pool.id, address));
            }
        }
    }
    Err(Refusal::NoPublicAddress { zone: zone.to_owned() }.into())
}

pub(super) fn rename(draft: &mut Draft<'_>, id: FloatingIpId, name: &str) -> Result<FloatingIp, DecideError> {
    let mut floating: FloatingIp = draft.get(id)?;
    change_name::<FloatingIp>(draft, &floating.name, name, &floating.owner.scope(), OWNER_WORDS, id)?;
    name.clone_into(&mut floating.name);
    draft.put(&floating);
    Ok(floating)
}

pub(super) fn associate(
    draft: &mut Draft<'_>,
    id: FloatingIpId,
    target: FloatingIpChoice,
    reassociate: bool,
) -> Result<FloatingIp, DecideError> {
    let mut floating: FloatingIp = draft.get(id)?;
    let before = floating.target;
    match before {
        Some(FloatingIpTarget::Vni { vni, .. }) if reassociate || vni == target.vni => unlink(draft, &mut floating),
        Some(other) => return Err(bound(&floating, other)),
        None => {}
    }
    lead_to(draft, &mut floating, target)?;
    match before {
        // The same interface, but another of its addresses: to move it there it must be asked for.
        Some(before) if Some(before) != floating.target && !reassociate => Err(bound(&floating, before)),
        _ => {
            draft.put(&floating);
            Ok(floating)
        }
    }
}

fn bound(floating: &FloatingIp, target: FloatingIpTarget) -> DecideError {
    let holder = match target {
        FloatingIpTarget::Vni { vni, .. } => Holder::Vni(vni),
        FloatingIpTarget::PublicGateway(gateway) => Holder::PublicGateway(gateway),
    };
    Refusal::FloatingIpBound { id: floating.id, address: floating.address.into(), holder }.into()
}

fn lead_to(draft: &mut Draft<'_>, floating: &mut FloatingIp, target: FloatingIpChoice) -> Result<(), DecideError> {
    let vni: Vni = draft.get(target.vni)?;
    same_owner("target", vni.id, &vni.owner, &floating.owner)?;
    if vni.zone != floating.zone {
        let rule = format!("it is in zone '{}', but the floating IP is of zone '{}'", vni.zone, floating.zone);
        return Err(Refusal::invalid("target", vni.id, rule).into());
    }
    let ip: ReservedIp = draft.get(target.ip.unwrap_or_else(|| vni.primary_ip()))?;
    if ip.bound_to != Some(vni.id) {
        let rule = format!("it is not an address of {}", vni.id);
        return Err(Refusal::invalid("target.ip", ip.id, rule).into());
    }
    if ip.address.is_ipv6() {
        let rule = "a floating IP leads to an IPv4 address; IPv6 addresses need none";
        return Err(Refusal::invalid("target.ip", ip.address, rule).into());
    }
    let key = record::floating_ip_of_key(ip.id);
    if let Err(other) = draft.claim(key.clone(), &floating.id.to_string())? {
        let floating_ip = parse_id(&key, other.as_bytes())?;
        return Err(Refusal::AddressHasFloatingIp { vni: vni.id, address: ip.address, floating_ip }.into());
    }
    put_vni_key(draft, vni.id, floating.id);
    floating.target = Some(FloatingIpTarget::Vni { vni: vni.id, ip: ip.id });
    Ok(())
}

/// Lets a floating IP lead to a public gateway.
pub(super) fn lead_to_gateway(floating: &mut FloatingIp, gateway: PublicGatewayId) -> Result<(), DecideError> {
    if let Some(other) = floating.target {
        return Err(bound(floating, other));
    }
    floating.target = Some(FloatingIpTarget::PublicGateway(gateway));
    Ok(())
}

fn vni_key(vni: VniId, id: FloatingIpId) -> String {
    format!("{}{id}", record::floating_ips_of_vni(vni))
}

/// Written also when only the address of the interface is another: the entries of the interface follow this key.
fn put_vni_key(draft: &mut Draft<'_>, vni: VniId, id: FloatingIpId) {
    draft.put_raw(vni_key(vni, id), id.to_string().into_bytes());
}

/// Takes the lead to an interface away, if there is one; the record is not yet written.
fn unlink(draft: &mut Draft<'_>, floating: &mut FloatingIp) {
    if let Some(FloatingIpTarget::Vni { vni, ip }) = floating.target {
        draft.delete_raw(record::floating_ip_of_key(ip));
        draft.delete_raw(vni_key(vni, floating.id));
        floating.target = None;
    }
}

pub(super) fn disassociate(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    let mut floating: FloatingIp = draft.get(id)?;
    match floating.target {
        Some(target @ FloatingIpTarget::PublicGateway(_)) => return Err(bound(&floating, target)),
        Some(FloatingIpTarget::Vni { .. }) => {
            unlink(draft, &mut floating);
            draft.put(&floating);
        }
        None => {}
    }
    Ok(floating)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    let floating: FloatingIp = draft.get(id)?;
    if let Some(FloatingIpTarget::PublicGateway(gateway)) = floating.target {
        let (noun, holder) = (Noun::FloatingIp, Holder::PublicGateway(gateway));
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy: "delete the gateway first" }.into());
    }
    erase(draft, &floating);
    Ok(floating)
}

/// Removes a floating IP with everything that it occupies.
pub(super) fn erase(draft: &mut Draft<'_>, floating: &FloatingIp) {
    unlink(draft, &mut floating.clone());
    draft.delete_raw(record::public_address_key(floating.address));
    draft.delete_raw(record::name_key::<FloatingIp>(&floating.owner.scope(), &floating.name));
    draft.delete_raw(format!("{}{}", record::floating_ips_of_zone(&floating.zone), floating.id));
    draft.delete_raw(format!("{}{}", record::floating_ips_of_pool(floating.pool), floating.id));
    draft.remove(floating);
}

/// The floating IP that leads to a private address, relied upon.
fn of(draft: &mut Draft<'_>, ip: ReservedIpId) -> Result<Option<FloatingIp>, DecideError> {
    let key = record::floating_ip_of_key(ip);
    let Some(held) = draft.raw(&key)? else { return Ok(None) };
    draft.get::<FloatingIp>(parse_id(&key, &held)?).map(Some)
}

/// A private address goes from its interface: nothing leads to it any more.
pub(super) fn let_go(draft: &mut Draft<'_>, ip: ReservedIpId) -> Result<(), DecideError> {
    if let Some(mut floating) = of(draft, ip)? {
        unlink(draft, &mut floating);
        draft.put(&floating);
    }
    Ok(())
}

/// A private address goes from one interface to another, and what leads to it with it.
pub(super) fn follow(draft: &mut Draft<'_>, ip: ReservedIpId, from: VniId, to: VniId) -> Result<(), DecideError> {
    if let Some(mut floating) = of(draft, ip)? {
        draft.delete_raw(vni_key(from, floating.id));
        put_vni_key(draft, to, floating.id);
        floating.target = Some(FloatingIpTarget::Vni { vni: to, ip });
        draft.put(&floating);
    }
    Ok(())
}
