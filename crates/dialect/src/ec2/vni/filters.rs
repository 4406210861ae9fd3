//! The filters of DescribeNetworkInterfaces, and the indexes that answer those which name a parent.

use pintle_core::id::{AttachmentId, InstanceId, SecurityGroupId, SubnetId, VniId, VpcId};
use pintle_core::model::{Attachment, FloatingIp, ReservedIp, Tags};
use pintle_core::query;
use pintle_core::record;
use pintle_core::txn::Snapshot;

use super::show::{InterfaceView, attachment_status, v4};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::{Xml, moment};

type Def = FilterDef<InterfaceView>;

fn of_attachment(view: &InterfaceView, show: impl Fn(&Attachment) -> String) -> Vec<String> {
    view.inner.attachment.iter().map(show).collect()
}

fn of_public(view: &InterfaceView, show: impl Fn(&FloatingIp) -> String) -> Vec<String> {
    view.public.iter().map(show).collect()
}

fn ip_owner(ip: &FloatingIp) -> String {
    if ip.lent { "amazon".to_owned() } else { ip.owner.account.to_string() }
}

/// What only addresses have that somebody keeps.
fn of_kept(view: &InterfaceView, show: impl Fn(&FloatingIp) -> String) -> Vec<String> {
    view.public.iter().filter(|ip| !ip.lent).map(show).collect()
}

fn of_addresses(view: &InterfaceView, v4: bool) -> Vec<String> {
    let ips = view.inner.ips().filter(|ip| ip.address.is_ipv4() == v4);
    ips.map(|ip| ip.address.to_string()).collect()
}

type Values = fn(&InterfaceView, &str) -> Vec<String>;

const NO: Values = |_, _| vec!["false".to_owned()];
/// Of what no interface has.
const NOTHING: Values = |_, _| Vec::new();

const FILTERS: &[Def] = &[
    Def { name: "addresses.association.owner-id", values: |v, _| of_public(v, ip_owner) },
    Def { name: "addresses.association.public-ip", values: |v, _| of_public(v, |ip| ip.address.to_string()) },
    // Each has a primary address, and others if it has more than one.
    Def {
        name: "addresses.primary",
        values: |v, _| {
            v.inner.ips().filter(|ip| ip.address.is_ipv4()).enumerate().map(|(at, _)| (at == 0).to_string()).collect()
        },
    },
    Def { name: "addresses.private-ip-address", values: |v, _| of_addresses(v, true) },
    Def { name: "association.allocation-id", values: |v, _| of_kept(v, |ip| ip.id.to_string()) },
    Def {
        name: "association.association-id",
        values: |v, _| of_kept(v, |ip| ip.association.map(|id| id.to_string()).unwrap_or_default()),
    },
    Def { name: "association.ip-owner-id", values: |v, _| of_public(v, ip_owner) },
    Def { name: "association.public-dns-name", values: NOTHING },
    Def { name: "association.public-ip", values: |v, _| of_public(v, |ip| ip.address.to_string()) },
    Def { name: "attachment.attach-time", values: |v, _| of_attachment(v, |a| moment(a.created_at)) },
    Def { name: "attachment.attachment-id", values: |v, _| of_attachment(v, |a| a.id.to_string()) },
    Def {
        name: "attachment.delete-on-termination",
        values: |v, _| of_attachment(v, |_| v.vni().auto_delete.to_string()),
    },
    Def { name: "attachment.device-index", values: |v, _| of_attachment(v, |a| a.card_index.to_string()) },
    Def {
        name: "attachment.instance-id",
        values: |v, _| {
            let instance = v.inner.attachment.as_ref().and_then(|attachment| v.instance(attachment));
            instance.iter().map(ToString::to_string).collect()
        },
    },
    Def { name: "attachment.instance-owner-id", values: |v, _| of_attachment(v, |a| v.instance_owner(a)) },
    Def { name: "attachment.network-card-index", values: |v, _| of_attachment(v, |a| a.card.to_string()) },
    Def { name: "attachment.status", values: |v, _| of_attachment(v, |a| attachment_status(a).to_owned()) },
    Def { name: "availability-zone", values: |v, _| vec![v.vni().zone.clone()] },
    Def { name: "availability-zone-id", values: |v, _| vec![v.zone_id.clone()] },
    Def { name: "description", values: |v, _| vec![v.description()] },
    Def { name: "group-id", values: |v, _| v.vni().security_groups.iter().map(ToString::to_string).collect() },
    Def { name: "group-name", values: |v, _| v.inner.security_groups.iter().map(|g| g.name.clone()).collect() },
    Def { name: "interface-type", values: |v, _| vec![v.kind().to_owned()] },
    Def { name: "ipv6-addresses.ipv6-address", values: |v, _| of_addresses(v, false) },
    Def { name: "mac-address", values: |v, _| vec![v.vni().mac.to_string()] },
    Def { name: "network-interface-id", values: |v, _| vec![v.vni().id.to_string()] },
    Def { name: "operator.managed", values: NO },
    Def { name: "operator.principal", values: NOTHING },
    Def { name: "owner-id", values: |v, _| vec![v.vni().owner.account.to_string()] },
    Def { name: "private-dns-name", values: |v, _| v.private_name(v.primary()).into_iter().collect() },
    Def { name: "private-ip-address", values: |v, _| vec![v.primary().to_string()] },
    Def { name: "requester-id", values: NOTHING },
    Def { name: "requester-managed", values: |v, _| vec![v.managed().to_string()] },
    Def { name: "source-dest-check", values: |v, _| vec![v.vni().source_dest_check.to_string()] },
    Def { name: "status", values: |v, _| vec![v.status().to_owned()] },
    Def { name: "subnet-id", values: |v, _| vec![v.vni().subnet.to_string()] },
    Def { name: "vpc-id", values: |v, _| vec![v.vni().vpc.to_string()] },
];

