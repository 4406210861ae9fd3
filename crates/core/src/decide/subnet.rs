//! Rules of subnets: within the VPC, apart from its other subnets, deleted only when nobody has an address in it.

use super::vpc::{check_range, overlap};
use super::{change_name, take_name};
use crate::command::CreateSubnet;
use crate::draft::Draft;
use crate::id::{ReservedIpId, SubnetId, VniId};
use crate::model::{Owner, ReservedIp, Subnet, Vpc};
use crate::name::validate_zone;
use crate::net::{SubnetRole, subnet_roles};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateSubnet) -> Result<Subnet, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    validate_zone(&create.zone)?;
    check_range("cidr", create.cidr)?;
    if !vpc.cidrs.is_empty() && !vpc.cidrs.iter().any(|range| range.contains(&create.cidr)) {
        let ranges = vpc.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(
            Refusal::invalid("cidr", create.cidr, format!("it must lie within the VPC's ranges: {ranges}")).into()
        );
    }
    for other in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        let other: Subnet = draft.get(other)?;
        if overlap(other.cidr, create.cidr) {
            let holder = Holder::Subnet(other.id);
            return Err(Refusal::CidrOverlap { cidr: create.cidr, other: other.cidr, holder }.into());
        }
    }
    let id = SubnetId::new(draft.ids);
    let name = take_name::<Subnet>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let subnet = Subnet { id, name, vpc: vpc.id, zone: create.zone, cidr: create.cidr, created_at: draft.now };
    draft.insert(&subnet);
    draft.put_raw(format!("{}{id}", record::subnets_of_vpc(vpc.id)), id.to_string().into_bytes());
    reserve_roles(draft, &subnet)?;
    Ok(subnet)
}

/// The addresses with fixed roles are reservations like any other, so that one rule keeps everybody off them.
fn reserve_roles(draft: &mut Draft<'_>, subnet: &Subnet) -> Result<(), DecideError> {
    for (address, role) in subnet_roles(subnet.cidr) {
        let id = ReservedIpId::new(draft.ids);
        let name = match role {
            SubnetRole::Network => "ibm-network-address",
            SubnetRole::Gateway => "ibm-default-gateway",
            SubnetRole::Dns => "ibm-dns-address",
            SubnetRole::Reserved => "ibm-reserved-address",
            SubnetRole::Broadcast => "ibm-broadcast-address",
        };
        let ip = ReservedIp {
            id,
            name: name.to_owned(),
            address,
            subnet: subnet.id,
            vpc: subnet.vpc,
            owner: Owner::Provider,
            auto_delete: false,
            bound_to: None,
            created_at: draft.now,
        };
        draft.put_raw(record::address_key(subnet.vpc, address), id.to_string().into_bytes());
        draft.put_raw(record::name_key::<ReservedIp>(&subnet.id.to_string(), name), id.to_string().into_bytes());
        draft.insert(&ip);
    }
    Ok(())
}

pub(super) fn rename(draft: &mut Draft<'_>, id: SubnetId, name: &str) -> Result<Subnet, DecideError> {
    let mut subnet: Subnet = draft.get(id)?;
    change_name::<Subnet>(draft, &subnet.name, name, &subnet.vpc.to_string(), SCOPE_WORDS, id)?;
    name.clone_into(&mut subnet.name);
    draft.put(&subnet);
    Ok(subnet)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: SubnetId) -> Result<Subnet, DecideError> {
    let subnet: Subnet = draft.get(id)?;
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::Subnet, id: id.to_string(), holder, remedy };
    if let Some(vni) = draft.first::<VniId>(&record::vnis_of_subnet(id))? {
        return Err(in_use(Holder::Vni(vni), "delete its interfaces first").into());
    }
    let reservations = draft.index::<ReservedIpId>(&record::list_prefix::<ReservedIp>(&id.to_string()))?;
    for reservation in reservations {
        let ip: ReservedIp = draft.get(reservation)?;
        if ip.owner == Owner::User {
            return Err(in_use(Holder::ReservedIp(ip.id), "delete its reserved IPs first").into());
        }
        super::address::forget(draft, &ip);
    }
    draft.delete_raw(record::name_key::<Subnet>(&subnet.vpc.to_string(), &subnet.name));
    draft.delete_raw(format!("{}{id}", record::subnets_of_vpc(subnet.vpc)));
    draft.delete_raw(record::address_hint_key(id));
    draft.remove(&subnet);
    Ok(subnet)
}
