//! DescribeNetworkInterfaceAttribute: one attribute of one interface.

use super::show::InterfaceView;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation = Operation::read("DescribeNetworkInterfaceAttribute", "whole", decode);

#[derive(Debug, Clone, Copy)]
enum Attribute {
    Description,
    Groups,
    SourceDestCheck,
    Attachment,
    PublicAddress,
}

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let id = params.required_id("NetworkInterfaceId")?;
    let attribute = params.required_text("Attribute")?;
    let attribute = match attribute.as_str() {
        "description" => Attribute::Description,
        "groupSet" => Attribute::Groups,
        "sourceDestCheck" => Attribute::SourceDestCheck,
        "attachment" => Attribute::Attachment,
        "associatePublicIpAddress" => Attribute::PublicAddress,
        other => {
            let rule = "It must be description, groupSet, sourceDestCheck, attachment or associatePublicIpAddress.";
            return Err(Ec2Error::value("Attribute", other, rule));
        }
    };
    Ok(Work::read(move |snapshot, xml| {
        let view = InterfaceView::read_for(snapshot, &caller.actor(), id)?;
        xml.text("networkInterfaceId", id);
        match attribute {
            Attribute::Description => xml.nest("description", |xml| xml.text("value", view.description())),
            Attribute::Groups => view.write_groups(xml),
            Attribute::SourceDestCheck => {
                xml.nest("sourceDestCheck", |xml| xml.text("value", view.vni().source_dest_check));
            }
            Attribute::Attachment => view.write_attachment(xml),
            Attribute::PublicAddress => xml.text("associatePublicIpAddress", view.has_own_public_address()),
        }
        Ok(())
    }))
}
