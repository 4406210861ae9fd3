//! An interface's addresses: added, taken away, moved to another interface; counted by IP version.

use std::net::IpAddr;

use super::address::{self, For};
use super::legal::More;
use super::{child, floating_ip, legal, route_table, vni};
use crate::command::IpChoice;
use crate::draft::{Draft, decode, parse_id};
use crate::id::{ReservedIpId, SubnetId, VniId};
use crate::legality::Manner;
use crate::limits::IPS_PER_INTERFACE;
use crate::model::{Attachment, Instance, IpFamily, ReservedBy, ReservedIp, Subnet, Vni};
use crate::record::{self, Record};
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// Puts an address on an interface's list; the first IPv6 one is its primary one.
pub(super) fn push(vni: &mut Vni, ip: &ReservedIp) {
    vni.ips.push(ip.id);
    if ip.address.is_ipv6() && vni.primary_ipv6.is_none() {
        vni.primary_ipv6 = Some(ip.id);
    }
}

pub(super) fn add(draft: &mut Draft<'_>, id: VniId, choice: IpChoice) -> Result<ReservedIp, DecideError> {
    let vni: Vni = draft.get(id)?;
    let subnet: Subnet = draft.get(vni.subnet)?;
    add_in(draft, id, &subnet, choice)
}

/// Adds an address of the given subnet, which must be the interface's.
pub(super) fn add_in(
    draft: &mut Draft<'_>,
    id: VniId,
    subnet: &Subnet,
    choice: IpChoice,
) -> Result<ReservedIp, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    vni::refuse_managed(&vni)?;
    child::refuse_more_addresses(&vni)?;
    if vni.subnet != subnet.id {
        return Err(other_subnet(&vni, subnet.id));
    }
    if let IpChoice::Reserved(ip) = choice
        && vni.ips.contains(&ip)
    {
        return draft.get(ip);
    }
    let family = match &choice {
        IpChoice::Auto { family, .. } => *family,
        IpChoice::Address { address, .. } => (*address).into(),
        IpChoice::Reserved(ip) => draft.get::<ReservedIp>(*ip)?.address.into(),
    };
    check_room(draft, &vni, family)?;
    let ip = address::take(draft, subnet, choice, Some(For { vni: id, mac: vni.mac }))?;
    push(&mut vni, &ip);
    legal::check_here(draft, &vni, More::Nothing, Manner::PerAddress)?;
    if vni.primary_ipv6 == Some(ip.id) {
        route_table::target_changed(draft, vni.id, vni.vpc)?;
    }
    draft.put(&vni);
    Ok(ip)
}

fn other_subnet(vni: &Vni, subnet: SubnetId) -> DecideError {
    let rule = format!("all addresses of {} must be in its subnet {}", vni.id, vni.subnet);
    Refusal::invalid("ip", subnet, rule).into()
}

/// How many addresses of each IP version an interface may have; a delegated network counts as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    v4: u16,
    v6: u16,
}

impl Room {
    /// While it is attached to nothing.
    pub(super) const ALONE: Room = Room { v4: IPS_PER_INTERFACE, v6: IPS_PER_INTERFACE };

    /// While it is being made as a child.
    pub(super) const CHILD: Room = Room { v4: 1, v6: 0 };

    /// On this instance.
    pub(super) fn on(instance: &Instance) -> Room {
        Room { v4: instance.room(IpFamily::V4), v6: instance.room(IpFamily::V6) }
    }

    pub(super) fn of(self, family: IpFamily) -> u16 {
        match family {
            IpFamily::V4 => self.v4,
            IpFamily::V6 => self.v6,
        }
    }

    /// Of both IP versions together.
    pub(super) fn whole(self) -> usize {
        usize::from(self.v4) + usize::from(self.v6)
    }
}

/// How many addresses an interface may have where it is.
fn room(draft: &mut Draft<'_>, vni: &Vni) -> Result<Room, DecideError> {
    let Some(attachment) = vni.attachment else { return Ok(Room::ALONE) };
    let attachment: Attachment = draft.follow(attachment)?;
    Ok(Room::on(&draft.follow::<Instance>(attachment.instance)?))
}

/// How many addresses and delegated networks of an IP version an interface has. An address never changes its version, so
/// nothing is relied upon.
fn count(draft: &Draft<'_>, vni: &Vni, family: IpFamily) -> Result<usize, DecideError> {
    let mut count = vni.prefixes.iter().filter(|net| IpFamily::from(**net) == family).count();
    for ip in &vni.ips {
        let key = ReservedIp::key_of(*ip);
        let known = draft.hint(&key)?.map(|value| decode::<ReservedIp>(&key, &value)).transpose()?;
        count += usize::from(known.is_some_and(|ip| IpFamily::from(ip.address) == family));
    }
    Ok(count)
}

