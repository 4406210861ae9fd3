//! Ranges of VPCs: each with an id of its own by which it is found, the first IPv4 one for as long as the VPC.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{address_prefix, ipv6_block, ranges, security_group};
use crate::command::{NewRange, Reply};
use crate::draft::Draft;
use crate::id::{SubnetId, VpcId, VpcRangeId};
use crate::limits::{IPV4_RANGES_PER_VPC, IPV6_RANGES_PER_VPC};
use crate::model::{Subnet, Vpc, VpcRange};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// Adds a range to those of a VPC.
pub(super) fn add(draft: &mut Draft<'_>, id: VpcId, new: NewRange) -> Result<Reply, DecideError> {
    let mut vpc: Vpc = draft.get(id)?;
    let added = match new {
        NewRange::Net(net) => {
            check_room(id, "IPv4", vpc.cidrs.len(), IPV4_RANGES_PER_VPC)?;
            let id = push(draft, &mut vpc, net)?;
            wide(VpcRange { id, net, provided: false })
        }
        NewRange::ProvidedIpv6 => {
            check_room(id, "IPv6", vpc.ipv6_cidrs.len(), IPV6_RANGES_PER_VPC)?;
            let range = provided(draft, id)?;
            let all: Vec<_> = vpc.ipv6_nets().chain([range.net]).collect();
            ranges::check_all_ipv6(id, &all)?;
            vpc.ipv6_cidrs.push(range);
            if vpc.ipv6_cidrs.len() == 1 {
                security_group::let_ipv6_out(draft, &vpc)?;
            }
            wide(range)
        }
    };
    draft.put(&vpc);
    Ok(Reply::VpcRange(vpc, added))
}

/// Adds an IPv4 range to those of a VPC, apart from them.
pub(super) fn push(draft: &mut Draft<'_>, vpc: &mut Vpc, net: Ipv4Net) -> Result<VpcRangeId, DecideError> {
    let all: Vec<_> = vpc.nets().chain([net]).collect();
    ranges::check_all(vpc.id, &all)?;
    if vpc.cidrs.is_empty() {
        // Until now its subnets could lie anywhere.
        check_unused(draft, vpc, |subnet| !net.contains(&subnet.cidr))?;
    }
    let id = found_under_id(draft, vpc.id, net);
    vpc.cidrs.push(VpcRange { id, net, provided: false });
    Ok(id)
}

/// Takes an IPv4 range, which nobody uses, from those of a VPC.
pub(super) fn pop(draft: &mut Draft<'_>, vpc: &mut Vpc, id: VpcRangeId) {
    if let Some(at) = vpc.cidrs.iter().position(|range| range.id == id) {
        let range = vpc.cidrs.remove(at);
        forget(draft, wide(range));
    }
}

/// A range that the server chooses.
pub(super) fn provided(draft: &mut Draft<'_>, vpc: VpcId) -> Result<VpcRange<Ipv6Net>, DecideError> {
    let net = ipv6_block::take(draft, vpc)?;
    Ok(VpcRange { id: found_under_id(draft, vpc, net), net, provided: true })
}

fn check_room(vpc: VpcId, family: &str, now: usize, most: usize) -> Result<(), Refusal> {
    if now >= most {
        let what = format!("VPC {vpc} has as many {family} ranges as it may have");
        return Err(Refusal::Limit { of: Limited::Ranges, what, limit: most as u64 });
    }
    Ok(())
}

