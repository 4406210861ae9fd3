//! DescribeInstanceTypes and DescribeInstanceTypeOfferings: the table of instance types.

use pintle_core::instance_type::{self, Ena, InstanceType};

use crate::ec2::caller::Caller;
use crate::ec2::describe::{bad_token, fingerprint, open_token, seal_token};
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation = Operation::read(
    "DescribeInstanceTypes",
    "all types with what concerns processors, memory and the network; no disks, no accelerators",
    types,
);

pub(in crate::ec2) const OFFERINGS: Operation =
    Operation::read("DescribeInstanceTypeOfferings", "every type is offered everywhere", offerings);

type Kind = &'static InstanceType;
type Def = FilterDef<Kind>;

fn one(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
}

fn known(value: Option<impl ToString>) -> Vec<String> {
    value.into_iter().map(|value| value.to_string()).collect()
}

const FILTERS: &[Def] = &[
    Def { name: "bare-metal", values: |kind, _| one(kind.bare_metal) },
    Def { name: "burstable-performance-supported", values: |kind, _| one(kind.burstable) },
    Def { name: "current-generation", values: |kind, _| one(kind.current) },
    Def { name: "free-tier-eligible", values: |kind, _| one(kind.free_tier) },
    Def { name: "hypervisor", values: |kind, _| known(kind.hypervisor) },
    Def { name: "instance-type", values: |kind, _| one(kind.name) },
    Def { name: "memory-info.size-in-mib", values: |kind, _| known(kind.memory_mib) },
    Def { name: "network-info.efa-info.maximum-efa-interfaces", values: |kind, _| one(kind.efa_interfaces) },
    Def { name: "network-info.efa-supported", values: |kind, _| one(kind.efa_interfaces > 0) },
    Def { name: "network-info.ena-support", values: |kind, _| one(ena(kind)) },
    Def { name: "network-info.ipv4-addresses-per-interface", values: |kind, _| one(kind.ipv4_per_interface) },
    Def { name: "network-info.ipv6-addresses-per-interface", values: |kind, _| one(kind.ipv6_per_interface) },
    Def { name: "network-info.ipv6-supported", values: |kind, _| one(kind.ipv6_per_interface > 0) },
    Def { name: "network-info.maximum-network-cards", values: |kind, _| one(kind.cards.len()) },
    Def { name: "network-info.maximum-network-interfaces", values: |kind, _| one(kind.interfaces()) },
    Def { name: "network-info.network-performance", values: |kind, _| known(kind.performance) },
    Def {
        name: "processor-info.supported-architecture",
        values: |kind, _| kind.architectures.iter().map(ToString::to_string).collect(),
    },
    Def { name: "supported-root-device-type", values: |_, _| one("ebs") },
    Def { name: "supported-usage-class", values: |_, _| one("on-demand") },
    Def { name: "supported-virtualization-type", values: |_, _| one("hvm") },
    Def { name: "vcpu-info.default-vcpus", values: |kind, _| known(kind.vcpus) },
    Def { name: "vcpu-info.default-cores", values: |kind, _| known(kind.cores) },
];

fn ena(kind: Kind) -> &'static str {
    match kind.ena {
        Ena::Required => "required",
        Ena::Supported => "supported",
        Ena::Unsupported => "unsupported",
    }
}

/// A page of what a list has, from the name in the token on.
fn page<T: Clone>(
    all: Vec<T>,
    name: impl Fn(&T) -> String,
    limit: Option<usize>,
    start: Option<String>,
) -> (Vec<T>, Option<String>) {
    let mut rest = all.into_iter().filter(|one| start.as_ref().is_none_or(|start| name(one) >= *start));
    let shown: Vec<T> = rest.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let next = rest.next().map(|one| name(&one));
    (shown, next)
}

fn types(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    params.leave("IncludeUnsupportedInRegion");
    let token = params.text("NextToken").filter(|token| !token.is_empty());
    let limit = params.number("MaxResults", 5..=100)?;
    let query = fingerprint(params, "instanceTypeSet", caller);
    let names = params.texts("InstanceType")?;
    let filters = Filters::read(params, FILTERS)?;
    if !names.is_empty() && limit.is_some() {
        return Err(Ec2Error::combination("The parameter InstanceType cannot be used with the parameter MaxResults"));
    }
    if let Some(unknown) = names.iter().find(|name| instance_type::find(name).is_none()) {
        let message = format!("The following supplied instance types do not exist: [{}]", short(unknown));
        return Err(Ec2Error::new("InvalidInstanceType", message));
    }
    let start = token.map(|token| open_token(&token, &query)).transpose()?;
    let mut all: Vec<Kind> = match names.len() {
        0 => instance_type::all().collect(),
        _ => names.iter().filter_map(|name| instance_type::find(name)).collect(),
    };
    all.retain(|kind| filters.pass_untagged(kind, FILTERS));
    let limit = limit.or(names.is_empty().then_some(100));
    let (shown, next) = page(all, |kind| kind.name.to_owned(), limit, start);
    Ok(Work::read(move |_, xml| {
        xml.set("instanceTypeSet", shown, write);
        xml.option("nextToken", next.map(|place| seal_token(&place, &query)));
        Ok(())
    }))
}