/// That an interface may have one more address or delegated network of an IP version.
pub(super) fn check_room(draft: &mut Draft<'_>, vni: &Vni, family: IpFamily) -> Result<(), DecideError> {
    let room = room(draft, vni)?.of(family);
    if count(draft, vni, family)? >= usize::from(room) {
        return Err(no_room(Some(vni.id), room));
    }
    Ok(())
}

/// That an interface has no more addresses of either IP version than it may have. `known` is its id, unless it is only
/// being made.
pub(super) fn check_fits(draft: &Draft<'_>, vni: &Vni, room: Room, known: Option<VniId>) -> Result<(), DecideError> {
    for family in [IpFamily::V4, IpFamily::V6] {
        if count(draft, vni, family)? > usize::from(room.of(family)) {
            return Err(no_room(known, room.of(family)));
        }
    }
    Ok(())
}

pub(super) fn no_room(id: Option<VniId>, room: u16) -> DecideError {
    let what = match id {
        Some(id) => {
            format!("virtual network interface {id} has as many addresses of one IP version as it may have there")
        }
        None => "field 'ips' names more addresses than a virtual network interface may have".to_owned(),
    };
    Refusal::Limit { of: Limited::AddressesOfVni, what, limit: room.into() }.into()
}

/// Takes an address off an interface's list; its primary IPv4 one stays for as long as the interface, and so does its
/// primary IPv6 one if that was asked for.
fn unlist(draft: &mut Draft<'_>, vni: &mut Vni, ip: ReservedIpId) -> Result<(), DecideError> {
    let Some(position) = vni.ips.iter().position(|other| *other == ip) else {
        return Err(Refusal::NotFound { noun: Noun::ReservedIp, id: ip.to_string() }.into());
    };
    let in_use = |remedy| {
        let holder = Holder::Vni(vni.id);
        DecideError::from(Refusal::InUse { noun: Noun::ReservedIp, id: ip.to_string(), holder, remedy })
    };
    if position == 0 {
        return Err(in_use("a primary address stays for as long as its interface"));
    }
    if vni.primary_ipv6 == Some(ip) {
        if vni.keep_primary_ipv6 {
            return Err(in_use("the primary IPv6 address stays for as long as its interface"));
        }
        vni.primary_ipv6 = None;
        for other in &vni.ips {
            if *other != ip && draft.get::<ReservedIp>(*other)?.address.is_ipv6() {
                vni.primary_ipv6 = Some(*other);
                break;
            }
        }
        route_table::target_changed(draft, vni.id, vni.vpc)?;
    }
    vni.ips.remove(position);
    Ok(())
}

pub(super) fn remove(draft: &mut Draft<'_>, id: VniId, ip: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    vni::refuse_managed(&vni)?;
    unlist(draft, &mut vni, ip)?;
    draft.put(&vni);
    address::release(draft, ip)
}

/// Gives an interface this address of its subnet, also if it is a secondary one of another interface.
pub(super) fn claim(draft: &mut Draft<'_>, id: VniId, address: IpAddr) -> Result<ReservedIp, DecideError> {
    let vni: Vni = draft.get(id)?;
    let key = record::address_key(vni.vpc, address);
    if let Some(held) = draft.raw(&key)? {
        let ip: ReservedIp = draft.get(parse_id(&key, &held)?)?;
        match (ip.reserved_by, ip.bound_to) {
            (ReservedBy::User, Some(_)) => return hand_over(draft, ip.id, id),
            (ReservedBy::User, None) => return add(draft, id, IpChoice::Reserved(ip.id)),
            // The subnet's own: refused as such.
            (ReservedBy::Provider, _) => {}
        }
    }
    add(draft, id, IpChoice::Address { address, name: None, auto_delete: true })
}

/// Gives a secondary address to another interface of the subnet; nothing happens if it is that one's already.
pub(super) fn hand_over(draft: &mut Draft<'_>, id: ReservedIpId, to: VniId) -> Result<ReservedIp, DecideError> {
    let mut ip: ReservedIp = draft.get(id)?;
    let mut new: Vni = draft.get(to)?;
    child::refuse_more_addresses(&new)?;
    if new.subnet != ip.subnet {
        return Err(other_subnet(&new, ip.subnet));
    }
    let Some(from) = ip.bound_to else {
        let rule = "it is bound to nothing; add it to the interface instead";
        return Err(Refusal::invalid("ip", id, rule).into());
    };
    if from == to {
        return Ok(ip);
    }
    check_room(draft, &new, ip.address.into())?;
    let mut old: Vni = draft.get(from)?;
    unlist(draft, &mut old, id)?;
    ip.bound_to = Some(to);
    vni::refuse_managed(&new)?;
    push(&mut new, &ip);
    legal::check_here(draft, &new, More::Nothing, Manner::PerAddress)?;
    if new.primary_ipv6 == Some(id) {
        route_table::target_changed(draft, new.id, new.vpc)?;
    }
    draft.put(&old);
    draft.put(&new);
    draft.put(&ip);
    floating_ip::follow(draft, &ip, from, &new)?;
    Ok(ip)
}
