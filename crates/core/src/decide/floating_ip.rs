//! Rules of floating IPs: one for a private address at most, in the zone of what it leads to, held until released.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::free::Search;
use super::legal::More;
use super::{
    OWNER_WORDS, change_name, internet_gateway, legal, lent_address, same_owner, take_name, vni, vni_permission,
};
use crate::command::{CreateFloatingIp, FloatingIpChoice};
use crate::draft::{Draft, parse_id};
use crate::id::{AssociationId, FloatingIpId, PublicGatewayId, PublicPoolId, ReservedIpId, VniId};
use crate::legality::Manner;
use crate::model::{FloatingIp, FloatingIpTarget, Owner, PublicPool, ReservedIp, Vni, VniUse};
use crate::name;
use crate::record::{self, list_prefix};
use crate::refusal::{DecideError, Holder, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateFloatingIp) -> Result<FloatingIp, DecideError> {
    let CreateFloatingIp { name, zone, address, target } = create;
    let vni = target.map(|target| draft.get::<Vni>(target.vni)).transpose()?;
    let owner = match &vni {
        Some(vni) => vni.owner.clone(),
        None => draft.owner_of_new()?,
    };
    let mut floating = match zone.or(vni.map(|vni| vni.zone)) {
        Some(zone) => allocate(draft, owner, name, &zone, address)?,
        None => allocate_in_region(draft, &owner, name.as_ref(), address)?,
    };
    if let Some(target) = target {
        lead_to(draft, &mut floating, target)?;
    }
    draft.insert(&floating);
    Ok(floating)
}

