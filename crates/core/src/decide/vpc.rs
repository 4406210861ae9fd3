//! Rules of VPCs: unique names, unique segments, deleted only when empty; its default group and ACL live and die with it.

use super::{OWNER_WORDS, change_name, flow_log, network_acl, ranges, route_table, security_group, take_name};
use crate::command::{CreateVpc, UpdateVpc};
use crate::draft::Draft;
use crate::id::{InstanceId, NetworkAclId, PublicGatewayId, SecurityGroupId, SubnetId, VpcId};
use crate::limits::SERVERS_PER_DHCP_OPTION;
use crate::model::{DhcpOptions, FlowLogTarget, NetworkAcl, SecurityGroup, Subnet, Vpc};
use crate::name;
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateVpc) -> Result<Vpc, DecideError> {
    let id = VpcId::new(draft.ids);
    ranges::check_all(id, &create.cidrs)?;
    ranges::check_all_ipv6(id, &create.ipv6_cidrs)?;
    check_dhcp(&create.dhcp)?;
    if create.route_tables && create.cidrs.is_empty() {
        let rule = "a VPC that routes by tables has a range, so that they know what lies within";
        return Err(Refusal::invalid("cidrs", "", rule).into());
    }
    let owner = draft.owner_of_new()?;
    let name = take_name::<Vpc>(draft, create.name, &owner.scope(), OWNER_WORDS, id)?;
    let segment = take_segment(draft, id)?;
    let vpc = Vpc {
        id,
        name,
        created_at: draft.now,
        segment,
        cidrs: create.cidrs,
        ipv6_cidrs: create.ipv6_cidrs,
        default_group: security_group::create_default(draft, &owner, id)?,
        default_acl: network_acl::create_default(draft, &owner, id)?,
        dhcp: create.dhcp,
        main_table: create.route_tables.then(|| route_table::create_main(draft, &owner, id)).transpose()?,
        owner,
    };
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

fn check_dhcp(dhcp: &DhcpOptions) -> Result<(), Refusal> {
    for (field, servers) in [("dhcp.dns", &dhcp.dns), ("dhcp.ntp", &dhcp.ntp)] {
        if servers.len() > SERVERS_PER_DHCP_OPTION {
            let what = format!("field '{field}' names {} servers", servers.len());
            return Err(Refusal::Limit { of: Limited::DhcpServers, what, limit: SERVERS_PER_DHCP_OPTION as u64 });
        }
        if let Some(bad) = servers.iter().find(|server| server.is_unspecified() || server.is_multicast()) {
            return Err(Refusal::invalid(field, bad, "it must be the address of one server"));
        }
    }
    let Some(domain) = &dhcp.domain else { return Ok(()) };
    if !name::is_domain(domain) {
        return Err(Refusal::invalid("dhcp.domain", domain, name::DOMAIN_RULE));
    }
    Ok(())
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
        for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(id))? {
            let subnet: Subnet = draft.get(subnet)?;
            if let Some(used) = subnet.ipv6_cidr
                && !cidrs.iter().any(|range| range.contains(&used))
            {
                let (holder, remedy) = (Holder::Subnet(subnet.id), "its IPv6 range must stay in one of the VPC's");
                return Err(Refusal::InUse { noun: Noun::Vpc, id: id.to_string(), holder, remedy }.into());
            }
        }
        vpc.ipv6_cidrs = cidrs;
    }
    if let Some(dhcp) = update.dhcp
        && dhcp != vpc.dhcp
    {
        check_dhcp(&dhcp)?;
        vpc.dhcp = dhcp;
        draft.put_raw(record::ports_of_vpc_key(id), draft.now.0.to_string().into_bytes());
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
    draft.remove(&vpc);
    Ok(vpc)
}
