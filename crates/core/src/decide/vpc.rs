//! Rules of VPCs: unique names, unique segments, deleted only when empty; its default group and ACL live and die with it.

use super::{
    OWNER_WORDS, address_prefix, change_name, dhcp, flow_log, network_acl, ranges, route_table, security_group,
    take_name, vpc_range,
};
use crate::command::{CreateVpc, NewDhcp, UpdateVpc};
use crate::draft::Draft;
use crate::id::{InstanceId, NetworkAclId, PublicGatewayId, SecurityGroupId, SubnetId, VpcId};
use crate::model::{FlowLogTarget, Instance, NetworkAcl, Owner, Role, SecurityGroup, Vpc};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateVpc) -> Result<Vpc, DecideError> {
    let owner = draft.owner_of_new()?;
    create_for(draft, owner, create)
}

/// A VPC of this owner, who exists.
pub(super) fn create_for(draft: &mut Draft<'_>, owner: Owner, create: CreateVpc) -> Result<Vpc, DecideError> {
    let id = VpcId::new(draft.ids);
    ranges::check_all(id, &create.cidrs)?;
    ranges::check_all_ipv6(id, &create.ipv6_cidrs)?;
    if create.route_tables && create.cidrs.is_empty() {
        let rule = "a VPC that routes by tables has a range, so that they know what lies within";
        return Err(Refusal::invalid("cidrs", "", rule).into());
    }
    let everywhere = security_group::everywhere(&create);
    let (options, set) = match create.dhcp {
        NewDhcp::These(options) => (options, None),
        NewDhcp::DefaultSet => {
            let set = dhcp::default_set(draft, &owner)?;
            (set.options, Some(set.id))
        }
    };
    dhcp::check(&options)?;
    let cidrs = vpc_range::set(draft, id, &[], &create.cidrs);
    let mut ipv6_cidrs = vpc_range::set(draft, id, &[], &create.ipv6_cidrs);
    if create.provided_ipv6 {
        ipv6_cidrs.push(vpc_range::provided(draft, id)?);
    }
    let name = take_name::<Vpc>(draft, create.name, &owner.scope(), OWNER_WORDS, id)?;
    let segment = take_segment(draft, id)?;
    let mut vpc = Vpc {
        id,
        name,
        created_at: draft.now,
        segment,
        cidrs,
        ipv6_cidrs,
        default_group: security_group::create_default(draft, &owner, id, &everywhere)?,
        default_acl: network_acl::create_default(draft, &owner, id)?,
        main_table: route_table::create_main(draft, &owner, id, !create.route_tables)?,
        implied_ways: !create.route_tables,
        dhcp: options,
        dhcp_set: None,
        default: false,
        dns_support: true,
        dns_hostnames: false,
        usage_metrics: false,
        owner,
    };
    dhcp::link(draft, &mut vpc, set);
    if create.zone_prefixes {
        address_prefix::add_defaults(draft, &mut vpc)?;
    }
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
    update(draft, id, UpdateVpc { name: Some(name.to_owned()), ..UpdateVpc::default() })
}

pub(super) fn update(draft: &mut Draft<'_>, id: VpcId, update: UpdateVpc) -> Result<Vpc, DecideError> {
    let mut vpc: Vpc = draft.get(id)?;
    if let Some(name) = update.name {
        change_name::<Vpc>(draft, &vpc.name, &name, &vpc.owner.scope(), OWNER_WORDS, id)?;
        vpc.name = name;
    }
    if let Some(cidrs) = update.ipv6_cidrs {
        ranges::check_all_ipv6(id, &cidrs)?;
        vpc_range::check_unused(draft, &vpc, |subnet| {
            subnet.ipv6_cidr.is_some_and(|used| !cidrs.iter().any(|range| range.contains(&used)))
        })?;
        vpc.ipv6_cidrs = vpc_range::set(draft, id, &vpc.ipv6_cidrs, &cidrs);
    }
    if let Some(options) = update.dhcp {
        dhcp::check(&options)?;
        dhcp::link(draft, &mut vpc, None);
        dhcp::tell(draft, &mut vpc, options);
    }
    vpc.dns_support = update.dns_support.unwrap_or(vpc.dns_support);
    vpc.usage_metrics = update.usage_metrics.unwrap_or(vpc.usage_metrics);
    if let Some(hostnames) = update.dns_hostnames {
        if hostnames && !vpc.dns_support {
            let rule = "it can be true only where dns_support is";
            return Err(Refusal::invalid("dns_hostnames", true, rule).into());
        }
        vpc.dns_hostnames = hostnames;
    }
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
    if let Some(mount) = draft.first::<InstanceId>(&record::mounts_of_vpc(id))?
        && let Role::ShareMount(share) = draft.follow::<Instance>(mount)?.role
    {
        return Err(in_use(Holder::Share(share), "delete its mount target there first").into());
    }
    if let Some(gateway) = draft.first::<PublicGatewayId>(&record::gateways_of_vpc(id))? {
        return Err(in_use(Holder::PublicGateway(gateway), "delete its public gateways first").into());
    }
    route_table::erase_of(draft, &vpc)?;
    // Without subnets there are no interfaces, so nothing outside the VPC's own groups can need them.
    for group in draft.index::<SecurityGroupId>(&record::groups_of_vpc(id))? {
        let group: SecurityGroup = draft.get(group)?;
        security_group::erase(draft, &group);
    }
    for acl in draft.index::<NetworkAclId>(&record::acls_of_vpc(id))? {
        let acl: NetworkAcl = draft.get(acl)?;
        network_acl::erase(draft, &acl);
    }
    flow_log::erase_of(draft, FlowLogTarget::Vpc(id))?;
    draft.delete_raw(record::name_key::<Vpc>(&vpc.owner.scope(), &vpc.name));
    draft.delete_raw(record::segment_key(vpc.segment));
    draft.delete_raw(record::ports_of_vpc_key(id));
    if vpc.default {
        draft.delete_raw(record::default_vpc_key(&vpc.owner));
    }
    vpc_range::forget_all(draft, &vpc)?;
    dhcp::link(draft, &mut vpc.clone(), None);
    draft.remove(&vpc);
    Ok(vpc)
}

/// Deletes a VPC that holds nothing beside what it began with.
pub(super) fn delete_bare(draft: &mut Draft<'_>, id: VpcId) -> Result<Vpc, DecideError> {
    let vpc: Vpc = draft.get(id)?;
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::Vpc, id: id.to_string(), holder, remedy };
    let groups = draft.index::<SecurityGroupId>(&record::groups_of_vpc(id))?;
    if let Some(group) = groups.into_iter().find(|group| *group != vpc.default_group) {
        return Err(in_use(Holder::SecurityGroup(group), "delete its security groups first").into());
    }
    let acls = draft.index::<NetworkAclId>(&record::acls_of_vpc(id))?;
    if let Some(acl) = acls.into_iter().find(|acl| *acl != vpc.default_acl) {
        return Err(in_use(Holder::NetworkAcl(acl), "delete its network ACLs first").into());
    }
    delete(draft, id)
}
