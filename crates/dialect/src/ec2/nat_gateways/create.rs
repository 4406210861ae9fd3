//! CreateNatGateway.

use std::net::Ipv4Addr;

use pintle_core::command::CreateNatGateway;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::show::NatView;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateNatGateway", "public ones in one subnet, with one address", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let subnet = params.required_id("SubnetId")?;
    refuse_what_is_not_built(params)?;
    let floating_ip = params.required_id("AllocationId")?;
    let address: Option<Ipv4Addr> = params.parsed("PrivateIpAddress", "an IPv4 address")?;
    params.tagged("natgateway", Noun::PublicGateway)?;
    let token = params.client_token()?;
    let command = Command::CreateNatGateway(CreateNatGateway { subnet, floating_ip, address });
    Ok(Work::change(command, move |snapshot, reply, xml| {
        let Reply::PublicGateway(gateway) = reply else { return Err(other_reply(&reply)) };
        let tags = query::tags(snapshot, &gateway)?;
        let view = NatView::read(snapshot, gateway.id)?;
        xml.option("clientToken", token);
        xml.nest("natGateway", |xml| view.write_item(xml, &caller, &tags));
        Ok(())
    }))
}

fn refuse_what_is_not_built(params: &mut Params) -> Result<(), Ec2Error> {
    for (name, built, rule) in [
        ("ConnectivityType", "public", "NAT gateways translate to a public address; private ones are not built."),
        ("AvailabilityMode", "zonal", "NAT gateways lie in one subnet; regional ones are not built."),
    ] {
        if let Some(given) = params.text(name).filter(|given| given != built) {
            return Err(Ec2Error::value(name, &given, rule));
        }
    }
    if let Some(vpc) = params.text("VpcId") {
        return Err(Ec2Error::value("VpcId", &vpc, "NAT gateways lie in one subnet: name that by SubnetId."));
    }
    let more = !params.texts("SecondaryAllocationId")?.is_empty()
        || !params.texts("SecondaryPrivateIpAddress")?.is_empty()
        || params.number("SecondaryPrivateIpAddressCount", 0..=31_u8)?.is_some_and(|count| count > 0);
    if more {
        let message = "A NAT gateway has one address; parameters for secondary ones are not supported";
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    Ok(())
}
