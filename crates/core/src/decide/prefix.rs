//! Delegated networks: a /28 or a /80 of its subnet that is an interface's own as a whole (EC2's prefix delegation).
//!
//! A delegated network and a reserved address never overlap: whoever takes an address relies on there being no network
//! over it, and whoever takes a network relies on there being no address in it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address;
use super::legal::More;
use super::subnet_reservation::Reserved;
use crate::command::PrefixChoice;
use crate::draft::{Draft, parse_id};
use crate::id::{ReservedIpId, VniId, VpcId};
use crate::legality::Manner;
use crate::model::{IpFamily, ReservedIp, Subnet, Vni};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

/// The size of a delegated network, as a prefix length.
fn length(family: IpFamily) -> u8 {
    match family {
        IpFamily::V4 => 28,
        IpFamily::V6 => 80,
    }
}

/// The network that would have to be delegated for this address to be.
fn around(address: IpAddr) -> IpNet {
    let length = length(address.into());
    IpNet::new(address, length).expect("28 is a prefix length of IPv4, 80 of IPv6").trunc()
}

/// Whose delegated network an address is in; relied upon.
pub(super) fn delegated(draft: &mut Draft<'_>, vpc: VpcId, address: IpAddr) -> Result<Option<VniId>, DecideError> {
    let key = record::prefix_key(vpc, around(address));
    draft.raw(&key)?.map(|held| parse_id(&key, &held)).transpose()
}

/// As [`delegated`], as a hint.
pub(super) fn delegated_hint(draft: &Draft<'_>, vpc: VpcId, address: IpAddr) -> Result<Option<VniId>, DecideError> {
    let key = record::prefix_key(vpc, around(address));
    draft.hint(&key)?.map(|held| parse_id(&key, &held)).transpose()
}

/// The last address of the delegated network that an address is in, if it is in one; as a hint.
pub(super) fn delegated_until(
    draft: &Draft<'_>,
    vpc: VpcId,
    address: Ipv4Addr,
) -> Result<Option<Ipv4Addr>, DecideError> {
    let held = delegated_hint(draft, vpc, address.into())?;
    Ok(held.map(|_| (u32::from(address) | 0xf).into()))
}

/// Takes a network of a subnet as chosen, for an interface.
pub(super) fn take(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    choice: PrefixChoice,
    vni: VniId,
) -> Result<IpNet, DecideError> {
    let net = match choice {
        PrefixChoice::Net(net) => {
            check(subnet, net)?;
            net
        }
        PrefixChoice::Auto(family) => free(draft, subnet, family)?,
    };
    if let Some(ip) = draft.first::<ReservedIpId>(&record::addresses_within(subnet.vpc, net))? {
        let ip: ReservedIp = draft.get(ip)?;
        let holder = address::holder(&ip).unwrap_or(Holder::ReservedIp(ip.id));
        return Err(Refusal::CidrOverlap { cidr: net, other: ip.address.into(), holder }.into());
    }
    if let Err(holder) = draft.claim(record::prefix_key(subnet.vpc, net), &vni.to_string())? {
        let holder = Holder::Vni(parse_id(&record::prefix_key(subnet.vpc, net), holder.as_bytes())?);
        return Err(Refusal::CidrOverlap { cidr: net, other: net, holder }.into());
    }
    draft.put_raw(record::prefix_of_subnet_key(subnet.id, net), vni.to_string().into_bytes());
    Ok(net)
}

fn check(subnet: &Subnet, net: IpNet) -> Result<(), Refusal> {
    let family = IpFamily::from(net);
    let range = address::range(subnet, family, "prefix", net)?;
    if net.prefix_len() != length(family) {
        let rule = format!("a delegated {} network is a /{}", family.words(), length(family));
        return Err(Refusal::invalid("prefix", net, rule));
    }
    if net != net.trunc() {
        return Err(Refusal::invalid("prefix", net, format!("it has host bits set; the network is {}", net.trunc())));
    }
    if !range.contains(&net) {
        return Err(Refusal::invalid("prefix", net, format!("it must be in subnet {} ({range})", subnet.id)));
    }
    if let (IpNet::V6(net), IpNet::V6(range)) = (net, range)
        && (net.network() == range.network() || net.broadcast() == range.broadcast())
    {
        let rule =
            format!("it holds one of the first four addresses of {range} or the last, which are the subnet's own");
        return Err(Refusal::invalid("prefix", net, rule));
    }
    Ok(())
}

