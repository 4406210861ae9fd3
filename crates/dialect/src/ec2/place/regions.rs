//! DescribeRegions.

use crate::ec2::caller::{Caller, RegionInfo};
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeRegions", "the regions of this server, by name or filter", decode);

struct Region {
    info: RegionInfo,
    endpoint: String,
}

const FILTERS: &[FilterDef<Region>] = &[
    FilterDef { name: "endpoint", values: |region, _| vec![region.endpoint.clone()] },
    FilterDef { name: "opt-in-status", values: |_, _| vec!["opt-in-not-required".to_owned()] },
    FilterDef { name: "region-name", values: |region, _| vec![region.info.name.clone()] },
];

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    // All regions are open to all accounts.
    params.flag("AllRegions")?;
    let names = params.texts("RegionName")?;
    let filters = Filters::read(params, FILTERS)?;
    if let Some(name) = names.iter().find(|name| caller.regions.iter().all(|region| region.name != **name)) {
        let message = format!("The specified region '{}' does not exist", short(name));
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let endpoint = caller.endpoint.to_string();
    let regions = caller.regions.iter().map(|info| Region { info: info.clone(), endpoint: endpoint.clone() });
    let shown: Vec<Region> = regions
        .filter(|region| names.is_empty() || names.contains(&region.info.name))
        .filter(|region| filters.pass_untagged(region, FILTERS))
        .collect();
    Ok(Work::read(move |_, xml| {
        xml.set("regionInfo", shown, |xml, region| {
            xml.text("regionName", &region.info.name);
            xml.text("regionEndpoint", &region.endpoint);
            xml.text("optInStatus", "opt-in-not-required");
        });
        Ok(())
    }))
}
