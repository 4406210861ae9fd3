//! Rules of address prefixes: ranges of a VPC, each for one zone, one of a zone's the default one.

use ipnet::Ipv4Net;

use super::{change_name, ranges, take_name, vpc_range};
use crate::command::{NewAddressPrefix, UpdateAddressPrefix};
use crate::draft::Draft;
use crate::id::{SubnetId, VpcId, VpcRangeId};
use crate::limits::ADDRESS_PREFIXES_PER_VPC;
use crate::model::{AddressPrefix, Subnet, Vpc};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";
/// The range that the default address prefixes of zones come from, in their order (IBM's).
const DEFAULTS: &str = "10.240.0.0/12";
/// The size of a default address prefix, as a prefix length (IBM's).
const DEFAULT_LENGTH: u8 = 18;

/// Gives a VPC one more range.
pub(super) fn add(draft: &mut Draft<'_>, vpc: VpcId, new: NewAddressPrefix) -> Result<AddressPrefix, DecideError> {
    let mut vpc: Vpc = draft.get(vpc)?;
    let added = add_to(draft, &mut vpc, new)?;
    draft.put(&vpc);
    Ok(added)
}

/// The default address prefixes of the zones of a VPC's region.
pub(super) fn add_defaults(draft: &mut Draft<'_>, vpc: &mut Vpc) -> Result<(), DecideError> {
    let zones = draft.regions()?.get(&vpc.owner.region).map(|region| region.zones.clone()).unwrap_or_default();
    let range: Ipv4Net = DEFAULTS.parse().expect("a literal range");
    for (zone, cidr) in zones.into_iter().zip(range.subnets(DEFAULT_LENGTH).into_iter().flatten()) {
        add_to(draft, vpc, NewAddressPrefix { name: None, zone, cidr, default: true })?;
    }
    Ok(())
}

