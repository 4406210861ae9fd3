//! DescribeAvailabilityZones.

use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeAvailabilityZones", "the zones of the request's region, by name, id or filter", decode);

struct Zone {
    name: String,
    id: String,
    region: String,
}

const FILTERS: &[FilterDef<Zone>] = &[
    FilterDef { name: "group-long-name", values: |zone, _| vec![zone.region.clone()] },
    FilterDef { name: "group-name", values: |zone, _| vec![zone.region.clone()] },
    // Zones have nothing to say and no parent.
    FilterDef { name: "message", values: |_, _| Vec::new() },
    FilterDef { name: "opt-in-status", values: |_, _| vec!["opt-in-not-required".to_owned()] },
    FilterDef { name: "parent-zone-id", values: |_, _| Vec::new() },
    FilterDef { name: "parent-zone-name", values: |_, _| Vec::new() },
    FilterDef { name: "region-name", values: |zone, _| vec![zone.region.clone()] },
    FilterDef { name: "state", values: |_, _| vec!["available".to_owned()] },
    FilterDef { name: "zone-id", values: |zone, _| vec![zone.id.clone()] },
    FilterDef { name: "zone-name", values: |zone, _| vec![zone.name.clone()] },
    FilterDef { name: "zone-type", values: |_, _| vec!["availability-zone".to_owned()] },
];

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    // All zones are open to all accounts.
    params.flag("AllAvailabilityZones")?;
    let (names, ids) = (params.texts("ZoneName")?, params.texts("ZoneId")?);
    let filters = Filters::read(params, FILTERS)?;
    let zone = |name: &String| Zone { name: name.clone(), id: caller.zone_id(name), region: caller.region.clone() };
    let mut zones: Vec<Zone> = caller.zones().iter().map(zone).collect();
    let unknown = names.iter().find(|name| zones.iter().all(|zone| zone.name != **name));
    if let Some(name) = unknown.or_else(|| ids.iter().find(|id| zones.iter().all(|zone| zone.id != **id))) {
        return Err(Ec2Error::new("InvalidParameterValue", format!("Invalid availability zone: [{}]", short(name))));
    }
    zones.retain(|zone| {
        let named = (names.is_empty() && ids.is_empty()) || names.contains(&zone.name) || ids.contains(&zone.id);
        named && filters.pass_untagged(zone, FILTERS)
    });
    Ok(Work::read(move |_, xml| {
        xml.set("availabilityZoneInfo", zones, |xml, zone| {
            xml.text("zoneName", &zone.name);
            xml.text("zoneState", "available");
            xml.text("regionName", &zone.region);
            xml.empty("messageSet");
            xml.text("zoneId", &zone.id);
            xml.text("zoneType", "availability-zone");
            xml.text("groupName", &zone.region);
            // Public addresses are of a zone: each announces its own.
            xml.text("networkBorderGroup", &zone.name);
            xml.text("groupLongName", &zone.region);
            xml.text("optInStatus", "opt-in-not-required");
        });
        Ok(())
    }))
}
