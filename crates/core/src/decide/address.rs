//! Allocation of addresses: an address belongs to one reservation in its VPC, or to nobody.
//!
//! The address's own key is the lock and the truth. An address in a delegated network belongs to that network's interface
//! and can't be reserved beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use super::free::Search;
use super::subnet_reservation::Reserved;
use super::{floating_ip, prefix, take_name};
use crate::command::IpChoice;
use crate::draft::{Draft, parse_id};
use crate::host_spec::Ipv6Assignment;
use crate::id::{ReservedIpId, VniId};
use crate::model::{IpFamily, ReservedBy, ReservedIp, Subnet};
use crate::net::{Mac, eui64};
use crate::record;
use crate::refusal::{DecideError, Holder, Refusal};

/// How many addresses are drawn before a range counts as full: only reservations can take a part of 2^64 that shows.
const IPV6_TRIES: usize = 1000;

/// The interface that an address is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct For {
    /// Its id.
    pub(super) vni: VniId,
    /// Its hardware address, from which guests make an IPv6 address of their own.
    pub(super) mac: Mac,
}

/// Reserves an address of a subnet as chosen, and binds it.
pub(super) fn take(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    choice: IpChoice,
    bind: Option<For>,
) -> Result<ReservedIp, DecideError> {
    let (address, name, auto_delete) = match choice {
        IpChoice::Reserved(id) => return bind_existing(draft, subnet, id, bind),
        IpChoice::Address { address, name, auto_delete } => {
            check_address(subnet, address)?;
            (address, name, auto_delete)
        }
        IpChoice::Auto { family: IpFamily::V4, name, auto_delete } => {
            let address = next_free(draft, subnet)?;
            draft.put_raw(record::address_hint_key(subnet.id), address.to_string().into_bytes());
            (address.into(), name, auto_delete)
        }
        IpChoice::Auto { family: IpFamily::V6, name, auto_delete } => {
            (free_ipv6(draft, subnet, bind)?.into(), name, auto_delete)
        }
    };
    reserve(draft, subnet, address, name, auto_delete, bind)
}

fn reserve(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    address: IpAddr,
    name: Option<String>,
    auto_delete: bool,
    bind: Option<For>,
) -> Result<ReservedIp, DecideError> {
    if let Some(vni) = prefix::delegated(draft, subnet.vpc, address)? {
        return Err(Refusal::AddressTaken { address, holder: Holder::Vni(vni) }.into());
    }
    let id = ReservedIpId::in_order(draft.ids);
    if draft.claim(record::address_key(subnet.vpc, address), &id.to_string())?.is_err() {
        return Err(taken(draft, subnet, address)?.into());
    }
    let name = take_name::<ReservedIp>(draft, name, &subnet.id.to_string(), "their subnet", id)?;
    let ip = ReservedIp {
        id,
        owner: subnet.owner.clone(),
        name,
        address,
        subnet: subnet.id,
        vpc: subnet.vpc,
        reserved_by: ReservedBy::User,
        auto_delete,
        bound_to: bind.map(|bind| bind.vni),
        created_at: draft.now,
    };
    draft.insert(&ip);
    Ok(ip)
}

fn bind_existing(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    id: ReservedIpId,
    bind: Option<For>,
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
    ip.bound_to = bind.map(|bind| bind.vni);
    draft.put(&ip);
    Ok(ip)
}

/// Who has a reservation, if it is not free to be bound.
pub(super) fn holder(ip: &ReservedIp) -> Option<Holder> {
    match (ip.reserved_by, ip.bound_to) {
        (ReservedBy::Provider, _) => Some(Holder::Subnet(ip.subnet)),
        (ReservedBy::User, Some(vni)) => Some(Holder::Vni(vni)),
        (ReservedBy::User, None) => None,
    }
}

/// The range of a subnet for an IP version.
///
/// # Errors
/// [`Refusal::Invalid`] when the subnet has none.
pub(super) fn range(
    subnet: &Subnet,
    family: IpFamily,
    field: &'static str,
    asked: impl ToString,
) -> Result<IpNet, Refusal> {
    match (family, subnet.ipv6_cidr) {
        (IpFamily::V4, _) => Ok(subnet.cidr.into()),
        (IpFamily::V6, Some(net)) => Ok(net.into()),
        (IpFamily::V6, None) => {
            let rule = format!("subnet {} has no IPv6 range; give it one first", subnet.id);
            Err(Refusal::invalid(field, asked, rule))
        }
    }
}

