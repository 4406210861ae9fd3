//! AssociateRouteTable.

use pintle_core::{Command, Reply};

use super::show::write_associated;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("AssociateRouteTable", "with subnets; not with gateways", |params, _| {
        for gateway in ["GatewayId", "PublicIpv4Pool"] {
            if let Some(given) = params.text(gateway) {
                let rule = "Route tables are associated with subnets only.";
                return Err(Ec2Error::value(gateway, &given, rule));
            }
        }
        let table = params.required_id("RouteTableId")?;
        let command = Command::AssociateRouteTable(params.required_id("SubnetId")?, table);
        Ok(Work::change(command, |_, reply, xml| {
            let Reply::RouteAssociation(made) = reply else { return Err(other_reply(&reply)) };
            xml.text("associationId", made.id);
            write_associated(xml);
            Ok(())
        }))
    });