/// Takes an address of any zone of a region, of the first one that has one; or the given one, wherever it is.
fn allocate_in_region(
    draft: &mut Draft<'_>,
    owner: &Owner,
    name: Option<&String>,
    address: Option<Ipv4Addr>,
) -> Result<FloatingIp, DecideError> {
    let regions = draft.regions()?;
    let mut zones = BTreeSet::new();
    for id in draft.index::<PublicPoolId>(&list_prefix::<PublicPool>(""))? {
        let pool: PublicPool = draft.get(id)?;
        let wanted = address.is_none_or(|address| pool.cidrs.iter().any(|range| range.contains(&address)));
        let region = regions.of_zone(&pool.zone);
        if wanted && region.name == owner.region {
            let place = region.zones.iter().position(|zone| *zone == pool.zone);
            zones.insert((place.unwrap_or(usize::MAX), pool.zone));
        }
    }
    if let (Some(address), true) = (address, zones.is_empty()) {
        let rule = format!("no public pool of region '{}' has it", owner.region);
        return Err(Refusal::invalid("address", address, rule).into());
    }
    let mut none = Refusal::NoPublicAddress { zone: owner.region.clone() };
    for (_, zone) in zones {
        match allocate(draft, owner.clone(), name.cloned(), &zone, address) {
            Err(DecideError::Refused(refusal @ Refusal::NoPublicAddress { .. })) => none = refusal,
            other => return other,
        }
    }
    Err(none.into())
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
    let zone = zone.to_owned();
    Ok(FloatingIp {
        id,
        owner,
        name,
        address,
        pool,
        zone,
        created_at,
        target: None,
        association: None,
        domain_name: None,
        lent: false,
    })
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

/// The floating IP with this id; one that is lent has none for its user.
fn held(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    match draft.get::<FloatingIp>(id)? {
        lent if lent.lent => Err(Refusal::NotFound { noun: Noun::FloatingIp, id: id.to_string() }.into()),
        held => Ok(held),
    }
}

pub(super) fn rename(draft: &mut Draft<'_>, id: FloatingIpId, name: &str) -> Result<FloatingIp, DecideError> {
    let mut floating = held(draft, id)?;
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
    displace: bool,
) -> Result<FloatingIp, DecideError> {
    let mut floating = held(draft, id)?;
    if let Some(gateway @ FloatingIpTarget::PublicGateway(_)) = floating.target {
        return Err(bound(&floating, gateway));
    }
    let manner = target.manner;
    let (vni, ip) = choose_target(draft, &floating, target)?;
    let before = floating.target;
    match before {
        Some(same) if same == (FloatingIpTarget::Vni { vni: vni.id, ip: ip.id }) => return Ok(floating),
        Some(_) if reassociate => unlink(draft, &mut floating)?,
        Some(other) => return Err(bound(&floating, other)),
        None => {}
    }
    lent_address::give_way(draft, ip.id)?;
    // Where nothing is translated, there is room beside the one that is there.
    if displace && vni.enable_infrastructure_nat {
        for mut other in of(draft, ip.id)? {
            if other.owner == floating.owner {
                unlink(draft, &mut other)?;
                draft.put(&other);
            }
        }
    }
    link(draft, &mut floating, &vni, &ip, manner)?;
    draft.put(&floating);
    if let Some(FloatingIpTarget::Vni { vni, .. }) = before {
        lent_address::restore(draft, vni)?;
    }
    Ok(floating)
}

fn bound(floating: &FloatingIp, target: FloatingIpTarget) -> DecideError {
    let holder = holder(target);
    Refusal::FloatingIpBound { id: floating.id, address: floating.address.into(), holder }.into()
}

fn holder(target: FloatingIpTarget) -> Holder {
    match target {
        FloatingIpTarget::Vni { vni, .. } => Holder::Vni(vni),
        FloatingIpTarget::PublicGateway(gateway) => Holder::PublicGateway(gateway),
    }
}

pub(super) fn lead_to(
    draft: &mut Draft<'_>,
    floating: &mut FloatingIp,
    target: FloatingIpChoice,
) -> Result<(), DecideError> {
    let manner = target.manner;
    let (vni, ip) = choose_target(draft, floating, target)?;
    link(draft, floating, &vni, &ip, manner)
}

/// The interface and the address of it that a floating IP may lead to.
fn choose_target(
    draft: &mut Draft<'_>,
    floating: &FloatingIp,
    target: FloatingIpChoice,
) -> Result<(Vni, ReservedIp), DecideError> {
    let vni = vni_permission::usable(draft, target.vni, VniUse::Associate)?;
    if !vni_permission::permits(draft, &vni, &floating.owner, VniUse::Associate)? {
        same_owner("target", vni.id, &vni.owner, &floating.owner)?;
    }
    vni::refuse_managed(&vni)?;
    internet_gateway::check_reachable(draft, vni.vpc)?;
    if vni.zone != floating.zone {
        let rule = format!("it is in zone '{}', but the floating IP is of zone '{}'", vni.zone, floating.zone);
        return Err(Refusal::invalid("target", vni.id, rule).into());
    }
    let ip = target.ip.unwrap_or_else(|| vni.primary_ip());
    let found = draft.follow_if_there::<ReservedIp>(ip)?.filter(|found| found.bound_to == Some(vni.id));
    let Some(ip) = found else {
        let rule = format!("it is not an address of {}", vni.id);
        return Err(Refusal::invalid("target.ip", ip, rule).into());
    };
    if ip.address.is_ipv6() {
        let rule = "a floating IP leads to an IPv4 address; IPv6 addresses need none";
        return Err(Refusal::invalid("target.ip", ip.address, rule).into());
    }
    Ok((vni, ip))
}

/// Lets a floating IP that leads nowhere lead to an address; the record is not yet written.
fn link(
    draft: &mut Draft<'_>,
    floating: &mut FloatingIp,
    vni: &Vni,
    ip: &ReservedIp,
    manner: Manner,
) -> Result<(), DecideError> {
    lent_address::give_way(draft, ip.id)?;
    legal::check_here(draft, vni, More::FloatingIp, manner)?;
    if vni.enable_infrastructure_nat
        && let Some(floating_ip) = draft.first(&record::floating_ips_of_address(ip.id))?
    {
        return Err(Refusal::AddressHasFloatingIp { vni: vni.id, address: ip.address, floating_ip }.into());
    }
    draft.put_raw(record::floating_ip_of_key(ip.id, floating.id), floating.id.to_string().into_bytes());
    put_vni_key(draft, vni.id, floating.id);
    draft.put_raw(vpc_key(vni, floating.id), floating.id.to_string().into_bytes());
    begin(draft, floating, FloatingIpTarget::Vni { vni: vni.id, ip: ip.id });
    Ok(())
}

/// Lets a floating IP lead to a public gateway; the record is not yet written.
pub(super) fn lead_to_gateway(
    draft: &mut Draft<'_>,
    floating: &mut FloatingIp,
    gateway: PublicGatewayId,
) -> Result<(), DecideError> {
    if let Some(other) = floating.target {
        return Err(bound(floating, other));
    }
    begin(draft, floating, FloatingIpTarget::PublicGateway(gateway));
    Ok(())
}

/// From now on it leads there, by an association of its own.
fn begin(draft: &mut Draft<'_>, floating: &mut FloatingIp, target: FloatingIpTarget) {
    let association = AssociationId::new(draft.ids);
    draft.put_raw(record::association_key(association), floating.id.to_string().into_bytes());
    (floating.target, floating.association) = (Some(target), Some(association));
}

/// From now on it leads nowhere; the record is not yet written.
pub(super) fn end(draft: &mut Draft<'_>, floating: &mut FloatingIp) {
    floating.target = None;
    if let Some(association) = floating.association.take() {
        draft.delete_raw(record::association_key(association));
    }
}

fn vni_key(vni: VniId, id: FloatingIpId) -> String {
    format!("{}{id}", record::floating_ips_of_vni(vni))
}

fn vpc_key(vni: &Vni, id: FloatingIpId) -> String {
    format!("{}{id}", record::floating_ips_of_vpc(vni.vpc))
}

/// Written also when only the address of the interface is another: the entries of the interface follow this key.
fn put_vni_key(draft: &mut Draft<'_>, vni: VniId, id: FloatingIpId) {
    draft.put_raw(vni_key(vni, id), id.to_string().into_bytes());
}

/// Takes the lead to an interface away, if there is one; the record is not yet written.
fn unlink(draft: &mut Draft<'_>, floating: &mut FloatingIp) -> Result<(), DecideError> {
    if let Some(FloatingIpTarget::Vni { vni, ip }) = floating.target {
        // It may be another account's, which has permitted this.
        if let Some(holder) = draft.follow_if_there::<Vni>(vni)? {
            draft.delete_raw(vpc_key(&holder, floating.id));
        }
        forget_address(draft, ip, floating.id)?;
        draft.delete_raw(vni_key(vni, floating.id));
        end(draft, floating);
    }
    Ok(())
}

/// A floating IP no longer leads to an address.
fn forget_address(draft: &mut Draft<'_>, ip: ReservedIpId, id: FloatingIpId) -> Result<(), DecideError> {
    draft.delete_raw(record::floating_ip_of_key(ip, id));
    // As it was written before there could be several.
    let whole = record::floating_ips_of_address(ip);
    if draft.hint(&whole)?.is_some_and(|held| held == id.to_string().into_bytes()) {
        draft.delete_raw(whole);
    }
    Ok(())
}

/// Ends an association by its own id: one that has ended already is not another one's end.
pub(super) fn end_association(draft: &mut Draft<'_>, id: AssociationId) -> Result<FloatingIp, DecideError> {
    let key = record::association_key(id);
    if let Some(held) = draft.raw(&key)?
        && let Some(floating) = draft.find::<FloatingIp>(parse_id(&key, &held)?)?
    {
        return disassociate(draft, floating.id);
    }
    Err(Refusal::NotFound { noun: Noun::Association, id: id.to_string() }.into())
}

pub(super) fn disassociate(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    let mut floating = held(draft, id)?;
    match floating.target {
        Some(target @ FloatingIpTarget::PublicGateway(_)) => return Err(bound(&floating, target)),
        Some(FloatingIpTarget::Vni { vni, .. }) => {
            unlink(draft, &mut floating)?;
            draft.put(&floating);
            lent_address::restore(draft, vni)?;
        }
        None => {}
    }
    Ok(floating)
}

/// Says which domain name its address is to have.
pub(super) fn name_domain(
    draft: &mut Draft<'_>,
    id: FloatingIpId,
    domain: Option<String>,
) -> Result<FloatingIp, DecideError> {
    let mut floating = held(draft, id)?;
    floating.domain_name = match domain {
        Some(domain) => {
            let plain = domain.strip_suffix('.').unwrap_or(&domain).to_ascii_lowercase();
            if !name::is_domain(&plain) {
                return Err(Refusal::invalid("domain_name", domain, name::DOMAIN_RULE).into());
            }
            Some(plain)
        }
        None => None,
    };
    draft.put(&floating);
    Ok(floating)
}

/// Gives a floating IP back that leads nowhere.
pub(super) fn release(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    let floating = held(draft, id)?;
    if let Some(target) = floating.target {
        let (noun, holder) = (Noun::FloatingIp, holder(target));
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy: "disassociate it first" }.into());
    }
    erase(draft, &floating)?;
    Ok(floating)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: FloatingIpId) -> Result<FloatingIp, DecideError> {
    let floating = held(draft, id)?;
    if let Some(FloatingIpTarget::PublicGateway(gateway)) = floating.target {
        let (noun, holder) = (Noun::FloatingIp, Holder::PublicGateway(gateway));
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy: "delete the gateway first" }.into());
    }
    erase(draft, &floating)?;
    if let Some(FloatingIpTarget::Vni { vni, .. }) = floating.target {
        lent_address::restore(draft, vni)?;
    }
    Ok(floating)
}

