//! Rules of subnets: within the VPC, apart from its other subnets, deleted only when nobody has an address in it.

use super::ranges::{check, overlap};
use super::subnet_ipv6::{choose_ipv6, set_ipv6};
use super::{address_prefix, change_name, route_table, slots, take_name, zone_route};
use crate::command::{CreateSubnet, PlaceSubnet, SubnetRange, UpdateSubnet};
use crate::draft::Draft;
use crate::host_spec::Ipv6Assignment;
use crate::id::{AclAssociationId, NetworkAclId, PublicGatewayId, ReservedIpId, SubnetId, VniId};
use crate::model::FlowLogTarget;
use crate::model::{HostnameType, NetworkAcl, PublicGateway, ReservedBy, ReservedIp, Subnet, SubnetReservation, Vpc};
use crate::net::{SubnetRole, subnet_roles};
use crate::quota;
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateSubnet) -> Result<Subnet, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    draft.check_zone(&vpc.owner, &create.zone)?;
    check("cidr", create.cidr)?;
    if !vpc.cidrs.is_empty() && !vpc.nets().any(|range| range.contains(&create.cidr)) {
        let ranges = vpc.nets().map(|net| net.to_string()).collect::<Vec<_>>().join(", ");
        return Err(
            Refusal::invalid("cidr", create.cidr, format!("it must lie within the VPC's ranges: {ranges}")).into()
        );
    }
    address_prefix::check_zone(draft, &vpc, create.cidr, &create.zone)?;
    let others = others(draft, vpc.id, None)?;
    if let Some(limit) = slots::implied_limit(draft, &vpc, &quota::IBM_SUBNETS)?
        && others.len() as u64 >= limit
    {
        let of = Limited::Things(Noun::Subnet);
        let what = format!("VPC {} has as many subnets as it may have", vpc.id);
        return Err(Refusal::Limit { of, what, limit }.into());
    }
    if let Some(other) = others.iter().find(|other| overlap(other.cidr, create.cidr)) {
        let (cidr, holder) = (create.cidr.into(), Holder::Subnet(other.id));
        return Err(Refusal::CidrOverlap { cidr, other: other.cidr.into(), holder }.into());
    }
    let ipv6_cidr = create.ipv6.map(|range| choose_ipv6(&vpc, &others, range)).transpose()?;
    let id = SubnetId::new(draft.ids);
    let name = take_name::<Subnet>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let mut subnet = Subnet {
        id,
        owner: vpc.owner,
        name,
        vpc: vpc.id,
        zone: create.zone,
        cidr: create.cidr,
        ipv6_cidr,
        ipv6_assignment: Ipv6Assignment::default(),
        auto_assign_ipv6: false,
        acl: vpc.default_acl,
        public_gateway: None,
        route_table: None,
        created_at: draft.now,
        default: false,
        map_public_ip: false,
        hostname_type: HostnameType::default(),
        resource_name_a: false,
        resource_name_aaaa: false,
        reservations: Vec::new(),
    };
    put_acl_keys(draft, vpc.default_acl, id);
    if let Some(acl) = create.acl {
        set_acl(draft, &mut subnet, acl)?;
    }
    set_gateway(draft, &mut subnet, create.public_gateway)?;
    draft.insert(&subnet);
    draft.put_raw(format!("{}{id}", record::subnets_of_vpc(vpc.id)), id.to_string().into_bytes());
    reserve_roles(draft, &subnet)?;
    zone_route::subnets_changed(draft, vpc.id)?;
    Ok(subnet)
}

/// A subnet as IBM's API makes them.
pub(super) fn place(draft: &mut Draft<'_>, place: PlaceSubnet) -> Result<Subnet, DecideError> {
    let PlaceSubnet { vpc, name, zone, range, acl, public_gateway, route_table } = place;
    let cidr = match range {
        SubnetRange::Net(cidr) => cidr,
        SubnetRange::Count(count) => {
            let vpc: Vpc = draft.get(vpc)?;
            address_prefix::choose(draft, &vpc, &zone, count)?
        }
    };
    let mut subnet = create(draft, CreateSubnet { vpc, name, zone, cidr, ipv6: None, acl, public_gateway })?;
    if let Some(table) = route_table {
        route_table::assign(draft, &mut subnet, table)?;
    }
    Ok(subnet)
}

