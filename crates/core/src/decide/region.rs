//! Rules of regions: each zone is in one, and none goes while anything is in it.

use std::collections::BTreeSet;

use crate::draft::{Draft, encode};
use crate::id::{DhcpOptionSetId, FloatingIpId, InstanceId, PrefixListId, PublicGatewayId, ShareId, SubnetId, VpcId};
use crate::model::{
    DhcpOptionSet, FloatingIp, Instance, PrefixList, PublicGateway, Region, Regions, Share, Subnet, Vpc,
};
use crate::name;
use crate::record::{self, lists_of};
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// The most regions, and zones of a region.
const MOST: usize = 64;

/// Makes these the regions, the first the default one.
pub(super) fn configure(draft: &mut Draft<'_>, regions: Vec<Region>) -> Result<(), DecideError> {
    check(&regions)?;
    let Some(regions) = Regions::new(regions) else {
        return Err(Refusal::invalid("region", "", "there must be one region at least").into());
    };
    let before = draft.raw(record::REGIONS)?.is_some().then(|| draft.regions()).transpose()?;
    if before.as_ref() != Some(&regions) {
        stay(draft, &regions)?;
        draft.put_raw(record::REGIONS.to_owned(), encode(&regions));
    }
    Ok(())
}

/// That everything is still where its owner is: in a region that there is, in a zone of it.
fn stay(draft: &mut Draft<'_>, regions: &Regions) -> Result<(), DecideError> {
    for id in draft.index::<VpcId>(&lists_of::<Vpc>())? {
        let vpc: Vpc = draft.get(id)?;
        there(regions, &vpc.owner.region, Holder::Vpc(id))?;
    }
    for id in draft.index::<PrefixListId>(&lists_of::<PrefixList>())? {
        let list: PrefixList = draft.get(id)?;
        there(regions, &list.owner.region, Holder::PrefixList(id))?;
    }
    for id in draft.index::<DhcpOptionSetId>(&lists_of::<DhcpOptionSet>())? {
        let set: DhcpOptionSet = draft.get(id)?;
        there(regions, &set.owner.region, Holder::DhcpOptionSet(id))?;
    }
    for id in draft.index::<SubnetId>(&lists_of::<Subnet>())? {
        let subnet: Subnet = draft.get(id)?;
        zone_there(regions, &subnet.owner.region, &subnet.zone, Holder::Subnet(id))?;
    }
    for id in draft.index::<FloatingIpId>(&lists_of::<FloatingIp>())? {
        let ip: FloatingIp = draft.get(id)?;
        zone_there(regions, &ip.owner.region, &ip.zone, Holder::FloatingIp(id))?;
    }
    for id in draft.index::<PublicGatewayId>(&lists_of::<PublicGateway>())? {
        let gateway: PublicGateway = draft.get(id)?;
        zone_there(regions, &gateway.owner.region, &gateway.zone, Holder::PublicGateway(id))?;
    }
    for id in draft.index::<ShareId>(&lists_of::<Share>())? {
        let share: Share = draft.get(id)?;
        zone_there(regions, &share.owner.region, &share.zone, Holder::Share(id))?;
    }
    for id in draft.index::<InstanceId>(&lists_of::<Instance>())? {
        let instance: Instance = draft.get(id)?;
        zone_there(regions, &instance.owner.region, &instance.zone, Holder::Instance(id))?;
    }
    Ok(())
}

fn there(regions: &Regions, name: &str, holder: Holder) -> Result<(), Refusal> {
    match regions.get(name) {
        Some(_) => Ok(()),
        None => Err(Refusal::invalid("region", name, format!("it can't go: {holder} is in it"))),
    }
}

fn zone_there(regions: &Regions, region: &str, zone: &str, holder: Holder) -> Result<(), Refusal> {
    there(regions, region, holder.clone())?;
    let other = &regions.of_zone(zone).name;
    if other != region {
        let rule = format!("it can't go from region '{region}' to '{other}': {holder} is in it");
        return Err(Refusal::invalid("zone", zone, rule));
    }
    Ok(())
}

fn check(regions: &[Region]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    let mut zones = BTreeSet::new();
    if regions.len() > MOST {
        return Err(Refusal::Limit {
            of: Limited::Things(Noun::Region),
            what: format!("{} regions", regions.len()),
            limit: MOST as u64,
        });
    }
    for region in regions {
        if name::validate(&region.name).is_err() {
            let rule = "a region's name has 1 to 63 lower-case letters, digits and hyphens, a letter first";
            return Err(Refusal::invalid("region", &region.name, rule));
        }
        if !names.insert(&region.name) {
            return Err(Refusal::invalid("region", &region.name, "it is named twice"));
        }
        if region.zones.len() > MOST {
            let what = format!("region '{}' has {} zones", region.name, region.zones.len());
            return Err(Refusal::Limit { of: Limited::Zones, what, limit: MOST as u64 });
        }
        for zone in &region.zones {
            name::validate_zone(zone)?;
            if !zones.insert(zone) {
                return Err(Refusal::invalid("zone", zone, "a zone is in one region, and named once"));
            }
        }
    }
    Ok(())
}