fn write(xml: &mut Xml, kind: Kind) {
    xml.text("instanceType", kind.name);
    xml.text("currentGeneration", kind.current);
    xml.text("freeTierEligible", kind.free_tier);
    xml.set("supportedUsageClasses", ["on-demand"], item);
    xml.set("supportedRootDeviceTypes", ["ebs"], item);
    xml.set("supportedVirtualizationTypes", ["hvm"], item);
    xml.text("bareMetal", kind.bare_metal);
    xml.option("hypervisor", kind.hypervisor);
    xml.nest("processorInfo", |xml| xml.set("supportedArchitectures", &kind.architectures, |xml, one| item(xml, one)));
    if let (Some(vcpus), Some(cores)) = (kind.vcpus, kind.cores) {
        xml.nest("vCpuInfo", |xml| {
            xml.text("defaultVCpus", vcpus);
            xml.text("defaultCores", cores);
            xml.option("defaultThreadsPerCore", vcpus.checked_div(cores));
        });
    }
    if let Some(memory) = kind.memory_mib {
        xml.nest("memoryInfo", |xml| xml.text("sizeInMiB", memory));
    }
    xml.text("instanceStorageSupported", false);
    xml.nest("networkInfo", |xml| write_network(xml, kind));
    xml.text("hibernationSupported", false);
    xml.text("burstablePerformanceSupported", kind.burstable);
    xml.text("dedicatedHostsSupported", false);
    xml.text("autoRecoverySupported", false);
}

/// An item of a set of plain values.
fn item(xml: &mut Xml, value: &str) {
    xml.itself(value);
}

fn write_network(xml: &mut Xml, kind: Kind) {
    xml.option("networkPerformance", kind.performance);
    xml.text("maximumNetworkInterfaces", kind.interfaces());
    xml.text("maximumNetworkCards", kind.cards.len());
    xml.text("defaultNetworkCardIndex", 0);
    xml.set("networkCards", kind.cards.iter().enumerate(), |xml, (index, card)| {
        xml.text("networkCardIndex", index);
        xml.option("networkPerformance", kind.performance.filter(|_| kind.cards.len() == 1));
        xml.text("maximumNetworkInterfaces", card.interfaces);
    });
    xml.text("ipv4AddressesPerInterface", kind.ipv4_per_interface);
    xml.text("ipv6AddressesPerInterface", kind.ipv6_per_interface);
    xml.text("ipv6Supported", kind.ipv6_per_interface > 0);
    xml.text("enaSupport", ena(kind));
    xml.text("efaSupported", kind.efa_interfaces > 0);
    if kind.efa_interfaces > 0 {
        xml.nest("efaInfo", |xml| xml.text("maximumEfaInterfaces", kind.efa_interfaces));
    }
}

/// A type in a place.
#[derive(Clone)]
struct Offering {
    kind: Kind,
    location: String,
}

const OFFERING_FILTERS: &[FilterDef<Offering>] = &[
    FilterDef { name: "instance-type", values: |offering, _| one(offering.kind.name) },
    FilterDef { name: "location", values: |offering, _| one(&offering.location) },
];

fn offerings(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let token = params.text("NextToken").filter(|token| !token.is_empty());
    let limit = params.number("MaxResults", 5..=1000)?;
    let query = fingerprint(params, "instanceTypeOfferingSet", caller);
    let by = params.text("LocationType").unwrap_or_else(|| "region".to_owned());
    let filters = Filters::read(params, OFFERING_FILTERS)?;
    let locations: Vec<String> = match by.as_str() {
        "region" => vec![caller.region.clone()],
        "availability-zone" => caller.zones().to_vec(),
        "availability-zone-id" => caller.zones().iter().map(|zone| caller.zone_id(zone)).collect(),
        "outpost" => Vec::new(),
        other => {
            let rule = "It must be region, availability-zone, availability-zone-id or outpost.";
            return Err(Ec2Error::value("LocationType", other, rule));
        }
    };
    let start = token.map(|token| open_token(&token, &query)).transpose()?;
    if start.as_ref().is_some_and(|start| !start.contains(' ')) {
        return Err(bad_token());
    }
    let all = instance_type::all()
        .flat_map(|kind| locations.iter().map(move |location| Offering { kind, location: location.clone() }))
        .filter(|offering| filters.pass_untagged(offering, OFFERING_FILTERS))
        .collect();
    let name = |offering: &Offering| format!("{} {}", offering.kind.name, offering.location);
    let (shown, next) = page(all, name, limit.or(Some(1000)), start);
    Ok(Work::read(move |_, xml| {
        xml.set("instanceTypeOfferingSet", shown, |xml, offering| {
            xml.text("instanceType", offering.kind.name);
            xml.text("locationType", &by);
            xml.text("location", offering.location);
        });
        xml.option("nextToken", next.map(|place| seal_token(&place, &query)));
        Ok(())
    }))
}
