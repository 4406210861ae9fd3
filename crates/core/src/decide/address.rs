//! Allocation of addresses: an address belongs to one reservation in its VPC, or to nobody.
//!
//! The address's own key is the lock and the truth. Which free address is tried first is only a hint that moves on with
//! each allocation, so an address that was just given back rests before it is given out again.

use std::net::Ipv4Addr;

use super::take_name;
use crate::command::IpChoice;
use crate::draft::{Draft, parse_id};
use crate::id::{ReservedIpId, VniId};
use crate::model::{Owner, ReservedIp, Subnet};
use crate::record;
use crate::refusal::{DecideError, Holder, Refusal};

/// How many address keys are looked at in one read while searching for a gap.
const STRIDE: usize = 256;

/// Reserves an address of a subnet as chosen, and binds it.
pub(super) fn take(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    choice: IpChoice,
    bind: Option<VniId>,
) -> Result<ReservedIp, DecideError> {
    match choice {
        IpChoice::Reserved(id) => bind_existing(draft, subnet, id, bind),
        IpChoice::Address { address, name, auto_delete } => {
            check_address(draft, subnet, address)?;
            reserve(draft, subnet, address, name, auto_delete, bind)
        }
        IpChoice::Auto { name, auto_delete } => {
            let address = next_free(draft, subnet)?;
            draft.put_raw(record::address_hint_key(subnet.id), address.to_string().into_bytes());
            reserve(draft, subnet, address, name, auto_delete, bind)
        }
    }
}

fn reserve(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    address: Ipv4Addr,
    name: Option<String>,
    auto_delete: bool,
    bound_to: Option<VniId>,
) -> Result<ReservedIp, DecideError> {
    let id = ReservedIpId::new(draft.ids);
    let name = take_name::<ReservedIp>(draft, name, &subnet.id.to_string(), "their subnet", id)?;
    let claimed = draft.claim(record::address_key(subnet.vpc, address), &id.to_string())?;
    if claimed.is_err() {
        return Err(taken(draft, subnet, address)?.into());
    }
    let ip = ReservedIp {
        id,
        name,
        address,
        subnet: subnet.id,
        vpc: subnet.vpc,
        owner: Owner::User,
        auto_delete,
        bound_to,
        created_at: draft.now,
    };
    draft.insert(&ip);
    Ok(ip)
}

fn bind_existing(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    id: ReservedIpId,
    bind: Option<VniId>,
) -> Result<ReservedIp, DecideError> {
    let mut ip: ReservedIp = draft.get(id)?;
    if ip.subnet != subnet.id {
        let rule =
            format!("it is in subnet {}, but all addresses of an interface must be in subnet {}", ip.subnet, subnet.id);
        return Err(Refusal::invalid("ip", id, rule).into());
    }
    if let Some(holder) = holder(&ip) {
        return Err(Refusal::ReservedIpBound { id, address: ip.address, holder }.into());
    }
    ip.bound_to = bind;
    draft.put(&ip);
    Ok(ip)
}

/// Who has a reservation, if it is not free to be bound.
pub(super) fn holder(ip: &ReservedIp) -> Option<Holder> {
    match (ip.owner, ip.bound_to) {
        (Owner::Provider, _) => Some(Holder::Subnet(ip.subnet)),
        (Owner::User, Some(vni)) => Some(Holder::Vni(vni)),
        (Owner::User, None) => None,
    }
}

fn check_address(draft: &mut Draft<'_>, subnet: &Subnet, address: Ipv4Addr) -> Result<(), DecideError> {
    if !subnet.cidr.contains(&address) {
        let rule = format!("it must be in subnet {} ({})", subnet.id, subnet.cidr);
        return Err(Refusal::invalid("address", address, rule).into());
    }
    if draft.raw(&record::address_key(subnet.vpc, address))?.is_some() {
        return Err(taken(draft, subnet, address)?.into());
    }
    Ok(())
}

/// The refusal for a taken address, naming whoever really has it.
fn taken(draft: &mut Draft<'_>, subnet: &Subnet, address: Ipv4Addr) -> Result<Refusal, DecideError> {
    let key = record::address_key(subnet.vpc, address);
    let held = draft.raw(&key)?.unwrap_or_default();
    let ip: ReservedIp = draft.get(parse_id(&key, &held)?)?;
    let holder = holder(&ip).unwrap_or(Holder::ReservedIp(ip.id));
    Ok(Refusal::AddressTaken { address, holder })
}

/// The next address that nobody holds, from the hint on and around.
fn next_free(draft: &mut Draft<'_>, subnet: &Subnet) -> Result<Ipv4Addr, DecideError> {
    let first = u32::from(subnet.cidr.network());
    let last = u32::from(subnet.cidr.broadcast());
    let hint = draft
        .hint(&record::address_hint_key(subnet.id))?
        .and_then(|value| String::from_utf8(value).ok())
        .and_then(|text| text.parse::<Ipv4Addr>().ok())
        .map_or(first, u32::from)
        .clamp(first, last);
    let found = match gap(draft, subnet, hint.saturating_add(1), last)? {
        Some(address) => Some(address),
        None => gap(draft, subnet, first, hint)?,
    };
    found.ok_or_else(|| Refusal::SubnetFull { subnet: subnet.id, cidr: subnet.cidr }.into())
}

/// The lowest address from `from` to `to` that has no key.
fn gap(draft: &Draft<'_>, subnet: &Subnet, from: u32, to: u32) -> Result<Option<Ipv4Addr>, DecideError> {
    let prefix = record::address_prefix(subnet.vpc);
    let mut candidate = from;
    while candidate <= to {
        let start = record::address_key(subnet.vpc, candidate.into());
        let keys = draft.keys_hint(&prefix, &start, STRIDE)?;
        for key in &keys {
            let held = u32::from_str_radix(&key[prefix.len()..], 16).unwrap_or(u32::MAX);
            if held != candidate {
                return Ok((candidate <= to).then(|| candidate.into()));
            }
            match candidate.checked_add(1) {
                Some(next) => candidate = next,
                None => return Ok(None),
            }
        }
        if keys.len() < STRIDE {
            return Ok((candidate <= to).then(|| candidate.into()));
        }
    }
    Ok(None)
}

/// An interface lets go of an address: the reservation goes, or stays unbound.
pub(super) fn release(draft: &mut Draft<'_>, id: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let mut ip: ReservedIp = draft.get(id)?;
    if ip.auto_delete {
        forget(draft, &ip);
    } else {
        ip.bound_to = None;
        draft.put(&ip);
    }
    Ok(ip)
}

/// Removes a reservation with everything that it occupies.
pub(super) fn forget(draft: &mut Draft<'_>, ip: &ReservedIp) {
    draft.delete_raw(record::address_key(ip.vpc, ip.address));
    draft.delete_raw(record::name_key::<ReservedIp>(&ip.subnet.to_string(), &ip.name));
    draft.remove(ip);
}
