//! CreateSubnet and CreateDefaultSubnet.

use pintle_core::command::{CreateSubnet, Ipv6Range};
use pintle_core::id::{SubnetId, VpcId};
use pintle_core::model::{ResourceType, Subnet, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, query, record};

use super::show::SubnetItem;
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::ranges::{self, SUBNET};
use crate::ec2::xml::Xml;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "CreateSubnet",
    "with IPv4, and IPv6 beside it; no IPv6-only subnets, no IPAM, no Outposts",
    decode,
);

pub(in crate::ec2) const DEFAULT: Operation =
    Operation::change("CreateDefaultSubnet", "whole; with IPv4", |params, caller| {
        native(params)?;
        let zone = zone(params, caller)?.ok_or_else(|| Ec2Error::missing("AvailabilityZone"))?;
        Ok(Work::change(Command::CreateDefaultSubnet(zone), tell))
    });

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let vpc = params.required_id("VpcId")?;
    native(params)?;
    let cidr = ranges::ipv4(params, "CidrBlock", SUBNET)?.ok_or_else(|| Ec2Error::missing("CidrBlock"))?;
    let ipv6 = ranges::ipv6(params, "Ipv6CidrBlock")?.map(Ipv6Range::Net);
    let zone = zone(params, caller)?;
    params.tagged("subnet", Noun::Subnet)?;
    let zones = caller.zones().to_vec();
    let plan = move |snapshot: &dyn Snapshot| {
        let zone = match &zone {
            Some(zone) => zone.clone(),
            None => emptiest(snapshot, vpc, &zones)?.ok_or_else(|| Ec2Error::missing("AvailabilityZone"))?,
        };
        let (name, acl, public_gateway) = (None, None, None);
        Ok(Command::CreateSubnet(CreateSubnet { vpc, name, zone, cidr, ipv6, acl, public_gateway }))
    };
    Ok(Work::planned(&[ResourceType::Vpc], plan, tell))
}

fn tell(snapshot: &dyn Snapshot, reply: Reply, xml: &mut Xml) -> Result<(), Ec2Error> {
    let Reply::Subnet(subnet) = reply else { return Err(other_reply(&reply)) };
    let tags = query::tags(snapshot, &subnet)?;
    let item = SubnetItem::read(snapshot, subnet.id)?;
    xml.nest("subnet", |xml| item.write_item(xml, &tags));
    Ok(())
}

/// Interfaces always have an IPv4 address.
fn native(params: &mut Params) -> Result<(), Ec2Error> {
    if params.flag("Ipv6Native")?.unwrap_or(false) {
        let message = "Subnets that have IPv6 only are not supported: interfaces always have an IPv4 address";
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    Ok(())
}

/// The zone that a request names, by its name or its id.
fn zone(params: &mut Params, caller: &Caller) -> Result<Option<String>, Ec2Error> {
    let zones = caller.zones();
    match (params.text("AvailabilityZone"), params.text("AvailabilityZoneId")) {
        (Some(_), Some(_)) => Err(Ec2Error::combination(
            "The parameters AvailabilityZone and AvailabilityZoneId may not be used together",
        )),
        (None, None) => Ok(None),
        // A region that names no zones has whichever its hosts are in.
        (Some(name), None) if zones.is_empty() || zones.contains(&name) => Ok(Some(name)),
        (Some(name), None) => Err(no_zone("availabilityZone", &name, zones.iter().map(String::as_str))),
        (None, Some(id)) => match zones.iter().find(|zone| caller.zone_id(zone) == id) {
            Some(zone) => Ok(Some(zone.clone())),
            None => {
                let ids: Vec<String> = zones.iter().map(|zone| caller.zone_id(zone)).collect();
                Err(no_zone("availabilityZoneId", &id, ids.iter().map(String::as_str)))
            }
        },
    }
}

fn no_zone<'a>(parameter: &str, given: &str, known: impl Iterator<Item = &'a str>) -> Ec2Error {
    let known = short(&known.collect::<Vec<_>>().join(", "));
    Ec2Error::value(parameter, given, format!("Subnets can be created in the following zones: {known}."))
}

/// Of the region's zones the first of those in which the VPC has the fewest subnets.
fn emptiest(snapshot: &dyn Snapshot, vpc: VpcId, zones: &[String]) -> Result<Option<String>, Ec2Error> {
    // That there is no such VPC, for who asks, is the command's to say.
    if query::find::<Vpc>(snapshot, vpc)?.is_none() {
        return Ok(zones.first().cloned());
    }
    let mut counts = vec![0usize; zones.len()];
    for id in query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc))? {
        let (subnet, _) = query::get::<Subnet>(snapshot, id)?;
        if let Some(place) = zones.iter().position(|zone| *zone == subnet.zone) {
            counts[place] += 1;
        }
    }
    Ok(zones.iter().zip(counts).min_by_key(|(_, count)| *count).map(|(zone, _)| zone.clone()))
}
