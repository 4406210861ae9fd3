//! The IPv4 ranges of a VPC as address prefixes, each of one zone.
//!
//! A range that EC2's API has given a VPC is for all zones. It is shown for the zone of the first subnet in it, or else for
//! the first zone of the region.

use pintle_core::id::{SubnetId, VpcId, VpcRangeId};
use pintle_core::model::{AddressPrefix, Subnet, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, Refusal, query, record};

/// An address prefix and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPrefixView {
    /// The prefix.
    pub prefix: AddressPrefix,
    /// Whether a subnet lies in it.
    pub has_subnets: bool,
}

/// All address prefixes of a VPC, in the order in which it got them.
///
/// # Errors
/// [`Refusal::NotFound`] of the VPC, or when the store can't be read.
pub fn address_prefixes(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<Vec<AddressPrefixView>, DecideError> {
    let (vpc, _) = query::get::<Vpc>(snapshot, vpc)?;
    let mut subnets: Vec<Subnet> = Vec::new();
    for id in query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc.id))? {
        subnets.push(query::follow(snapshot, id)?.0);
    }
    let mut found = Vec::new();
    for range in &vpc.cidrs {
        let first = subnets.iter().find(|subnet| range.net.contains(&subnet.cidr));
        let prefix = match query::find::<AddressPrefix>(snapshot, range.id)? {
            Some((prefix, _)) => prefix,
            None => AddressPrefix {
                id: range.id,
                owner: vpc.owner.clone(),
                vpc: vpc.id,
                name: range.id.to_string(),
                zone: match first {
                    Some(subnet) => subnet.zone.clone(),
                    None => first_zone(snapshot, &vpc)?,
                },
                cidr: range.net,
                default: false,
                created_at: vpc.created_at,
            },
        };
        found.push(AddressPrefixView { prefix, has_subnets: first.is_some() });
    }
    Ok(found)
}

fn first_zone(snapshot: &dyn Snapshot, vpc: &Vpc) -> Result<String, DecideError> {
    let regions = query::regions(snapshot)?;
    let region = regions.get(&vpc.owner.region).unwrap_or_else(|| regions.default_region());
    // A region that no host has joined has no zone yet.
    Ok(query::zones(snapshot, &regions, region)?.into_iter().next().unwrap_or_else(|| region.name.clone()))
}

/// An address prefix of a VPC.
///
/// # Errors
/// [`Refusal::NotFound`], or when the store can't be read.
pub fn address_prefix(snapshot: &dyn Snapshot, vpc: VpcId, id: VpcRangeId) -> Result<AddressPrefixView, DecideError> {
    let found = address_prefixes(snapshot, vpc)?.into_iter().find(|view| view.prefix.id == id);
    found.ok_or_else(|| Refusal::NotFound { noun: Noun::AddressPrefix, id: id.to_string() }.into())
}
