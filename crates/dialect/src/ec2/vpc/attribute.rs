//! DescribeVpcAttribute and ModifyVpcAttribute.

use pintle_core::command::UpdateVpc;
use pintle_core::id::VpcId;
use pintle_core::model::Vpc;
use pintle_core::{Command, query};

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const DESCRIBE: Operation = Operation::read(
    "DescribeVpcAttribute",
    "enableDnsSupport, enableDnsHostnames, enableNetworkAddressUsageMetrics",
    describe,
);

pub(in crate::ec2) const MODIFY: Operation = Operation::change(
    "ModifyVpcAttribute",
    "one attribute a request; they are kept and shown: there is no name server and no such metric yet",
    modify,
);

fn describe(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let id: VpcId = params.required_id("VpcId")?;
    let attribute = params.required_text("Attribute")?;
    let (name, of): (_, fn(&Vpc) -> bool) = match attribute.as_str() {
        "enableDnsSupport" => ("enableDnsSupport", |vpc| vpc.dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", |vpc| vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", |vpc| vpc.usage_metrics),
        other => {
            let rule = "It must be enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics.";
            return Err(Ec2Error::value("Attribute", other, rule));
        }
    };
    let actor = caller.actor();
    Ok(Work::read(move |snapshot, xml| {
        let (vpc, _) = query::get_for::<Vpc>(snapshot, &actor, id)?;
        xml.text("vpcId", vpc.id);
        xml.nest(name, |xml| xml.text("value", of(&vpc)));
        Ok(())
    }))
}

fn modify(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let id = params.required_id("VpcId")?;
    let mut value = |name: &str| Ok::<_, Ec2Error>(params.structure(name, |inner| inner.flag("Value"))?.flatten());
    let update = UpdateVpc {
        dns_support: value("EnableDnsSupport")?,
        dns_hostnames: value("EnableDnsHostnames")?,
        usage_metrics: value("EnableNetworkAddressUsageMetrics")?,
        ..UpdateVpc::default()
    };
    match [update.dns_support, update.dns_hostnames, update.usage_metrics].iter().flatten().count() {
        0 => Err(Ec2Error::missing("EnableDnsSupport")),
        1 => Ok(Work::done(Command::UpdateVpc(id, update))),
        _ => Err(Ec2Error::combination("Only one attribute of a VPC can be modified at a time")),
    }
}
