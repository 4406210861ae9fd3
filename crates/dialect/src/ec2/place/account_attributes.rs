//! DescribeAccountAttributes.

use pintle_core::limits;

use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeAccountAttributes", "the attributes that Pintle has a value for", decode);

const NAMES: &[&str] = &["supported-platforms", "vpc-max-security-groups-per-interface"];

fn value(name: &str) -> String {
    match name {
        "vpc-max-security-groups-per-interface" => limits::GROUPS_PER_INTERFACE.to_string(),
        _ => "VPC".to_owned(),
    }
}

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let names = params.texts("AttributeName")?;
    if let Some(name) = names.iter().find(|name| NAMES.iter().all(|known| known != name)) {
        let message = format!("Invalid attribute name: {}", short(name));
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(Work::read(move |_, xml| {
        let shown = NAMES.iter().filter(|name| names.is_empty() || names.iter().any(|asked| asked == *name));
        xml.set("accountAttributeSet", shown, |xml, name| {
            xml.text("attributeName", name);
            xml.set("attributeValueSet", [value(name)], |xml, value| xml.text("attributeValue", value));
        });
        Ok(())
    }))
}
