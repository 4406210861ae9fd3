//! RunInstances.

use pintle_core::command::{CreateInstance, CreateInstances, NewLaunch};
use pintle_core::id::{InstanceId, SecurityGroupId, SubnetId, VpcId};
use pintle_core::limits::LAUNCHED_AT_ONCE;
use pintle_core::model::{Namespace, ResourceType, SecurityGroup, Subnet, Vni};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, query, record};

use super::launch::Interfaces;
use super::notes;
use super::show::{InstanceView, write_reservations};
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Class, Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::view::{Scope, by_name};

pub(in crate::ec2) const OPERATION: Operation = Operation {
    class: Class::Instance,
    ..Operation::change(
        "RunInstances",
        "network namespaces on hosts of the zone, with their interfaces; any `ami-…` will do, and what concerns disks, \
         processors and metadata is kept and shown only",
        decode,
    )
};

/// What EC2 launches when nobody says what.
const DEFAULT_TYPE: &str = "m1.small";

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let image = image(params)?;
    let most = params.number("MaxCount", 1..=LAUNCHED_AT_ONCE)?.ok_or_else(|| Ec2Error::missing("MaxCount"))?;
    let least = params.number("MinCount", 1..=LAUNCHED_AT_ONCE)?.ok_or_else(|| Ec2Error::missing("MinCount"))?;
    if least > most {
        return Err(Ec2Error::combination("MinCount must be less than or equal to MaxCount"));
    }
    let interfaces = Interfaces::read(params)?;
    if let (Some(what), true) = (interfaces.only_once(), most > 1) {
        return Err(Ec2Error::combination(format!("A {what} cannot be used when launching more than one instance")));
    }
    let zone = ZoneChoice::read(params, &caller)?;
    let mut notes = notes::of_launch(params)?;
    let token = params.client_token()?;
    notes.extend(token.map(|token| ("client-token".to_owned(), token)));
    params.tagged_any(&[("instance", Noun::Instance), ("network-interface", Noun::Vni), ("volume", Noun::Resource)])?;
    let launch = NewLaunch {
        kind: Some(params.text("InstanceType").unwrap_or_else(|| DEFAULT_TYPE.to_owned())),
        image,
        delete_protected: params.flag("DisableApiTermination")?.unwrap_or(false),
        stop_protected: params.flag("DisableApiStop")?.unwrap_or(false),
        notes,
        alone: false,
    };
    leave(params)?;
    let told = caller.clone();
    // An interface that is there says which subnet it is.
    let of: &[ResourceType] = match interfaces.primary.existing() {
        Some(_) => &[ResourceType::Vni, ResourceType::Subnet, ResourceType::SecurityGroup],
        None => &[ResourceType::Subnet, ResourceType::SecurityGroup],
    };
    Ok(Work::planned(
        of,
        move |snapshot| plan(snapshot, &caller, interfaces.clone(), &zone, launch.clone(), [least, most]),
        move |snapshot, reply, xml| {
            let ids = launched(&reply)?;
            let views = ids.iter().map(|id| InstanceView::of_id(snapshot, *id)).collect::<Result<Vec<_>, _>>()?;
            write_reservations(xml, &views, &told, None);
            Ok(())
        },
    ))
}

