//! ModifySubnetAttribute.

use pintle_core::Command;
use pintle_core::command::UpdateSubnet;
use pintle_core::model::HostnameType;

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "ModifySubnetAttribute",
    "one attribute a request; those of Outposts are refused, and DNS64, for there is no name server",
    decode,
);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let id = params.required_id("SubnetId")?;
    let hostname_type = hostname_type(params)?;
    outposts(params)?;
    let mut value = |name: &str| Ok::<_, Ec2Error>(params.structure(name, |inner| inner.flag("Value"))?.flatten());
    let dns64 = value("EnableDns64")?;
    let update = UpdateSubnet {
        map_public_ip: value("MapPublicIpOnLaunch")?,
        auto_assign_ipv6: value("AssignIpv6AddressOnCreation")?,
        resource_name_a: value("EnableResourceNameDnsARecordOnLaunch")?,
        resource_name_aaaa: value("EnableResourceNameDnsAAAARecordOnLaunch")?,
        hostname_type,
        ..UpdateSubnet::default()
    };
    if dns64 == Some(true) {
        let message = "DNS64 is not supported: there is no name server that could make addresses up";
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    let flags = [update.map_public_ip, update.auto_assign_ipv6, update.resource_name_a, update.resource_name_aaaa];
    match flags.iter().flatten().count() + usize::from(dns64.is_some()) + usize::from(update.hostname_type.is_some()) {
        0 => Err(Ec2Error::missing("MapPublicIpOnLaunch")),
        1 => Ok(Work::done(Command::UpdateSubnet(id, update))),
        _ => Err(Ec2Error::combination("Only one attribute of a subnet can be modified at a time")),
    }
}

fn hostname_type(params: &mut Params) -> Result<Option<HostnameType>, Ec2Error> {
    const NAME: &str = "PrivateDnsHostnameTypeOnLaunch";
    params
        .text(NAME)
        .map(|text| match text.as_str() {
            "ip-name" => Ok(HostnameType::IpName),
            "resource-name" => Ok(HostnameType::ResourceName),
            other => Err(Ec2Error::value(NAME, other, "It must be ip-name or resource-name.")),
        })
        .transpose()
}

/// What only subnets on an Outpost have: none is on one. Turning it off changes nothing.
fn outposts(params: &mut Params) -> Result<(), Ec2Error> {
    let customer_owned = params.structure("MapCustomerOwnedIpOnLaunch", |inner| inner.flag("Value"))?.flatten();
    let pool = params.text("CustomerOwnedIpv4Pool");
    let device: Option<u32> = params.number("EnableLniAtDeviceIndex", 0..=u32::MAX)?;
    params.structure("DisableLniAtDeviceIndex", |inner| inner.flag("Value"))?;
    let given = [
        ("MapCustomerOwnedIpOnLaunch", customer_owned.filter(|on| *on).map(|on| on.to_string())),
        ("CustomerOwnedIpv4Pool", pool),
        ("EnableLniAtDeviceIndex", device.map(|index| index.to_string())),
    ];
    match given.into_iter().find_map(|(name, value)| Some((name, value?))) {
        Some((name, value)) => Err(Ec2Error::value(name, &value, "The subnet is not on an Outpost.")),
        None => Ok(()),
    }
}
