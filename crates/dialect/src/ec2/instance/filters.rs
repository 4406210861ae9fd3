//! The filters of DescribeInstances, and the indexes that answer those which name a parent.

use pintle_core::id::{InstanceId, SubnetId, VniId, VpcId};
use pintle_core::model::{Attachment, Vni};
use pintle_core::query;
use pintle_core::record;
use pintle_core::txn::Snapshot;

use super::interface::InterfaceOf;
use super::notes::{is_on, or};
use super::show::InstanceView;
use crate::ec2::describe::{in_order, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::vni::show::attachment_status;

type Def = FilterDef<InstanceView>;

fn each(view: &InstanceView, show: impl Fn(&InterfaceOf) -> String) -> Vec<String> {
    view.interfaces.iter().map(show).collect()
}

fn primary(view: &InstanceView, show: impl Fn(&InterfaceOf) -> String) -> Vec<String> {
    view.primary().into_iter().map(show).collect()
}

fn addresses(view: &InstanceView, v4: bool) -> Vec<String> {
    let ips = view.interfaces.iter().flat_map(|one| one.view.ips()).filter(|ip| ip.address.is_ipv4() == v4);
    ips.map(|ip| ip.address.to_string()).collect()
}

fn public(view: &InstanceView) -> Vec<String> {
    view.interfaces.iter().flat_map(|one| &one.public).map(|public| public.address.to_string()).collect()
}

fn groups(view: &InstanceView, all: bool, name: bool) -> Vec<String> {
    let shown = view.interfaces.iter().take(if all { usize::MAX } else { 1 }).flat_map(|one| &one.view.security_groups);
    shown.map(|group| if name { group.name.clone() } else { group.id.to_string() }).collect()
}

fn one(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
}

/// Its filters.
pub(super) const FILTERS: &[Def] = &[
    Def {
        name: "architecture",
        values: |v, _| {
            v.instance
                .instance_type()
                .and_then(|kind| kind.architectures.last())
                .map(ToString::to_string)
                .into_iter()
                .collect()
        },
    },
    Def { name: "availability-zone", values: |v, _| one(&v.instance.zone) },
    Def { name: "client-token", values: |v, _| one(or(&v.notes, "client-token", "")) },
    Def { name: "group-id", values: |v, _| groups(v, true, false) },
    Def { name: "group-name", values: |v, _| groups(v, true, true) },
    Def { name: "hypervisor", values: |_, _| one("xen") },
    Def { name: "image-id", values: |v, _| v.instance.launch.iter().map(|launch| launch.image.clone()).collect() },
    Def { name: "instance-id", values: |v, _| one(v.instance.id) },
    Def { name: "instance-state-code", values: |v, _| one(v.state().code()) },
    Def { name: "instance-state-name", values: |v, _| one(v.state().name()) },
    Def { name: "instance-type", values: |v, _| v.instance.kind.iter().cloned().collect() },
    Def { name: "instance.group-id", values: |v, _| groups(v, false, false) },
    Def { name: "instance.group-name", values: |v, _| groups(v, false, true) },
    Def { name: "ip-address", values: |v, _| public(v) },
    Def { name: "ipv6-address", values: |v, _| addresses(v, false) },
    Def { name: "key-name", values: |v, _| v.notes.get("key-name").cloned().into_iter().collect() },
    Def { name: "launch-index", values: |v, _| one(v.instance.launch.as_ref().map_or(0, |launch| launch.index)) },
    Def {
        name: "monitoring-state",
        values: |v, _| one(if is_on(&v.notes, "monitoring") { "enabled" } else { "disabled" }),
    },
    Def { name: "network-interface.addresses.primary", values: |v, _| each(v, |_| "true".to_owned()) },
    Def { name: "network-interface.addresses.private-ip-address", values: |v, _| addresses(v, true) },
    Def { name: "network-interface.addresses.association.public-ip", values: |v, _| public(v) },
    Def { name: "network-interface.association.public-ip", values: |v, _| public(v) },
    Def { name: "network-interface.attachment.attachment-id", values: |v, _| each(v, |i| i.attachment.id.to_string()) },
    Def {
        name: "network-interface.attachment.delete-on-termination",
        values: |v, _| each(v, |i| i.view.vni.auto_delete.to_string()),
    },
    Def {
        name: "network-interface.attachment.device-index",
        values: |v, _| each(v, |i| i.attachment.card_index.to_string()),
    },
    Def {
        name: "network-interface.attachment.instance-id",
        values: |v, _| each(v, |i| i.attachment.instance.to_string()),
    },
    Def {
        name: "network-interface.attachment.status",
        values: |v, _| each(v, |i| attachment_status(&i.attachment).to_owned()),
    },
    Def { name: "network-interface.availability-zone", values: |v, _| each(v, |i| i.view.vni.zone.clone()) },
    Def { name: "network-interface.description", values: |v, _| each(v, |i| i.view.vni.description.clone()) },
    Def { name: "network-interface.group-id", values: |v, _| groups(v, true, false) },
    Def { name: "network-interface.group-name", values: |v, _| groups(v, true, true) },
    Def { name: "network-interface.ipv6-addresses.ipv6-address", values: |v, _| addresses(v, false) },
    Def { name: "network-interface.mac-address", values: |v, _| each(v, |i| i.view.vni.mac.to_string()) },
    Def { name: "network-interface.network-interface-id", values: |v, _| each(v, |i| i.view.vni.id.to_string()) },
    Def { name: "network-interface.owner-id", values: |v, _| each(v, |i| i.view.vni.owner.account.to_string()) },
    Def { name: "network-interface.private-ip-address", values: |v, _| addresses(v, true) },
    Def {
        name: "network-interface.source-dest-check",
        values: |v, _| each(v, |i| i.view.vni.source_dest_check.to_string()),
    },
    Def { name: "network-interface.subnet-id", values: |v, _| each(v, |i| i.view.vni.subnet.to_string()) },
    Def { name: "network-interface.vpc-id", values: |v, _| each(v, |i| i.view.vni.vpc.to_string()) },
    Def { name: "owner-id", values: |v, _| one(v.instance.owner.account) },
    Def { name: "placement-group-name", values: |v, _| one(or(&v.notes, "placement-group", "")) },
    Def { name: "private-dns-name", values: |v, _| one(v.private_name()) },
    Def { name: "private-ip-address", values: |v, _| primary(v, |i| i.view.primary_ip.address.to_string()) },
    Def { name: "reservation-id", values: |v, _| one(v.reservation()) },
    Def { name: "root-device-name", values: |_, _| one(super::image::ROOT_DEVICE) },
    Def { name: "root-device-type", values: |_, _| one("ebs") },
    Def { name: "source-dest-check", values: |v, _| primary(v, |i| i.view.vni.source_dest_check.to_string()) },
    Def {
        name: "state-reason-code",
        values: |v, _| v.state_reason().map(|(code, _)| code.to_owned()).into_iter().collect(),
    },
    Def { name: "subnet-id", values: |v, _| primary(v, |i| i.view.vni.subnet.to_string()) },
    Def { name: "tenancy", values: |v, _| one(or(&v.notes, "tenancy", "default")) },
    Def { name: "virtualization-type", values: |_, _| one("hvm") },
    Def { name: "vpc-id", values: |v, _| primary(v, |i| i.view.vni.vpc.to_string()) },
];

/// The only instances that can match, where a filter names them or an index finds them.
///
/// # Errors
/// When the store can't be read.
pub(super) fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<InstanceId>>, Ec2Error> {
    if let Some(ids) = filters.exact("instance-id") {
        return Ok(Some(in_order(parsed(&ids))));
    }
    if let Some(ids) = filters.exact("network-interface.network-interface-id") {
        let mut instances = Vec::new();
        for vni in parsed::<VniId>(&ids) {
            instances.extend(holder(snapshot, vni)?);
        }
        return Ok(Some(in_order(instances)));
    }
    if let Some(ids) = filters.exact("subnet-id") {
        let mut instances = Vec::new();
        for subnet in parsed::<SubnetId>(&ids) {
            for vni in query::index::<VniId>(snapshot, &record::vnis_of_subnet(subnet))? {
                instances.extend(holder(snapshot, vni)?);
            }
        }
        return Ok(Some(in_order(instances)));
    }
    if let Some(ids) = filters.exact("vpc-id") {
        let mut instances = Vec::new();
        for vpc in parsed::<VpcId>(&ids) {
            instances.extend(query::index::<InstanceId>(snapshot, &record::instances_of_vpc(vpc))?);
        }
        return Ok(Some(in_order(instances)));
    }
    Ok(None)
}

/// The instance that an interface is attached to.
fn holder(snapshot: &dyn Snapshot, vni: VniId) -> Result<Option<InstanceId>, Ec2Error> {
    let Some((vni, _)) = query::follow_if_there::<Vni>(snapshot, vni)? else { return Ok(None) };
    let Some(attachment) = vni.attachment else { return Ok(None) };
    Ok(query::follow_if_there::<Attachment>(snapshot, attachment)?.map(|(found, _)| found.instance))
}