fn add_to(draft: &mut Draft<'_>, vpc: &mut Vpc, new: NewAddressPrefix) -> Result<AddressPrefix, DecideError> {
    let NewAddressPrefix { name, zone, cidr, default } = new;
    draft.check_zone(&vpc.owner, &zone)?;
    if vpc.cidrs.len() >= ADDRESS_PREFIXES_PER_VPC {
        let what = format!("VPC {} has as many address prefixes as it may have", vpc.id);
        return Err(Refusal::Limit { of: Limited::Ranges, what, limit: ADDRESS_PREFIXES_PER_VPC as u64 }.into());
    }
    let id = vpc_range::push(draft, vpc, cidr)?;
    let name = take_name::<AddressPrefix>(draft, name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let (owner, created_at) = (vpc.owner.clone(), draft.now);
    let mut prefix = AddressPrefix { id, owner, vpc: vpc.id, name, zone, cidr, default: false, created_at };
    draft.insert(&prefix);
    if default {
        make_default(draft, vpc, &mut prefix)?;
    }
    Ok(prefix)
}

/// All address prefixes of a VPC.
fn all(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<Vec<AddressPrefix>, DecideError> {
    let mut found = Vec::new();
    for range in &vpc.cidrs {
        found.extend(draft.follow_if_there::<AddressPrefix>(range.id)?);
    }
    Ok(found)
}

fn make_default(draft: &mut Draft<'_>, vpc: &Vpc, prefix: &mut AddressPrefix) -> Result<(), DecideError> {
    for mut other in all(draft, vpc)? {
        if other.zone == prefix.zone && other.default && other.id != prefix.id {
            other.default = false;
            draft.put(&other);
        }
    }
    prefix.default = true;
    draft.put(prefix);
    Ok(())
}

/// Changes an address prefix of a VPC.
pub(super) fn update(
    draft: &mut Draft<'_>,
    id: VpcRangeId,
    update: UpdateAddressPrefix,
) -> Result<AddressPrefix, DecideError> {
    let mut prefix: AddressPrefix = draft.get(id)?;
    if let Some(name) = update.name {
        change_name::<AddressPrefix>(draft, &prefix.name, &name, &prefix.vpc.to_string(), SCOPE_WORDS, id)?;
        prefix.name = name;
    }
    match update.default {
        Some(true) if !prefix.default => {
            let vpc: Vpc = draft.get(prefix.vpc)?;
            make_default(draft, &vpc, &mut prefix)?;
        }
        Some(default) => prefix.default = default,
        None => {}
    }
    draft.put(&prefix);
    Ok(prefix)
}

/// Takes an address prefix away that no subnet lies in.
pub(super) fn remove(draft: &mut Draft<'_>, id: VpcRangeId) -> Result<AddressPrefix, DecideError> {
    let prefix: AddressPrefix = draft.get(id)?;
    let mut vpc: Vpc = draft.get(prefix.vpc)?;
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        if prefix.cidr.contains(&draft.get::<Subnet>(subnet)?.cidr) {
            let (noun, holder, remedy) =
                (Noun::AddressPrefix, Holder::Subnet(subnet), "delete the subnets in it first");
            return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
        }
    }
    if !vpc.implied_ways && vpc.cidrs.first().is_some_and(|first| first.id == id) {
        let (noun, state) = (Noun::AddressPrefix, format!("the primary range of VPC {}", vpc.id));
        let rule = "it stays for as long as its VPC".to_owned();
        return Err(Refusal::WrongState { noun, id: id.to_string(), state, rule }.into());
    }
    vpc_range::pop(draft, &mut vpc, id);
    draft.put(&vpc);
    erase(draft, &prefix);
    Ok(prefix)
}

/// Forgets what is said of a range that goes.
pub(super) fn forget(draft: &mut Draft<'_>, id: VpcRangeId) -> Result<(), DecideError> {
    if let Some(prefix) = draft.follow_if_there::<AddressPrefix>(id)? {
        erase(draft, &prefix);
    }
    Ok(())
}

fn erase(draft: &mut Draft<'_>, prefix: &AddressPrefix) {
    draft.delete_raw(record::name_key::<AddressPrefix>(&prefix.vpc.to_string(), &prefix.name));
    draft.remove(prefix);
}

/// That a subnet of this range may be in this zone.
pub(super) fn check_zone(draft: &mut Draft<'_>, vpc: &Vpc, cidr: Ipv4Net, zone: &str) -> Result<(), DecideError> {
    let Some(range) = vpc.cidrs.iter().find(|range| range.net.contains(&cidr)) else { return Ok(()) };
    match draft.follow_if_there::<AddressPrefix>(range.id)? {
        Some(prefix) if prefix.zone != zone => {
            let rule = format!("address prefix {} ({}) is for zone '{}'", prefix.id, prefix.cidr, prefix.zone);
            Err(Refusal::invalid("zone", zone, rule).into())
        }
        _ => Ok(()),
    }
}

/// The lowest free range with so many addresses in the default address prefix of a zone.
pub(super) fn choose(draft: &mut Draft<'_>, vpc: &Vpc, zone: &str, count: u32) -> Result<Ipv4Net, DecideError> {
    const FIELD: &str = "total_ipv4_address_count";
    if !count.is_power_of_two() || !(8..=1 << 24).contains(&count) {
        return Err(Refusal::invalid(FIELD, count, "it must be a power of two from 8 to 16777216").into());
    }
    let Some(prefix) = all(draft, vpc)?.into_iter().find(|prefix| prefix.default && prefix.zone == zone) else {
        let rule = format!("VPC {} has no default address prefix in zone '{zone}' to take them from", vpc.id);
        return Err(Refusal::invalid(FIELD, count, rule).into());
    };
    let mut others = Vec::new();
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        others.push(draft.get::<Subnet>(subnet)?.cidr);
    }
    let length = 32 - count.trailing_zeros() as u8;
    let found = lowest_free(prefix.cidr, length, &others);
    found.ok_or_else(|| {
        let rule = format!("no /{length} of address prefix {} ({}) is free", prefix.id, prefix.cidr);
        Refusal::invalid(FIELD, count, rule).into()
    })
}

/// The lowest network of this length in a range that is apart from all others.
fn lowest_free(range: Ipv4Net, length: u8, others: &[Ipv4Net]) -> Option<Ipv4Net> {
    let mut start = range.network();
    loop {
        let candidate = Ipv4Net::new(start, length).ok()?.trunc();
        if !range.contains(&candidate) {
            return None;
        }
        let Some(other) = others.iter().find(|other| ranges::overlap(**other, candidate)) else {
            return Some(candidate);
        };
        // On behind whichever of the two ends later.
        let last = other.broadcast().max(candidate.broadcast());
        start = u32::from(last).checked_add(1)?.into();
    }
}
