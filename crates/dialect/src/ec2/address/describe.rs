//! DescribeAddresses: all at once, without pages.

use std::net::Ipv4Addr;

use pintle_core::id::{AttachmentId, FloatingIpId, InstanceId, VniId};
use pintle_core::model::{Attachment, FloatingIp, PublicGateway, Tags, Vni};
use pintle_core::txn::Snapshot;
use pintle_core::{query, record};

use super::by_address;
use super::show::{AddressView, Led};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;
use crate::view::floating_ip_at;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeAddresses", "whole: ids, public addresses, filters with wildcards", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let addresses = params.list("PublicIp", |item| {
        let text = item.itself()?;
        text.parse().map_err(|_| Ec2Error::value("PublicIp", &text, "It must be an IPv4 address."))
    })?;
    let actor = caller.actor();
    describe::whole::<AddressView>(params, caller, move |snapshot| {
        let by = |address: Ipv4Addr| Ok(by_address(snapshot, &actor, address)?.id);
        addresses.into_iter().map(by).collect()
    })
}

type Def = FilterDef<AddressView>;

fn of_led(view: &AddressView, show: impl Fn(&Led) -> String) -> Vec<String> {
    view.led.iter().map(show).collect()
}

const FILTERS: &[Def] = &[
    Def { name: "allocation-id", values: |v, _| vec![v.ip.id.to_string()] },
    Def { name: "association-id", values: |v, _| v.ip.association.iter().map(ToString::to_string).collect() },
    Def { name: "domain", values: |_, _| vec!["vpc".to_owned()] },
    Def { name: "instance-id", values: |v, _| v.instance().iter().map(ToString::to_string).collect() },
    Def { name: "network-border-group", values: |v, _| vec![v.ip.zone.clone()] },
    Def { name: "network-interface-id", values: |v, _| of_led(v, |led| led.vni.id.to_string()) },
    Def { name: "network-interface-owner-id", values: |v, _| of_led(v, |led| led.vni.owner.account.to_string()) },
    Def { name: "private-ip-address", values: |v, _| of_led(v, |led| led.private.address.to_string()) },
    Def { name: "public-ip", values: |v, _| vec![v.ip.address.to_string()] },
];

impl Resource for AddressView {
    const SET: &'static str = "addressesSet";
    const IDS: &'static str = "AllocationId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<FloatingIpId>>, Ec2Error> {
        if let Some(ids) = filters.exact("allocation-id") {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(addresses) = filters.exact("public-ip") {
            let found = parsed::<Ipv4Addr>(&addresses).into_iter().map(|address| floating_ip_at(snapshot, address));
            return Ok(Some(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()));
        }
        if let Some(ids) = filters.exact("network-interface-id") {
            return leading_to(snapshot, &parsed(&ids)).map(Some);
        }
        if let Some(ids) = filters.exact("instance-id") {
            let instances: Vec<InstanceId> = parsed(&ids);
            let attachments: Vec<AttachmentId> =
                gathered(snapshot, &instances, |id| record::attachments_of_instance(*id))?;
            let mut vnis = Vec::new();
            for id in attachments {
                vnis.extend(query::follow_if_there::<Attachment>(snapshot, id)?.map(|(found, _)| found.vni));
            }
            return leading_to(snapshot, &vnis).map(Some);
        }
        Ok(None)
    }

    fn hidden(ip: &FloatingIp) -> bool {
        ip.lent
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        self.write_item(xml, tags);
    }
}

/// The addresses that are shown with these interfaces. A NAT gateway's leads to the gateway, not to its interface.
fn leading_to(snapshot: &dyn Snapshot, vnis: &[VniId]) -> Result<Vec<FloatingIpId>, Ec2Error> {
    let mut ids = gathered(snapshot, vnis, |id| record::floating_ips_of_vni(*id))?;
    for id in vnis {
        let vni = query::follow_if_there::<Vni>(snapshot, *id)?.map(|(vni, _)| vni);
        if let Some(gateway) = vni.and_then(|vni| vni.gateway) {
            ids.push(query::follow::<PublicGateway>(snapshot, gateway)?.0.floating_ip);
        }
    }
    Ok(ids)
}
