//! Rules of public pools: apart from each other, gone only when nobody has an address of theirs.

use ipnet::Ipv4Net;

use super::ranges::{check_unicast, overlap};
use super::take_name;
use crate::command::CreatePublicPool;
use crate::draft::Draft;
use crate::id::{FloatingIpId, PublicPoolId};
use crate::model::PublicPool;
use crate::name::validate_zone;
use crate::record::{self, list_prefix};
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE: &str = "";
const SCOPE_WORDS: &str = "this server";

pub(super) fn create(draft: &mut Draft<'_>, create: CreatePublicPool) -> Result<PublicPool, DecideError> {
    validate_zone(&create.zone)?;
    if create.cidrs.is_empty() {
        return Err(Refusal::invalid("cidrs", "", "a pool has at least one range").into());
    }
    let id = PublicPoolId::new(draft.ids);
    let mut taken: Vec<(Ipv4Net, PublicPoolId)> = Vec::new();
    for other in draft.index::<PublicPoolId>(&list_prefix::<PublicPool>(""))? {
        let other: PublicPool = draft.get(other)?;
        taken.extend(other.cidrs.iter().map(|range| (*range, other.id)));
    }
    for cidr in &create.cidrs {
        check_unicast("cidrs", *cidr)?;
        if cidr.prefix_len() < 8 {
            return Err(Refusal::invalid("cidrs", cidr, "the prefix length must be from /8 to /32").into());
        }
        if let Some((other, holder)) = taken.iter().find(|(other, _)| overlap(*other, *cidr)) {
            let (cidr, other, holder) = ((*cidr).into(), (*other).into(), Holder::PublicPool(*holder));
            return Err(Refusal::CidrOverlap { cidr, other, holder }.into());
        }
        taken.push((*cidr, id));
    }
    let name = take_name::<PublicPool>(draft, create.name, SCOPE, SCOPE_WORDS, id)?;
    let pool = PublicPool { id, name, created_at: draft.now, zone: create.zone, cidrs: create.cidrs };
    draft.insert(&pool);
    draft.put_raw(format!("{}{id}", record::pools_of_zone(&pool.zone)), id.to_string().into_bytes());
    Ok(pool)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: PublicPoolId) -> Result<PublicPool, DecideError> {
    let pool: PublicPool = draft.get(id)?;
    if let Some(floating) = draft.first::<FloatingIpId>(&record::floating_ips_of_pool(id))? {
        let (noun, holder, remedy) = (Noun::PublicPool, Holder::FloatingIp(floating), "delete its floating IPs first");
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
    }
    draft.delete_raw(record::name_key::<PublicPool>(SCOPE, &pool.name));
    draft.delete_raw(record::public_hint_key(id));
    draft.delete_raw(format!("{}{id}", record::pools_of_zone(&pool.zone)));
    draft.remove(&pool);
    Ok(pool)
}
