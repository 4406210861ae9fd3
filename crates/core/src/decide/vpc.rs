//! Rules of VPCs: unique names, unique segments, deleted only when empty.

use ipnet::Ipv4Net;

use super::{change_name, take_name};
use crate::command::CreateVpc;
use crate::draft::Draft;
use crate::id::{InstanceId, SubnetId, VpcId};
use crate::model::Vpc;
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE: &str = "";
const SCOPE_WORDS: &str = "this server";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateVpc) -> Result<Vpc, DecideError> {
    let id = VpcId::new(draft.ids);
    for (position, cidr) in create.cidrs.iter().enumerate() {
        check_range("cidrs", *cidr)?;
        if let Some(other) = create.cidrs[..position].iter().find(|other| overlap(**other, *cidr)) {
            return Err(Refusal::CidrOverlap { cidr: *cidr, other: *other, holder: Holder::Vpc(id) }.into());
        }
    }
    let name = take_name::<Vpc>(draft, create.name, SCOPE, SCOPE_WORDS, id)?;
    let segment = take_segment(draft, id)?;
    let vpc = Vpc { id, name, created_at: draft.now, segment, cidrs: create.cidrs };
    draft.insert(&vpc);
    Ok(vpc)
}

/// Segments are drawn at random: consecutive ones would tell a tenant how many others there are.
fn take_segment(draft: &mut Draft<'_>, id: VpcId) -> Result<u32, DecideError> {
    loop {
        let segment = (draft.ids.bits() & 0x00ff_ffff) as u32;
        if segment != 0 && draft.claim(record::segment_key(segment), &id.to_string())?.is_ok() {
            return Ok(segment);
        }
    }
}

pub(super) fn rename(draft: &mut Draft<'_>, id: VpcId, name: &str) -> Result<Vpc, DecideError> {
    let mut vpc: Vpc = draft.get(id)?;
    change_name::<Vpc>(draft, &vpc.name, name, SCOPE, SCOPE_WORDS, id)?;
    name.clone_into(&mut vpc.name);
    draft.put(&vpc);
    Ok(vpc)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: VpcId) -> Result<Vpc, DecideError> {
    let vpc: Vpc = draft.get(id)?;
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::Vpc, id: id.to_string(), holder, remedy };
    if let Some(subnet) = draft.first::<SubnetId>(&record::subnets_of_vpc(id))? {
        return Err(in_use(Holder::Subnet(subnet), "delete its subnets first").into());
    }
    if let Some(instance) = draft.first::<InstanceId>(&record::instances_of_vpc(id))? {
        return Err(in_use(Holder::Instance(instance), "delete its instances first").into());
    }
    draft.delete_raw(record::name_key::<Vpc>(SCOPE, &vpc.name));
    draft.delete_raw(record::segment_key(vpc.segment));
    draft.remove(&vpc);
    Ok(vpc)
}

/// Whether two ranges have an address in common.
pub(super) fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// A range for guests: no host bits, a usable size, unicast.
pub(super) fn check_range(field: &'static str, cidr: Ipv4Net) -> Result<(), Refusal> {
    if cidr.addr() != cidr.network() {
        return Err(Refusal::invalid(field, cidr, format!("it has host bits set; the network is {}", cidr.trunc())));
    }
    if !(8..=29).contains(&cidr.prefix_len()) {
        return Err(Refusal::invalid(field, cidr, "the prefix length must be from /8 to /29"));
    }
    let unusable = [
        ("0.0.0.0/8", "this network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/3", "multicast and reserved"),
    ];
    for (text, what) in unusable {
        let range: Ipv4Net = text.parse().expect("a literal range");
        if overlap(range, cidr) {
            return Err(Refusal::invalid(field, cidr, format!("it overlaps {text} ({what}), which guests can't use")));
        }
    }
    Ok(())
}
