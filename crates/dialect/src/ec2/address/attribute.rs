//! DescribeAddressesAttribute, ModifyAddressAttribute, ResetAddressAttribute: the domain name that an address is to have.

use pintle_core::id::FloatingIpId;
use pintle_core::model::{FloatingIp, Tags};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{Command, DecideError, Reply};

use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;
use crate::view::View;

pub(in crate::ec2) const DESCRIBE: Operation =
    Operation::read("DescribeAddressesAttribute", "whole: domain-name", |params, caller| {
        check_name(params.text("Attribute"))?;
        describe::list::<Attribute>(params, caller, 1)
    });

pub(in crate::ec2) const MODIFY: Operation = Operation::change(
    "ModifyAddressAttribute",
    "keeps the domain name for whoever runs the zone of the addresses' names; Pintle runs none",
    |params, _| {
        let id = params.required_id("AllocationId")?;
        let domain = params.required_text("DomainName")?;
        Ok(set(id, Some(domain)))
    },
);

pub(in crate::ec2) const RESET: Operation =
    Operation::change("ResetAddressAttribute", "whole: domain-name", |params: &mut Params, _| {
        let id = params.required_id("AllocationId")?;
        check_name(Some(params.required_text("Attribute")?))?;
        Ok(set(id, None))
    });

fn check_name(name: Option<String>) -> Result<(), Ec2Error> {
    match name.as_deref() {
        None | Some("domain-name") => Ok(()),
        Some(other) => Err(Ec2Error::value("Attribute", other, "It must be domain-name.")),
    }
}

fn set(id: FloatingIpId, domain: Option<String>) -> Work {
    Work::change(Command::NameFloatingIpDomain(id, domain), |_, reply, xml| {
        let Reply::FloatingIp(ip) = reply else { return Err(other_reply(&reply)) };
        xml.nest("address", |xml| write(&ip, xml));
        Ok(())
    })
}

fn write(ip: &FloatingIp, xml: &mut Xml) {
    xml.text("publicIp", ip.address);
    xml.text("allocationId", ip.id);
    xml.option("ptrRecord", ip.domain_name.as_ref().map(|domain| format!("{domain}.")));
}

/// An address as far as it has attributes.
struct Attribute(FloatingIp);

impl View for Attribute {
    type Record = FloatingIp;
    fn join(_: &dyn Snapshot, record: FloatingIp, _: Revision) -> Result<Self, DecideError> {
        Ok(Attribute(record))
    }
}

impl Resource for Attribute {
    const SET: &'static str = "addressSet";
    const IDS: &'static str = "AllocationId";
    const FILTERS: &'static [FilterDef<Self>] = &[];

    fn candidates(_: &dyn Snapshot, _: &Filters) -> Result<Option<Vec<FloatingIpId>>, Ec2Error> {
        Ok(None)
    }

    fn hidden(ip: &FloatingIp) -> bool {
        ip.lent
    }

    fn write(&self, xml: &mut Xml, _: &Caller, _: &Tags) {
        write(&self.0, xml);
    }
}
