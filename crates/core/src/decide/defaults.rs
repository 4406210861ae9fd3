//! What an owner begins with, as EC2's accounts do in each region: a default VPC with a default subnet in each zone.
//!
//! It is made once. Whoever deletes it is without until they ask for another.

use ipnet::Ipv4Net;

use super::{internet_gateway, subnet, vpc};
use crate::command::{CreateSubnet, CreateVpc, NewDhcp};
use crate::draft::{Draft, parse_id};
use crate::id::{SubnetId, VpcId};
use crate::model::{AccountId, Owner, Subnet, Vpc};
use crate::record;
use crate::refusal::{DecideError, Noun, Refusal};

/// The range of a default VPC (EC2's).
const RANGE: &str = "172.31.0.0/16";
/// The size of a default subnet, as a prefix length (EC2's): a default VPC has room for 16.
const SUBNET_LENGTH: u8 = 20;

/// Makes what an owner begins with, unless that was done once.
pub(super) fn ensure(draft: &mut Draft<'_>, owner: &Owner) -> Result<(), DecideError> {
    let key = record::begun_key(owner);
    if draft.raw(&key)?.is_some() {
        return Ok(());
    }
    draft.check_owner(owner)?;
    draft.put_raw(key, draft.now.0.to_string().into_bytes());
    // It may have made one itself.
    if default_vpc(draft, owner)?.is_none() {
        make_vpc(draft, owner)?;
    }
    Ok(())
}

/// Makes what an account begins with in each region.
pub(super) fn ensure_everywhere(draft: &mut Draft<'_>, account: AccountId) -> Result<(), DecideError> {
    for region in draft.regions()?.iter() {
        ensure(draft, &Owner::new(account, &region.name))?;
    }
    Ok(())
}

/// The owner's default VPC, made anew.
pub(super) fn create_vpc(draft: &mut Draft<'_>) -> Result<Vpc, DecideError> {
    let owner = draft.owner_of_new()?;
    if let Some(id) = default_vpc(draft, &owner)? {
        return Err(Refusal::HasDefault { noun: Noun::Vpc, id: id.to_string(), place: owner.to_string() }.into());
    }
    make_vpc(draft, &owner)
}

fn default_vpc(draft: &mut Draft<'_>, owner: &Owner) -> Result<Option<VpcId>, DecideError> {
    let key = record::default_vpc_key(owner);
    draft.raw(&key)?.map(|held| parse_id(&key, &held)).transpose()
}

fn make_vpc(draft: &mut Draft<'_>, owner: &Owner) -> Result<Vpc, DecideError> {
    let range = RANGE.parse().expect("a literal range");
    let dhcp = NewDhcp::DefaultSet;
    let create = CreateVpc { cidrs: vec![range], dhcp, route_tables: true, ..CreateVpc::default() };
    let mut vpc = vpc::create_for(draft, owner.clone(), create)?;
    (vpc.default, vpc.dns_hostnames) = (true, true);
    draft.put(&vpc);
    draft.put_raw(record::default_vpc_key(owner), vpc.id.to_string().into_bytes());
    internet_gateway::open_up(draft, &vpc)?;
    let zones = draft.regions()?.get(&owner.region).map(|region| region.zones.clone()).unwrap_or_default();
    for (zone, cidr) in zones.into_iter().zip(parts(range)) {
        make_subnet(draft, &vpc, zone, cidr)?;
    }
    Ok(vpc)
}

/// The networks that default subnets can have.
fn parts(range: Ipv4Net) -> impl Iterator<Item = Ipv4Net> {
    range.subnets(SUBNET_LENGTH).into_iter().flatten()
}

fn make_subnet(draft: &mut Draft<'_>, vpc: &Vpc, zone: String, cidr: Ipv4Net) -> Result<Subnet, DecideError> {
    let create = CreateSubnet { vpc: vpc.id, name: None, zone, cidr, ipv6: None, acl: None, public_gateway: None };
    let mut subnet = subnet::create(draft, create)?;
    (subnet.default, subnet.map_public_ip) = (true, true);
    draft.put(&subnet);
    Ok(subnet)
}

/// The default subnet of a zone, in the owner's default VPC.
pub(super) fn create_subnet(draft: &mut Draft<'_>, zone: String) -> Result<Subnet, DecideError> {
    let owner = draft.owner_of_new()?;
    let Some(vpc) = default_vpc(draft, &owner)? else {
        return Err(Refusal::NoDefaultVpc { place: owner.to_string() }.into());
    };
    let vpc: Vpc = draft.get(vpc)?;
    let mut others: Vec<Subnet> = Vec::new();
    for id in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        others.push(draft.get(id)?);
    }
    if let Some(other) = others.iter().find(|other| other.default && other.zone == zone) {
        let place = format!("zone '{zone}'");
        return Err(Refusal::HasDefault { noun: Noun::Subnet, id: other.id.to_string(), place }.into());
    }
    let free = |cidr: &Ipv4Net| others.iter().all(|other| !super::ranges::overlap(other.cidr, *cidr));
    match vpc.nets().next().into_iter().flat_map(parts).find(free) {
        Some(cidr) => make_subnet(draft, &vpc, zone, cidr),
        None => {
            let rule = format!("no /{SUBNET_LENGTH} of VPC {} is free", vpc.id);
            Err(Refusal::invalid("cidr", "any", rule).into())
        }
    }
}