impl Resource for InterfaceView {
    const SET: &'static str = "networkInterfaceSet";
    const IDS: &'static str = "NetworkInterfaceId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<VniId>>, Ec2Error> {
        // The narrowest first. A text that is no id is nothing's id.
        if let Some(ids) = filters.exact("network-interface-id") {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(ids) = filters.exact("attachment.attachment-id") {
            return attached(snapshot, &parsed(&ids)).map(Some);
        }
        if let Some(ids) = filters.exact("attachment.instance-id") {
            let instances: Vec<InstanceId> = parsed(&ids);
            let attachments = gathered(snapshot, &instances, |id| record::attachments_of_instance(*id))?;
            return attached(snapshot, &attachments).map(Some);
        }
        let addresses = ["private-ip-address", "addresses.private-ip-address"].map(|name| filters.exact(name));
        if let (Some(addresses), Some(vpcs)) = (addresses.into_iter().flatten().next(), filters.exact("vpc-id")) {
            return at_addresses(snapshot, &parsed(&addresses), &parsed(&vpcs)).map(Some);
        }
        if let Some(ids) = filters.exact("subnet-id") {
            let subnets: Vec<SubnetId> = parsed(&ids);
            return gathered(snapshot, &subnets, |id| record::vnis_of_subnet(*id)).map(Some);
        }
        if let Some(ids) = filters.exact("group-id") {
            let groups: Vec<SecurityGroupId> = parsed(&ids);
            return gathered(snapshot, &groups, |id| record::vnis_of_group(*id)).map(Some);
        }
        if let Some(ids) = filters.exact("vpc-id") {
            let vpcs: Vec<VpcId> = parsed(&ids);
            let subnets: Vec<SubnetId> = gathered(snapshot, &vpcs, |id| record::subnets_of_vpc(*id))?;
            return gathered(snapshot, &subnets, |id| record::vnis_of_subnet(*id)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        self.write_item(xml, tags);
    }
}

fn attached(snapshot: &dyn Snapshot, ids: &[AttachmentId]) -> Result<Vec<VniId>, Ec2Error> {
    let mut vnis = Vec::new();
    for id in ids {
        vnis.extend(query::follow_if_there::<Attachment>(snapshot, *id)?.map(|(found, _)| found.vni));
    }
    Ok(vnis)
}

fn at_addresses(
    snapshot: &dyn Snapshot,
    addresses: &[std::net::IpAddr],
    vpcs: &[VpcId],
) -> Result<Vec<VniId>, Ec2Error> {
    let mut vnis = Vec::new();
    for vpc in vpcs {
        for address in addresses.iter().filter_map(|address| v4(*address)) {
            let Some(ip) = crate::view::ip_at(snapshot, *vpc, address.into())? else { continue };
            vnis.extend(query::follow::<ReservedIp>(snapshot, ip)?.0.bound_to);
        }
    }
    Ok(vnis)
}
