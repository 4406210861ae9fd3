//! A network interface as EC2 shows it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use pintle_core::id::{FloatingIpId, ReservedIpId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget, Tags, Vni};
use pintle_core::record::floating_ips_of_vni;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query};

use crate::ec2::caller::Caller;
use crate::ec2::xml::Xml;
use crate::view::{View, VniView};

/// An interface with the public addresses that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct InterfaceView {
    /// The interface and what belongs to it.
    pub(super) inner: VniView,
    /// The floating IPs that lead to its addresses.
    pub(super) public: Vec<FloatingIp>,
}

impl View for InterfaceView {
    type Record = Vni;
    fn join(snapshot: &dyn Snapshot, vni: Vni, revision: Revision) -> Result<Self, DecideError> {
        let public = query::index::<FloatingIpId>(snapshot, &floating_ips_of_vni(vni.id))?
            .into_iter()
            .map(|id| query::get(snapshot, id).map(|(found, _)| found))
            .collect::<Result<_, DecideError>>()?;
        Ok(InterfaceView { inner: VniView::join(snapshot, vni, revision)?, public })
    }
}

impl InterfaceView {
    /// The interface itself.
    pub(super) fn vni(&self) -> &Vni {
        &self.inner.vni
    }

    /// `available`, or how far its attachment is.
    pub(super) fn status(&self) -> &'static str {
        match self.inner.attachment.as_ref().map(attachment_status) {
            None => "available",
            Some("attached") => "in-use",
            Some(status) => status,
        }
    }

    /// The floating IP that leads to one of its addresses.
    pub(super) fn association(&self, ip: ReservedIpId) -> Option<&FloatingIp> {
        self.public.iter().find(|public| public.target == Some(FloatingIpTarget::Vni { vni: self.vni().id, ip }))
    }

    /// Its primary IPv4 address.
    pub(super) fn primary(&self) -> IpAddr {
        self.inner.primary_ip.address
    }

    pub(super) fn write_item(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        let VniView { vni, subnet, primary_ip, security_groups, attachment, .. } = &self.inner;
        xml.text("networkInterfaceId", vni.id);
        xml.text("subnetId", vni.subnet);
        xml.text("vpcId", vni.vpc);
        xml.text("availabilityZone", &vni.zone);
        xml.text("availabilityZoneId", caller.zone_id(&vni.zone));
        xml.text("description", &vni.description);
        xml.text("ownerId", caller.account);
        xml.text("requesterManaged", false);
        xml.text("status", self.status());
        xml.text("macAddress", vni.mac);
        xml.text("privateIpAddress", primary_ip.address);
        xml.text("sourceDestCheck", vni.source_dest_check);
        xml.text("interfaceType", "interface");
        xml.set("groupSet", security_groups, |xml, group| {
            xml.text("groupId", group.id);
            xml.text("groupName", &group.name);
        });
        if let Some(attachment) = attachment {
            xml.nest("attachment", |xml| write_attachment(xml, attachment, vni, caller));
        }
        if let Some(public) = self.association(primary_ip.id) {
            write_association(xml, public, caller);
        }
        xml.tags(tags);
        let (v4, v6): (Vec<_>, Vec<_>) = self.inner.ips().partition(|ip| ip.address.is_ipv4());
        xml.set("privateIpAddressesSet", v4, |xml, ip| {
            xml.text("privateIpAddress", ip.address);
            xml.text("primary", ip.id == primary_ip.id);
            if let Some(public) = self.association(ip.id) {
                write_association(xml, public, caller);
            }
        });
        let first_v6 = v6.iter().find(|ip| Some(ip.id) == vni.primary_ipv6).map(|ip| ip.address);
        xml.option("ipv6Address", first_v6);
        xml.set("ipv6AddressesSet", v6, |xml, ip| {
            xml.text("ipv6Address", ip.address);
            xml.text("isPrimaryIpv6", Some(ip.id) == vni.primary_ipv6);
        });
        write_prefixes(xml, vni);
        xml.text("denyAllIgwTraffic", false);
        xml.text("ipv6Native", subnet.cidr.prefix_len() == 32);
        xml.nest("operator", |xml| xml.text("managed", false));
        xml.nest("connectionTrackingConfiguration", |xml| {
            xml.text("tcpEstablishedTimeout", vni.timeouts.tcp_established);
            xml.text("udpStreamTimeout", vni.timeouts.udp_stream);
            xml.text("udpTimeout", vni.timeouts.udp);
        });
    }
}

fn write_prefixes(xml: &mut Xml, vni: &Vni) {
    let (v4, v6): (Vec<&IpNet>, Vec<_>) = vni.prefixes.iter().partition(|net| net.addr().is_ipv4());
    for (set, field, nets) in [("ipv4PrefixSet", "ipv4Prefix", v4), ("ipv6PrefixSet", "ipv6Prefix", v6)] {
        if !nets.is_empty() {
            xml.set(set, nets, |xml, net| xml.text(field, net));
        }
    }
}

/// How far an attachment is, as `attachment.status` says it.
pub(super) fn attachment_status(attachment: &Attachment) -> &'static str {
    match attachment.lifecycle {
        Lifecycle::Pending | Lifecycle::Failed => "attaching",
        // A stopped instance keeps its attachments.
        Lifecycle::Stable | Lifecycle::Updating | Lifecycle::Waiting | Lifecycle::Suspended => "attached",
        Lifecycle::Deleting => "detaching",
    }
}

fn write_attachment(xml: &mut Xml, attachment: &Attachment, vni: &Vni, caller: &Caller) {
    xml.text("attachmentId", attachment.id);
    xml.text("instanceId", attachment.instance);
    xml.text("instanceOwnerId", caller.account);
    xml.text("deviceIndex", attachment.index);
    xml.text("networkCardIndex", 0);
    xml.text("status", attachment_status(attachment));
    xml.time("attachTime", attachment.created_at);
    xml.text("deleteOnTermination", vni.auto_delete);
}

fn write_association(xml: &mut Xml, public: &FloatingIp, caller: &Caller) {
    xml.nest("association", |xml| {
        xml.text("publicIp", public.address);
        xml.text("publicDnsName", "");
        xml.text("ipOwnerId", caller.account);
        xml.text("allocationId", public.id);
        xml.text("associationId", association_id(public.id));
    });
}

/// An association lives as long as its floating IP leads somewhere, and there is one at most: its id has the same digits.
pub(super) fn association_id(id: FloatingIpId) -> String {
    format!("eipassoc-{:017x}", id.bits())
}

/// The IPv4 address, if it is one.
pub(super) fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(address) = address { Some(address) } else { None }
}