/// Removes a floating IP with everything that it occupies.
pub(super) fn erase(draft: &mut Draft<'_>, floating: &FloatingIp) -> Result<(), DecideError> {
    let mut led = floating.clone();
    unlink(draft, &mut led)?;
    end(draft, &mut led);
    draft.delete_raw(record::public_address_key(floating.address));
    draft.delete_raw(record::name_key::<FloatingIp>(&floating.owner.scope(), &floating.name));
    draft.delete_raw(format!("{}{}", record::floating_ips_of_zone(&floating.zone), floating.id));
    draft.delete_raw(format!("{}{}", record::floating_ips_of_pool(floating.pool), floating.id));
    draft.remove(floating);
    Ok(())
}

/// The floating IPs that lead to a private address, relied upon.
pub(super) fn of(draft: &mut Draft<'_>, ip: ReservedIpId) -> Result<Vec<FloatingIp>, DecideError> {
    let ids = draft.index::<FloatingIpId>(&record::floating_ips_of_address(ip))?;
    // They may be of another owner, whom this one has permitted to lead them here.
    ids.into_iter().map(|id| draft.follow(id)).collect()
}

/// That no address of an interface has several floating IPs: from now on they are translated to it.
pub(super) fn check_one_each(draft: &mut Draft<'_>, vni: &Vni) -> Result<(), DecideError> {
    for ip in &vni.ips {
        if let [_, second, ..] = of(draft, *ip)?.as_slice() {
            let (vni, floating_ip) = (vni.id, second.id);
            let address = draft.follow::<ReservedIp>(*ip)?.address;
            return Err(Refusal::AddressHasFloatingIp { vni, address, floating_ip }.into());
        }
    }
    Ok(())
}

/// A private address goes from its interface: nothing leads to it any more.
pub(super) fn let_go(draft: &mut Draft<'_>, ip: ReservedIpId) -> Result<(), DecideError> {
    for mut floating in of(draft, ip)? {
        if floating.lent {
            erase(draft, &floating)?;
        } else {
            unlink(draft, &mut floating)?;
            draft.put(&floating);
        }
    }
    Ok(())
}

/// A private address goes from one interface to another, and what leads to it with it.
pub(super) fn follow(draft: &mut Draft<'_>, ip: &ReservedIp, from: VniId, to: &Vni) -> Result<(), DecideError> {
    let all = of(draft, ip.id)?;
    if let ([_, second, ..], true) = (all.as_slice(), to.enable_infrastructure_nat) {
        let (vni, address, floating_ip) = (to.id, ip.address, second.id);
        return Err(Refusal::AddressHasFloatingIp { vni, address, floating_ip }.into());
    }
    for mut floating in all {
        draft.delete_raw(vni_key(from, floating.id));
        put_vni_key(draft, to.id, floating.id);
        floating.target = Some(FloatingIpTarget::Vni { vni: to.id, ip: ip.id });
        draft.put(&floating);
    }
    Ok(())
}