/// The other subnets of a VPC, relied upon.
pub(super) fn others(
    draft: &mut Draft<'_>,
    vpc: crate::id::VpcId,
    own: Option<SubnetId>,
) -> Result<Vec<Subnet>, DecideError> {
    let ids = draft.index::<SubnetId>(&record::subnets_of_vpc(vpc))?;
    ids.into_iter().filter(|id| Some(*id) != own).map(|id| draft.get(id)).collect()
}

fn put_acl_keys(draft: &mut Draft<'_>, acl: NetworkAclId, subnet: SubnetId) {
    let association = record::acl_association_key(AclAssociationId::of(subnet, acl));
    for key in [format!("{}{subnet}", record::subnets_of_acl(acl)), association] {
        draft.put_raw(key, subnet.to_string().into_bytes());
    }
}

fn delete_acl_keys(draft: &mut Draft<'_>, acl: NetworkAclId, subnet: SubnetId) {
    draft.delete_raw(format!("{}{subnet}", record::subnets_of_acl(acl)));
    draft.delete_raw(record::acl_association_key(AclAssociationId::of(subnet, acl)));
}

fn set_acl(draft: &mut Draft<'_>, subnet: &mut Subnet, id: NetworkAclId) -> Result<(), DecideError> {
    let acl: NetworkAcl = draft.get(id)?;
    if acl.vpc != subnet.vpc {
        let (noun, id) = (Noun::NetworkAcl, id.to_string());
        return Err(Refusal::OtherVpc { noun, id, vpc: acl.vpc, needed: subnet.vpc }.into());
    }
    delete_acl_keys(draft, subnet.acl, subnet.id);
    put_acl_keys(draft, id, subnet.id);
    subnet.acl = id;
    Ok(())
}

fn set_gateway(
    draft: &mut Draft<'_>,
    subnet: &mut Subnet,
    gateway: Option<PublicGatewayId>,
) -> Result<(), DecideError> {
    if let Some(id) = gateway {
        let found: PublicGateway = draft.get(id)?;
        route_table::check_implied(&draft.get(subnet.vpc)?)?;
        if found.vpc != subnet.vpc {
            let (noun, id) = (Noun::PublicGateway, id.to_string());
            return Err(Refusal::OtherVpc { noun, id, vpc: found.vpc, needed: subnet.vpc }.into());
        }
        if found.zone != subnet.zone {
            let rule = format!("it is in zone '{}', but the subnet is in zone '{}'", found.zone, subnet.zone);
            return Err(Refusal::invalid("public_gateway", id, rule).into());
        }
    }
    if let Some(old) = subnet.public_gateway {
        draft.delete_raw(format!("{}{}", record::subnets_of_gateway(old), subnet.id));
    }
    if let Some(new) = gateway {
        draft.put_raw(format!("{}{}", record::subnets_of_gateway(new), subnet.id), subnet.id.to_string().into_bytes());
    }
    subnet.public_gateway = gateway;
    Ok(())
}