fn check_address(subnet: &Subnet, address: IpAddr) -> Result<(), DecideError> {
    let range = range(subnet, address.into(), "address", address)?;
    if !range.contains(&address) {
        let rule = format!("it must be in subnet {} ({range})", subnet.id);
        return Err(Refusal::invalid("address", address, rule).into());
    }
    if let (IpAddr::V6(address), IpNet::V6(range)) = (address, range)
        && has_role(range, address)
    {
        let rule = format!("the first four addresses of {range} and the last are the subnet's own");
        return Err(Refusal::invalid("address", address, rule).into());
    }
    Ok(())
}

/// The refusal for a taken address, naming whoever really has it.
fn taken(draft: &mut Draft<'_>, subnet: &Subnet, address: IpAddr) -> Result<Refusal, DecideError> {
    let key = record::address_key(subnet.vpc, address);
    let held = draft.raw(&key)?.unwrap_or_default();
    let ip: ReservedIp = draft.get(parse_id(&key, &held)?)?;
    let holder = holder(&ip).unwrap_or(Holder::ReservedIp(ip.id));
    Ok(Refusal::AddressTaken { address, holder })
}

/// The next IPv4 address that nobody holds.
fn next_free(draft: &mut Draft<'_>, subnet: &Subnet) -> Result<Ipv4Addr, DecideError> {
    let search = Search {
        taken: &record::address_prefix(subnet.vpc, IpFamily::V4),
        first: subnet.cidr.network(),
        last: subnet.cidr.broadcast(),
        hint: &record::address_hint_key(subnet.id),
    };
    let reserved = Reserved::of(draft, subnet)?;
    let found = search.next(draft, |address| match reserved.until(address) {
        Some(IpAddr::V4(last)) => Ok(Some(last)),
        _ => prefix::delegated_until(draft, subnet.vpc, address),
    })?;
    found.ok_or_else(|| Refusal::SubnetFull { subnet: subnet.id, cidr: subnet.cidr.into() }.into())
}

/// An IPv6 address that nobody holds: the guest's own where guests make theirs, else one that can't be guessed (RFC 7707).
fn free_ipv6(draft: &mut Draft<'_>, subnet: &Subnet, bind: Option<For>) -> Result<Ipv6Addr, DecideError> {
    let IpNet::V6(range) = range(subnet, IpFamily::V6, "address", "any IPv6 address")? else {
        unreachable!("the range for IPv6 is an IPv6 range")
    };
    if let (Ipv6Assignment::Slaac, Some(bind)) = (subnet.ipv6_assignment, bind) {
        let own = eui64(range, bind.mac);
        if draft.hint(&record::address_key(subnet.vpc, own))?.is_none()
            && prefix::delegated_hint(draft, subnet.vpc, own.into())?.is_none()
        {
            return Ok(own);
        }
    }
    let reserved = Reserved::of(draft, subnet)?;
    for _ in 0..IPV6_TRIES {
        let address = Ipv6Addr::from(u128::from(range.network()) | u128::from(draft.ids.bits()));
        if !has_role(range, address)
            && reserved.until(address).is_none()
            && draft.hint(&record::address_key(subnet.vpc, address))?.is_none()
            && prefix::delegated_hint(draft, subnet.vpc, address.into())?.is_none()
        {
            return Ok(address);
        }
    }
    Err(Refusal::SubnetFull { subnet: subnet.id, cidr: range.into() }.into())
}

/// The subnet router's anycast address (RFC 4291, 2.6.1), three more at the beginning and the last, as EC2 keeps them.
fn has_role(range: Ipv6Net, address: Ipv6Addr) -> bool {
    let host = u128::from(address) - u128::from(range.network());
    host < 4 || address == range.broadcast()
}

/// An interface lets go of an address: the reservation goes, or stays unbound; a floating IP leads to it no longer.
pub(super) fn release(draft: &mut Draft<'_>, id: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let mut ip: ReservedIp = draft.get(id)?;
    floating_ip::let_go(draft, id)?;
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