/// A network that nobody has anything of. IPv4 ones are taken from the top, addresses from the bottom, so that they keep
/// out of each other's way.
fn free(draft: &mut Draft<'_>, subnet: &Subnet, family: IpFamily) -> Result<IpNet, DecideError> {
    let range = address::range(subnet, family, "prefix", "any IPv6 network")?;
    let none = || Refusal::NoPrefixLeft { subnet: subnet.id, cidr: range, length: length(family) };
    let count = match range.prefix_len() {
        length @ ..=28 if family == IpFamily::V4 => 1u32 << (28 - length),
        _ if family == IpFamily::V4 => return Err(none().into()),
        _ => 1 << 16,
    };
    let start = match family {
        IpFamily::V4 => hint(draft, subnet)?.unwrap_or(count),
        IpFamily::V6 => draft.ids.bits() as u32 % count,
    };
    let reserved = Reserved::of(draft, subnet)?;
    for step in 1..=count {
        let net = nth(range, (start + count - step) % count);
        let free = reserved.admit(net)
            && draft.hint(&record::prefix_key(subnet.vpc, net))?.is_none()
            && draft.keys_hint(&record::addresses_within(subnet.vpc, net), "", 1)?.is_empty()
            && check(subnet, net).is_ok();
        if free {
            if family == IpFamily::V4 {
                draft.put_raw(record::prefix_hint_key(subnet.id), net.to_string().into_bytes());
            }
            return Ok(net);
        }
    }
    Err(none().into())
}

/// The number of the IPv4 network that was given out last.
fn hint(draft: &Draft<'_>, subnet: &Subnet) -> Result<Option<u32>, DecideError> {
    let last = draft
        .hint(&record::prefix_hint_key(subnet.id))?
        .and_then(|value| String::from_utf8(value).ok())
        .and_then(|text| text.parse::<Ipv4Net>().ok())
        .filter(|net| subnet.cidr.contains(net));
    Ok(last.map(|net| (u32::from(net.network()) - u32::from(subnet.cidr.network())) >> 4))
}

/// One of the networks of delegated size in a range.
fn nth(range: IpNet, number: u32) -> IpNet {
    match range {
        IpNet::V4(range) => Ipv4Net::new((u32::from(range.network()) + (number << 4)).into(), 28)
            .expect("28 is a prefix length of IPv4")
            .into(),
        IpNet::V6(range) => Ipv6Net::new((u128::from(range.network()) | u128::from(number) << 48).into(), 80)
            .expect("80 is a prefix length of IPv6")
            .into(),
    }
}

/// Gives a network back.
pub(super) fn release(draft: &mut Draft<'_>, vni: &Vni, net: IpNet) {
    draft.delete_raw(record::prefix_key(vni.vpc, net));
    draft.delete_raw(record::prefix_of_subnet_key(vni.subnet, net));
}

pub(super) fn add(draft: &mut Draft<'_>, id: VniId, choice: PrefixChoice) -> Result<IpNet, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    super::vni::refuse_managed(&vni)?;
    super::child::refuse_more_addresses(&vni)?;
    let subnet: Subnet = draft.get(vni.subnet)?;
    let family = match choice {
        PrefixChoice::Auto(family) => family,
        PrefixChoice::Net(net) => net.into(),
    };
    super::vni_ip::check_room(draft, &vni, family)?;
    let net = take(draft, &subnet, choice, id)?;
    vni.prefixes.push(net);
    super::legal::check_here(draft, &vni, More::Nothing, Manner::PerAddress)?;
    draft.put(&vni);
    Ok(net)
}

pub(super) fn remove(draft: &mut Draft<'_>, id: VniId, net: IpNet) -> Result<IpNet, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    let Some(position) = vni.prefixes.iter().position(|other| *other == net) else {
        return Err(Refusal::NotFound { noun: Noun::Prefix, id: net.to_string() }.into());
    };
    vni.prefixes.remove(position);
    release(draft, &vni, net);
    draft.put(&vni);
    Ok(net)
}