/// The addresses with fixed roles are reservations like any other, so that one rule keeps everybody off them.
fn reserve_roles(draft: &mut Draft<'_>, subnet: &Subnet) -> Result<(), DecideError> {
    for (address, role) in subnet_roles(subnet.cidr) {
        let id = ReservedIpId::in_order(draft.ids);
        let name = match role {
            SubnetRole::Network => "ibm-network-address",
            SubnetRole::Gateway => "ibm-default-gateway",
            SubnetRole::Dns => "ibm-dns-address",
            SubnetRole::Reserved => "ibm-reserved-address",
            SubnetRole::Broadcast => "ibm-broadcast-address",
        };
        let ip = ReservedIp {
            id,
            owner: subnet.owner.clone(),
            name: name.to_owned(),
            address: address.into(),
            subnet: subnet.id,
            vpc: subnet.vpc,
            reserved_by: ReservedBy::Provider,
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
    update(draft, id, UpdateSubnet { name: Some(name.to_owned()), ..UpdateSubnet::default() })
}

pub(super) fn update(draft: &mut Draft<'_>, id: SubnetId, update: UpdateSubnet) -> Result<Subnet, DecideError> {
    let mut subnet: Subnet = draft.get(id)?;
    let before = subnet.clone();
    if let Some(name) = update.name {
        change_name::<Subnet>(draft, &subnet.name, &name, &subnet.vpc.to_string(), SCOPE_WORDS, id)?;
        subnet.name = name;
    }
    if let Some(range) = update.ipv6 {
        set_ipv6(draft, &mut subnet, range)?;
    }
    subnet.ipv6_assignment = update.ipv6_assignment.unwrap_or(subnet.ipv6_assignment);
    if let Some(auto) = update.auto_assign_ipv6 {
        subnet.auto_assign_ipv6 = auto;
    }
    if subnet.auto_assign_ipv6 && subnet.ipv6_cidr.is_none() {
        let rule = "the subnet has no IPv6 range to assign from";
        return Err(Refusal::invalid("auto_assign_ipv6", true, rule).into());
    }
    subnet.map_public_ip = update.map_public_ip.unwrap_or(subnet.map_public_ip);
    subnet.hostname_type = update.hostname_type.unwrap_or(subnet.hostname_type);
    subnet.resource_name_a = update.resource_name_a.unwrap_or(subnet.resource_name_a);
    subnet.resource_name_aaaa = update.resource_name_aaaa.unwrap_or(subnet.resource_name_aaaa);
    if subnet.resource_name_aaaa && subnet.ipv6_cidr.is_none() {
        let rule = "the subnet has no IPv6 range, so its names have no IPv6 addresses";
        return Err(Refusal::invalid("resource_name_aaaa", true, rule).into());
    }
    if let Some(acl) = update.acl
        && acl != subnet.acl
    {
        set_acl(draft, &mut subnet, acl)?;
    }
    if let Some(table) = update.route_table {
        route_table::assign(draft, &mut subnet, table)?;
    }
    if let Some(gateway) = update.public_gateway
        && gateway != subnet.public_gateway
    {
        set_gateway(draft, &mut subnet, gateway)?;
    }
    let shown = |subnet: &Subnet| (subnet.ipv6_cidr, subnet.ipv6_assignment, subnet.acl, subnet.public_gateway);
    if shown(&before) != shown(&subnet) {
        draft.put_raw(record::ports_of_subnet_key(id), draft.now.0.to_string().into_bytes());
    }
    if before != subnet {
        draft.put(&subnet);
    }
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
        if ip.reserved_by == ReservedBy::User {
            return Err(in_use(Holder::ReservedIp(ip.id), "delete its reserved IPs first").into());
        }
        super::address::forget(draft, &ip);
    }
    super::flow_log::erase_of(draft, FlowLogTarget::Subnet(id))?;
    for reservation in &subnet.reservations {
        let reservation: SubnetReservation = draft.get(*reservation)?;
        draft.remove(&reservation);
    }
    draft.delete_raw(record::name_key::<Subnet>(&subnet.vpc.to_string(), &subnet.name));
    draft.delete_raw(format!("{}{id}", record::subnets_of_vpc(subnet.vpc)));
    draft.delete_raw(record::address_hint_key(id));
    draft.delete_raw(record::prefix_hint_key(id));
    draft.delete_raw(record::ports_of_subnet_key(id));
    delete_acl_keys(draft, subnet.acl, id);
    route_table::unlink(draft, &subnet);
    zone_route::subnets_changed(draft, subnet.vpc)?;
    if let Some(gateway) = subnet.public_gateway {
        draft.delete_raw(format!("{}{id}", record::subnets_of_gateway(gateway)));
    }
    draft.remove(&subnet);
    Ok(subnet)
}