fn image(params: &mut Params) -> Result<String, Ec2Error> {
    let image = params.required_text("ImageId")?;
    let known = image.strip_prefix("ami-").is_some_and(|rest| {
        !rest.is_empty() && rest.len() <= 60 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    if !known {
        let message = format!("Invalid id: \"{}\" (expecting \"ami-...\")", short(&image));
        return Err(Ec2Error::new("InvalidAMIID.Malformed", message));
    }
    Ok(image)
}

/// What is taken and means nothing here, and what can't be had.
fn leave(params: &mut Params) -> Result<(), Ec2Error> {
    for name in ["BlockDeviceMapping", "KernelId", "RamdiskId", "AdditionalInfo", "EnablePrimaryIpv6"] {
        params.leave(name);
    }
    for name in ["AvailabilityZone", "Affinity", "PartitionNumber", "GroupId", "SpreadDomain"] {
        params.leave(&format!("Placement.{name}"));
    }
    if let Some(market) = params.text("InstanceMarketOptions.MarketType").filter(|market| market != "on-demand") {
        let message =
            format!("There is no market for instances here: InstanceMarketOptions.MarketType={}", short(&market));
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    for (name, code) in [
        ("LaunchTemplateId", "InvalidLaunchTemplateId.NotFound"),
        ("LaunchTemplateName", "InvalidLaunchTemplateName.NotFoundException"),
    ] {
        if let Some(template) = params.text(&format!("LaunchTemplate.{name}")) {
            let message = format!("The specified launch template, {}, does not exist.", short(&template));
            return Err(Ec2Error::new(code, message));
        }
    }
    Ok(())
}

/// The zone that a request asks for, if it does.
struct ZoneChoice(Option<String>);

impl ZoneChoice {
    fn read(params: &mut Params, caller: &Caller) -> Result<Self, Ec2Error> {
        let by_id = params.text("Placement.AvailabilityZoneId");
        let by_name = params.text("Placement.AvailabilityZone").filter(|zone| !zone.is_empty());
        let found = match (&by_name, &by_id) {
            (None, None) => return Ok(ZoneChoice(None)),
            (Some(name), _) => caller.zones().iter().find(|zone| *zone == name),
            (None, Some(id)) => caller.zones().iter().find(|zone| caller.zone_id(zone) == *id),
        };
        let given = by_name.or(by_id).unwrap_or_default();
        let unknown = || Ec2Error::value("Placement.AvailabilityZone", &given, "It is no zone of this region.");
        Ok(ZoneChoice(Some(found.ok_or_else(unknown)?.clone())))
    }
}

fn plan(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    mut interfaces: Interfaces,
    zone: &ZoneChoice,
    launch: NewLaunch,
    [least, most]: [u32; 2],
) -> Result<Command, Ec2Error> {
    let subnet = match (interfaces.primary.subnet(), interfaces.primary.existing()) {
        (Some(subnet), _) => subnet,
        (None, Some(vni)) => query::get_for::<Vni>(snapshot, &caller.actor(), vni)?.0.subnet,
        (None, None) => default_subnet(snapshot, caller, zone.0.as_deref())?,
    };
    let (subnet, _) = query::get_for::<Subnet>(snapshot, &caller.actor(), subnet)?;
    if let Some(zone) = zone.0.as_ref().filter(|zone| **zone != subnet.zone) {
        let rule = format!("Subnet {} is in zone {}.", subnet.id, subnet.zone);
        return Err(Ec2Error::value("Placement.AvailabilityZone", zone, rule));
    }
    let groups = named_groups(snapshot, caller, subnet.vpc, &interfaces.group_names)?;
    interfaces.primary.add_groups(groups);
    interfaces.all().for_each(|one| one.settle(subnet.id));
    let each = CreateInstance {
        name: None,
        vpc: subnet.vpc,
        host: None,
        zone: Some(subnet.zone),
        namespace: Namespace::Made,
        bandwidth_kbps: None,
        ips_per_interface: None,
        launch: Some(Box::new(launch)),
        primary: Some(interfaces.primary.attachment()),
        attachments: interfaces.others.into_iter().map(super::launch::Interface::attachment).collect(),
        ..CreateInstance::of(subnet.vpc)
    };
    Ok(Command::CreateInstances(Box::new(CreateInstances { each, least, most })))
}

/// The default subnet of a zone, or of the first zone that has one.
fn default_subnet(snapshot: &dyn Snapshot, caller: &Caller, zone: Option<&str>) -> Result<SubnetId, Ec2Error> {
    let message = "No default VPC for this user. A subnet must be specified.";
    let vpc = query::default_vpc(snapshot, &caller.owner())?;
    let vpc = vpc.ok_or_else(|| Ec2Error::new("VPCIdNotSpecified", message))?;
    let mut subnets = Vec::new();
    for id in query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc))? {
        let (subnet, _) = query::get::<Subnet>(snapshot, id)?;
        if subnet.default && zone.is_none_or(|zone| zone == subnet.zone) {
            subnets.push((subnet.zone, subnet.id));
        }
    }
    subnets.sort_unstable();
    let (_, subnet) = subnets.into_iter().next().ok_or_else(|| {
        let place = zone.map_or_else(|| "any zone".to_owned(), |zone| format!("zone {zone}"));
        Ec2Error::new("MissingInput", format!("The default VPC {vpc} has no default subnet in {place}: name a subnet"))
    })?;
    Ok(subnet)
}

fn named_groups(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    vpc: VpcId,
    names: &[String],
) -> Result<Vec<SecurityGroupId>, Ec2Error> {
    let mut groups = Vec::with_capacity(names.len());
    for name in names {
        let found = by_name::<SecurityGroup>(snapshot, Some(&caller.owner()), name, Scope::Vpc(vpc))?;
        let Some(id) = found.first() else {
            let message = format!("The security group '{}' does not exist in VPC '{vpc}'", short(name));
            return Err(Ec2Error::new("InvalidGroup.NotFound", message));
        };
        groups.push(*id);
    }
    Ok(groups)
}

/// The instances that a reply speaks of, also when it is a former one told again.
fn launched(reply: &Reply) -> Result<Vec<InstanceId>, Ec2Error> {
    match reply {
        Reply::Instance(instance) => Ok(vec![instance.id]),
        Reply::Batch(replies) => {
            Ok(replies.iter().map(launched).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        other => Err(other_reply(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::notes::Notes;
    use super::*;

    fn read(form: &str) -> Result<Notes, Ec2Error> {
        let mut params = Params::parse(form.as_bytes()).unwrap();
        let notes = notes::of_launch(&mut params)?;
        params.finish()?;
        Ok(notes)
    }

    #[test]
    fn what_means_nothing_here_is_kept_as_it_is() {
        let notes = read("KeyName=mine&EbsOptimized=True&MetadataOptions.HttpTokens=required&UserData=aGk=").unwrap();
        let kept: Vec<_> = notes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("ebs-optimized", "true"), ("key-name", "mine"), ("metadata-tokens", "required"), ("user-data", "aGk=")];
        assert_eq!(kept, expected);
        assert_eq!(read("UserData=%25").unwrap_err().code, "InvalidUserData.Malformed");
        assert_eq!(read("Monitoring.Enabled=perhaps").unwrap_err().code, "InvalidParameterValue");
    }
}
