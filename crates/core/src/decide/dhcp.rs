//! Rules of DHCP options: what can be told to guests, and sets of it that VPCs have in common.

use super::same_owner;
use crate::command::CreateDhcpOptionSet;
use crate::draft::{Draft, parse_id};
use crate::id::{DhcpOptionSetId, VpcId};
use crate::limits::SERVERS_PER_DHCP_OPTION;
use crate::model::{DhcpOptionSet, DhcpOptions, IpFamily, Owner, Vpc};
use crate::name;
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// That guests can be told this.
pub(super) fn check(dhcp: &DhcpOptions) -> Result<(), Refusal> {
    check_count("dhcp.dns", dhcp.dns.len())?;
    // Time servers may be so many of each IP version (EC2's rule).
    for family in [IpFamily::V4, IpFamily::V6] {
        check_count("dhcp.ntp", dhcp.ntp.iter().filter(|server| IpFamily::from(**server) == family).count())?;
    }
    for (field, servers) in [("dhcp.dns", &dhcp.dns), ("dhcp.ntp", &dhcp.ntp)] {
        if let Some(bad) = servers.iter().find(|server| server.is_unspecified() || server.is_multicast()) {
            return Err(Refusal::invalid(field, bad, "it must be the address of one server"));
        }
    }
    check_count("dhcp.netbios", dhcp.netbios.len())?;
    if let Some(bad) = dhcp.netbios.iter().find(|server| server.is_unspecified() || server.is_multicast()) {
        return Err(Refusal::invalid("dhcp.netbios", bad, "it must be the address of one server"));
    }
    if let Some(node) = dhcp.netbios_node.filter(|node| ![1, 2, 4, 8].contains(node)) {
        return Err(Refusal::invalid("dhcp.netbios_node", node, "a NetBIOS node type is 1, 2, 4 or 8"));
    }
    let Some(domain) = &dhcp.domain else { return Ok(()) };
    if !name::is_domain(domain) {
        return Err(Refusal::invalid("dhcp.domain", domain, name::DOMAIN_RULE));
    }
    Ok(())
}

fn check_count(field: &str, count: usize) -> Result<(), Refusal> {
    if count > SERVERS_PER_DHCP_OPTION {
        let what = format!("field '{field}' names {count} servers");
        return Err(Refusal::Limit { of: Limited::DhcpServers, what, limit: SERVERS_PER_DHCP_OPTION as u64 });
    }
    Ok(())
}

pub(super) fn create(draft: &mut Draft<'_>, create: CreateDhcpOptionSet) -> Result<DhcpOptionSet, DecideError> {
    let owner = draft.owner_of_new()?;
    make(draft, &owner, create)
}

fn make(draft: &mut Draft<'_>, owner: &Owner, create: CreateDhcpOptionSet) -> Result<DhcpOptionSet, DecideError> {
    let CreateDhcpOptionSet { provided_dns, options } = create;
    check(&options)?;
    let (id, owner) = (DhcpOptionSetId::new(draft.ids), owner.clone());
    let set = DhcpOptionSet { id, owner, created_at: draft.now, provided_dns, options };
    draft.insert(&set);
    Ok(set)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: DhcpOptionSetId) -> Result<DhcpOptionSet, DecideError> {
    let set: DhcpOptionSet = draft.get(id)?;
    if let Some(vpc) = draft.first::<VpcId>(&record::vpcs_of_dhcp_set(id))? {
        let (noun, holder, remedy) = (Noun::DhcpOptionSet, Holder::Vpc(vpc), "give its VPCs another set first");
        return Err(Refusal::InUse { noun, id: id.to_string(), holder, remedy }.into());
    }
    let default = record::default_dhcp_key(&set.owner);
    if draft.raw(&default)?.is_some_and(|held| held == id.to_string().into_bytes()) {
        draft.delete_raw(default);
    }
    draft.remove(&set);
    Ok(set)
}

/// The set of an owner's new VPCs, made if there is none: the domain that EC2 has for a region's instances, and the
/// provider's name server.
pub(super) fn default_set(draft: &mut Draft<'_>, owner: &Owner) -> Result<DhcpOptionSet, DecideError> {
    let key = record::default_dhcp_key(owner);
    if let Some(held) = draft.raw(&key)? {
        return draft.get(parse_id(&key, &held)?);
    }
    let domain = match owner.region.as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    };
    let options = DhcpOptions { domain: Some(domain), ..DhcpOptions::default() };
    let set = make(draft, owner, CreateDhcpOptionSet { provided_dns: true, options })?;
    draft.put_raw(key, set.id.to_string().into_bytes());
    Ok(set)
}

/// A VPC's guests are told what a set says, or nothing.
pub(super) fn associate(draft: &mut Draft<'_>, vpc: VpcId, id: Option<DhcpOptionSetId>) -> Result<Vpc, DecideError> {
    let mut vpc: Vpc = draft.get(vpc)?;
    let set = id.map(|id| draft.get::<DhcpOptionSet>(id)).transpose()?;
    if let Some(set) = &set {
        same_owner("dhcp_option_set", set.id, &set.owner, &vpc.owner)?;
    }
    let before = vpc.clone();
    link(draft, &mut vpc, id);
    tell(draft, &mut vpc, set.map(|set| set.options).unwrap_or_default());
    if vpc != before {
        draft.put(&vpc);
    }
    Ok(vpc)
}

/// What a VPC's guests are told is from this set, or from none. The record is not yet written.
pub(super) fn link(draft: &mut Draft<'_>, vpc: &mut Vpc, set: Option<DhcpOptionSetId>) {
    if vpc.dhcp_set == set {
        return;
    }
    if let Some(old) = vpc.dhcp_set {
        draft.delete_raw(format!("{}{}", record::vpcs_of_dhcp_set(old), vpc.id));
    }
    if let Some(new) = set {
        draft.put_raw(format!("{}{}", record::vpcs_of_dhcp_set(new), vpc.id), vpc.id.to_string().into_bytes());
    }
    vpc.dhcp_set = set;
}

/// A VPC's guests are told this from now on. The record is not yet written.
pub(super) fn tell(draft: &mut Draft<'_>, vpc: &mut Vpc, options: DhcpOptions) {
    if vpc.dhcp != options {
        vpc.dhcp = options;
        draft.put_raw(record::ports_of_vpc_key(vpc.id), draft.now.0.to_string().into_bytes());
    }
}
