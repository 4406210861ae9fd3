//! MoveAddressToVpc: every address is for VPCs already.

use std::net::Ipv4Addr;

use super::by_address;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("MoveAddressToVpc", "says of each address that it is for VPCs already", |params, caller| {
        let address: Option<Ipv4Addr> = params.parsed("PublicIp", "an IPv4 address")?;
        let address = address.ok_or_else(|| Ec2Error::missing("PublicIp"))?;
        let actor = caller.actor();
        Ok(Work::read(move |snapshot, xml| {
            let found = by_address(snapshot, &actor, address)?;
            xml.text("allocationId", found.id);
            xml.text("status", "InVpc");
            Ok(())
        }))
    });
