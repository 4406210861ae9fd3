//! CreateRoute, ReplaceRoute and DeleteRoute: three ways to say what a table does with a network.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::Command;
use pintle_core::command::{NewRoute, TargetChoice};

use crate::ec2::error::Ec2Error;
use crate::ec2::ids::parse_id;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const CREATE: Operation = Operation::change(
    "CreateRoute",
    "to internet gateways, NAT gateways, network interfaces and instances; networks only, no prefix lists",
    |params, _| {
        let command = Command::CreateRoute(params.required_id("RouteTableId")?, route(params)?);
        Ok(Work::done(command))
    },
);

pub(in crate::ec2) const REPLACE: Operation =
    Operation::change("ReplaceRoute", "as CreateRoute; the local route stays as it is", |params, _| {
        if params.flag("LocalTarget")? == Some(true) {
            let rule = "The local route can't be replaced, so there is nothing to reset it to.";
            return Err(Ec2Error::value("LocalTarget", "true", rule));
        }
        let command = Command::ReplaceRoute(params.required_id("RouteTableId")?, route(params)?);
        Ok(Work::done(command))
    });

pub(in crate::ec2) const DELETE: Operation =
    Operation::change("DeleteRoute", "whole; never the local route", |params, _| {
        let command = Command::DeleteRoute(params.required_id("RouteTableId")?, destination(params)?);
        Ok(Work::done(command))
    });

/// Targets that EC2 has and Pintle does not.
const OTHER_TARGETS: [&str; 8] = [
    "VpcEndpointId",
    "TransitGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "EgressOnlyInternetGatewayId",
    "VpcPeeringConnectionId",
];

fn route(params: &mut Params) -> Result<NewRoute, Ec2Error> {
    Ok(NewRoute { net: destination(params)?, to: target(params)? })
}

fn destination(params: &mut Params) -> Result<IpNet, Ec2Error> {
    if let Some(list) = params.text("DestinationPrefixListId") {
        let rule = "Routes lead to networks; create one for each network of the list.";
        return Err(Ec2Error::value("DestinationPrefixListId", &list, rule));
    }
    let v4: Option<Ipv4Net> = params.parsed("DestinationCidrBlock", "an IPv4 network such as 10.0.0.0/16")?;
    let v6: Option<Ipv6Net> = params.parsed("DestinationIpv6CidrBlock", "an IPv6 network such as 2001:db8::/32")?;
    match (v4, v6) {
        (Some(net), None) => Ok(net.into()),
        (None, Some(net)) => Ok(net.into()),
        (None, None) => Err(Ec2Error::missing("DestinationCidrBlock")),
        (Some(_), Some(_)) => {
            let message = "The parameter DestinationCidrBlock cannot be used with DestinationIpv6CidrBlock";
            Err(Ec2Error::combination(message))
        }
    }
}

fn target(params: &mut Params) -> Result<TargetChoice, Ec2Error> {
    for name in OTHER_TARGETS {
        if let Some(given) = params.text(name) {
            let rule = "Routes lead to internet gateways, NAT gateways, network interfaces and instances.";
            return Err(Ec2Error::value(name, &given, rule));
        }
    }
    let gateway = params.text("GatewayId").filter(|text| !text.is_empty());
    if gateway.as_deref() == Some("local") {
        return Err(Ec2Error::value("GatewayId", "local", "Every route table has its local route already."));
    }
    let given = [
        gateway.map(|text| parse_id(&text)).transpose()?.map(TargetChoice::InternetGateway),
        params.id("NatGatewayId")?.map(TargetChoice::PublicGateway),
        params.id("NetworkInterfaceId")?.map(TargetChoice::Vni),
        params.id("InstanceId")?.map(TargetChoice::Instance),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Ec2Error::missing("GatewayId")),
        (Some(_), Some(_)) => Err(Ec2Error::combination("A route has one target")),
    }
}