/// Takes a range away.
pub(super) fn remove(draft: &mut Draft<'_>, id: VpcRangeId) -> Result<Reply, DecideError> {
    let not_found = || Refusal::NotFound { noun: Noun::VpcRange, id: id.to_string() };
    let Some(vpc) = draft.raw(&record::vpc_of_range_key(id))? else { return Err(not_found().into()) };
    let vpc = crate::draft::parse_id::<VpcId>(&record::vpc_of_range_key(id), &vpc)?;
    let mut vpc: Vpc = draft.find(vpc)?.ok_or_else(not_found)?;
    let removed = if let Some(at) = vpc.cidrs.iter().position(|range| range.id == id) {
        if at == 0 {
            let (noun, state) = (Noun::VpcRange, format!("the primary one of VPC {}", vpc.id));
            let rule = "it stays for as long as its VPC".to_owned();
            return Err(Refusal::WrongState { noun, id: id.to_string(), state, rule }.into());
        }
        let range = vpc.cidrs.remove(at);
        check_free(draft, &vpc, id, |subnet| range.net.contains(&subnet.cidr))?;
        wide(range)
    } else {
        let at = vpc.ipv6_cidrs.iter().position(|range| range.id == id).ok_or_else(not_found)?;
        let range = vpc.ipv6_cidrs.remove(at);
        check_free(draft, &vpc, id, |subnet| subnet.ipv6_cidr.is_some_and(|used| range.net.contains(&used)))?;
        wide(range)
    };
    forget(draft, removed);
    address_prefix::forget(draft, removed.id)?;
    draft.put(&vpc);
    Ok(Reply::VpcRange(vpc, removed))
}

fn check_free(
    draft: &mut Draft<'_>,
    vpc: &Vpc,
    id: VpcRangeId,
    inside: impl Fn(&Subnet) -> bool,
) -> Result<(), DecideError> {
    let (noun, remedy) = (Noun::VpcRange, "delete the subnets in it first");
    match first(draft, vpc, inside)? {
        Some(subnet) => Err(Refusal::InUse { noun, id: id.to_string(), holder: Holder::Subnet(subnet), remedy }.into()),
        None => Ok(()),
    }
}

/// That no subnet of a VPC is one of those; its ranges bind them from now on.
pub(super) fn check_unused(
    draft: &mut Draft<'_>,
    vpc: &Vpc,
    outside: impl Fn(&Subnet) -> bool,
) -> Result<(), DecideError> {
    let (noun, remedy) = (Noun::Vpc, "its range must stay in one of the VPC's");
    match first(draft, vpc, outside)? {
        Some(subnet) => {
            Err(Refusal::InUse { noun, id: vpc.id.to_string(), holder: Holder::Subnet(subnet), remedy }.into())
        }
        None => Ok(()),
    }
}

fn first(draft: &mut Draft<'_>, vpc: &Vpc, wanted: impl Fn(&Subnet) -> bool) -> Result<Option<SubnetId>, DecideError> {
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        if wanted(&draft.get(subnet)?) {
            return Ok(Some(subnet));
        }
    }
    Ok(None)
}

/// These ranges, and no others, from now on; those that are there keep their ids.
pub(super) fn set<N: Copy + PartialEq + Into<IpNet>>(
    draft: &mut Draft<'_>,
    vpc: VpcId,
    before: &[VpcRange<N>],
    nets: &[N],
) -> Vec<VpcRange<N>> {
    for gone in before.iter().filter(|range| !nets.contains(&range.net)) {
        forget(draft, wide(*gone));
    }
    nets.iter()
        .map(|net| match before.iter().find(|range| range.net == *net) {
            Some(kept) => *kept,
            None => VpcRange { id: found_under_id(draft, vpc, *net), net: *net, provided: false },
        })
        .collect()
}

/// Forgets all ranges of a VPC that goes.
pub(super) fn forget_all(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<(), DecideError> {
    for range in &vpc.cidrs {
        forget(draft, wide(*range));
        address_prefix::forget(draft, range.id)?;
    }
    vpc.ipv6_cidrs.iter().for_each(|range| forget(draft, wide(*range)));
    Ok(())
}

fn forget(draft: &mut Draft<'_>, range: VpcRange<IpNet>) {
    draft.delete_raw(record::vpc_of_range_key(range.id));
    if let (true, IpNet::V6(net)) = (range.provided, range.net) {
        ipv6_block::release(draft, net);
    }
}

fn found_under_id(draft: &mut Draft<'_>, vpc: VpcId, net: impl Into<IpNet>) -> VpcRangeId {
    let id = VpcRange::<IpNet>::id_of(vpc, net.into());
    draft.put_raw(record::vpc_of_range_key(id), vpc.to_string().into_bytes());
    id
}

fn wide<N: Into<IpNet>>(range: VpcRange<N>) -> VpcRange<IpNet> {
    VpcRange { id: range.id, net: range.net.into(), provided: range.provided }
}
