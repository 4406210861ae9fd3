//! DescribeAccountAttributes.

use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, limits, query, quota};

use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeAccountAttributes", "the attributes that Pintle has a value for", decode);

const NAMES: &[&str] = &[
    "default-vpc",
    "max-elastic-ips",
    "max-instances",
    "supported-platforms",
    "vpc-max-elastic-ips",
    "vpc-max-security-groups-per-interface",
];

/// An attribute's value; `None` for a number that nothing limits.
fn value(name: &str, snapshot: &dyn Snapshot, caller: &Caller) -> Result<Option<String>, DecideError> {
    let limit = |noun| {
        let limits = query::limits(snapshot, caller.account)?;
        Ok(quota::of(noun).map(|quota| limits.limit(quota).to_string()))
    };
    match name {
        "default-vpc" => {
            let id = query::default_vpc(snapshot, &caller.owner())?;
            Ok(Some(id.map_or_else(|| "none".to_owned(), |id| id.to_string())))
        }
        "max-elastic-ips" | "vpc-max-elastic-ips" => limit(Noun::FloatingIp),
        "max-instances" => limit(Noun::Instance),
        "vpc-max-security-groups-per-interface" => Ok(Some(limits::GROUPS_PER_INTERFACE.to_string())),
        _ => Ok(Some("VPC".to_owned())),
    }
}

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let names = params.texts("AttributeName")?;
    if let Some(name) = names.iter().find(|name| NAMES.iter().all(|known| known != name)) {
        let message = format!("Invalid attribute name: {}", short(name));
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let caller = caller.clone();
    Ok(Work::read(move |snapshot, xml| {
        let asked = |name: &&&str| names.is_empty() || names.iter().any(|asked| asked == **name);
        let mut shown = Vec::new();
        for name in NAMES.iter().filter(asked) {
            shown.extend(value(name, snapshot, &caller)?.map(|value| (name, value)));
        }
        xml.set("accountAttributeSet", shown, |xml, (name, value)| {
            xml.text("attributeName", name);
            xml.set("attributeValueSet", [value], |xml, value| xml.text("attributeValue", value));
        });
        Ok(())
    }))
}
