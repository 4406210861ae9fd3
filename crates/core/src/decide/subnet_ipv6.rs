//! A subnet's IPv6 range: one /64 of its VPC's, apart from other subnets', taken away when nobody has anything of it.

use ipnet::Ipv6Net;

use super::ranges::check_ipv6;
use super::subnet::{others, update};
use super::subnet_reservation::Reserved;
use crate::command::{Ipv6Range, UpdateSubnet};
use crate::draft::Draft;
use crate::id::{ReservedIpId, SubnetId, SubnetRangeId, VniId};
use crate::model::{IpFamily, Subnet, Vpc};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// Gives a subnet that has no IPv6 range one.
pub(super) fn add(draft: &mut Draft<'_>, id: SubnetId, net: Ipv6Net) -> Result<Subnet, DecideError> {
    let subnet: Subnet = draft.get(id)?;
    if let Some(range) = subnet.ipv6_cidr {
        let what = format!("subnet {id} has as many IPv6 ranges as it may have, {range}");
        return Err(Refusal::Limit { of: Limited::Ranges, what, limit: 1 }.into());
    }
    update(draft, id, UpdateSubnet { ipv6: Some(Some(Ipv6Range::Net(net))), ..UpdateSubnet::default() })
}

/// Takes a subnet's IPv6 range away.
pub(super) fn remove(draft: &mut Draft<'_>, id: SubnetRangeId) -> Result<Subnet, DecideError> {
    let subnet = SubnetId::from_bits(id.bits());
    let found = draft.find::<Subnet>(subnet)?.filter(|subnet| subnet.ipv6_cidr.is_some());
    let before = found.ok_or_else(|| Refusal::NotFound { noun: Noun::SubnetRange, id: id.to_string() })?;
    update(draft, subnet, UpdateSubnet { ipv6: Some(None), ..UpdateSubnet::default() })?;
    Ok(before)
}

/// The /64 that a subnet gets.
pub(super) fn choose_ipv6(vpc: &Vpc, others: &[Subnet], range: Ipv6Range) -> Result<Ipv6Net, DecideError> {
    if vpc.ipv6_cidrs.is_empty() {
        let rule = format!("VPC {} has no IPv6 range; give it one first", vpc.id);
        return Err(Refusal::invalid("ipv6_cidr", "", rule).into());
    }
    let taken = |net: Ipv6Net| others.iter().find(|other| other.ipv6_cidr == Some(net));
    match range {
        Ipv6Range::Net(net) => {
            check_ipv6("ipv6_cidr", net, 64..=64)?;
            if !vpc.ipv6_nets().any(|range| range.contains(&net)) {
                let ranges = vpc.ipv6_nets().map(|net| net.to_string()).collect::<Vec<_>>().join(", ");
                let rule = format!("it must lie within the VPC's IPv6 ranges: {ranges}");
                return Err(Refusal::invalid("ipv6_cidr", net, rule).into());
            }
            match taken(net) {
                Some(other) => {
                    let holder = Holder::Subnet(other.id);
                    Err(Refusal::CidrOverlap { cidr: net.into(), other: net.into(), holder }.into())
                }
                None => Ok(net),
            }
        }
        Ipv6Range::Auto => {
            let mut all = vpc.ipv6_nets().flat_map(|range| range.subnets(64).into_iter().flatten());
            all.find(|net| taken(*net).is_none()).ok_or_else(|| {
                let rule = "no /64 of the VPC's IPv6 ranges is free";
                Refusal::invalid("ipv6_cidr", "any", rule).into()
            })
        }
    }
}

/// Gives a subnet another IPv6 range, or none; nobody may have anything of the one that it has.
pub(super) fn set_ipv6(
    draft: &mut Draft<'_>,
    subnet: &mut Subnet,
    range: Option<Ipv6Range>,
) -> Result<(), DecideError> {
    let keeps = match (range, subnet.ipv6_cidr) {
        (None, now) => now.is_none(),
        (Some(Ipv6Range::Auto), now) => now.is_some(),
        (Some(Ipv6Range::Net(net)), now) => now == Some(net),
    };
    if keeps {
        return Ok(());
    }
    if let Some(now) = subnet.ipv6_cidr {
        let in_use = |holder| {
            let remedy = "remove all its IPv6 addresses, prefixes and reservations first";
            Refusal::InUse { noun: Noun::Subnet, id: subnet.id.to_string(), holder, remedy }
        };
        if let Some(ip) = draft.first::<ReservedIpId>(&record::addresses_within(subnet.vpc, now.into()))? {
            return Err(in_use(Holder::ReservedIp(ip)).into());
        }
        if let Some(vni) = draft.first::<VniId>(&record::prefixes_of_subnet(subnet.id, IpFamily::V6))? {
            return Err(in_use(Holder::Vni(vni)).into());
        }
        if let Some(reservation) = Reserved::of(draft, subnet)?.first(IpFamily::V6) {
            return Err(in_use(Holder::SubnetReservation(reservation)).into());
        }
    }
    subnet.ipv6_cidr = match range {
        None => None,
        Some(range) => {
            let vpc: Vpc = draft.get(subnet.vpc)?;
            let others = others(draft, vpc.id, Some(subnet.id))?;
            Some(choose_ipv6(&vpc, &others, range)?)
        }
    };
    Ok(())
}
