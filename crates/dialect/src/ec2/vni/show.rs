//! A network interface as EC2 shows it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use pintle_core::id::{FloatingIpId, InstanceId, ReservedIpId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget, PublicGateway, Tags, Vni};
use pintle_core::record::floating_ips_of_vni;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query};

use crate::ec2::caller::zone_id;
use crate::ec2::private_name;
use crate::ec2::xml::Xml;
use crate::view::{View, VniView};

/// An interface with the public addresses that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct InterfaceView {
    /// The interface and what belongs to it.
    pub(super) inner: VniView,
    /// The floating IPs that lead to its addresses.
    pub(super) public: Vec<FloatingIp>,
    /// The id of its zone.
    pub(super) zone_id: String,
}

impl View for InterfaceView {
    type Record = Vni;
    fn join(snapshot: &dyn Snapshot, vni: Vni, revision: Revision) -> Result<Self, DecideError> {
        let mut leading = query::index::<FloatingIpId>(snapshot, &floating_ips_of_vni(vni.id))?;
        if let Some(gateway) = vni.gateway {
            leading.push(query::follow::<PublicGateway>(snapshot, gateway)?.0.floating_ip);
        }
        let public = leading
            .into_iter()
            .map(|id| query::follow(snapshot, id).map(|(found, _)| found))
            .collect::<Result<_, DecideError>>()?;
        let regions = query::regions(snapshot)?;
        let region = regions.of_zone(&vni.zone);
        let zone_id = zone_id(&region.name, &region.zones, &vni.zone);
        Ok(InterfaceView { inner: VniView::join(snapshot, vni, revision)?, public, zone_id })
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
            // A NAT gateway's own is attached to that, which no attachment says.
            None if self.vni().gateway.is_some() => "in-use",
            None => "available",
            Some("attached") => "in-use",
            Some(status) => status,
        }
    }

    /// The type of interface.
    pub(super) fn kind(&self) -> &'static str {
        match self.inner.serves() {
            Some(_) => "efs",
            None if self.vni().gateway.is_some() => "nat_gateway",
            None => kind(self.vni()),
        }
    }

    /// Whether something else than its owner's instances has it: a NAT gateway, or a mount target of a share.
    pub(super) fn managed(&self) -> bool {
        self.vni().gateway.is_some() || self.inner.serves().is_some()
    }

    /// Its description; that of a mount target's is AWS's words for it, unless it has its own.
    pub(super) fn description(&self) -> String {
        match (self.inner.serves(), &self.inner.attachment) {
            (Some(share), Some(target)) if self.vni().description.is_empty() => {
                format!("EFS mount target for {share} ({})", target.id)
            }
            _ => self.vni().description.clone(),
        }
    }

    /// The name of one of its addresses, if its VPC gives names.
    pub(super) fn private_name(&self, address: IpAddr) -> Option<String> {
        private_name::of_address(address, &self.inner.vpc)
    }

    /// The floating IP that leads to one of its addresses.
    pub(super) fn association(&self, ip: ReservedIpId) -> Option<&FloatingIp> {
        self.public.iter().find(|public| match public.target {
            Some(FloatingIpTarget::Vni { vni, ip: to }) => (vni, to) == (self.vni().id, ip),
            Some(FloatingIpTarget::PublicGateway(_)) => ip == self.vni().primary_ip(),
            None => false,
        })
    }

    /// Whether it has, or would have, a public address of its own as an instance's first interface.
    pub(super) fn has_own_public_address(&self) -> bool {
        let said = self.vni().public_address == Some(true);
        self.inner.attachment.as_ref().map_or(said, |attachment| attachment.own_public_address)
    }

    /// Its primary IPv4 address.
    pub(super) fn primary(&self) -> IpAddr {
        self.inner.primary_ip.address
    }

    pub(super) fn write_item(&self, xml: &mut Xml, tags: &Tags) {
        let VniView { vni, subnet, primary_ip, .. } = &self.inner;
        xml.text("networkInterfaceId", vni.id);
        xml.text("subnetId", vni.subnet);
        xml.text("vpcId", vni.vpc);
        xml.text("availabilityZone", &vni.zone);
        xml.text("availabilityZoneId", &self.zone_id);
        xml.text("description", self.description());
        xml.text("ownerId", vni.owner.account);
        xml.text("requesterManaged", self.managed());
        xml.text("status", self.status());
        xml.text("macAddress", vni.mac);
        xml.text("privateIpAddress", primary_ip.address);
        xml.option("privateDnsName", self.private_name(primary_ip.address));
        xml.text("sourceDestCheck", vni.source_dest_check);
        xml.text("interfaceType", self.kind());
        self.write_groups(xml);
        self.write_attachment(xml);
        if let Some(public) = self.association(primary_ip.id) {
            write_association(xml, public);
        }
        xml.tags(tags);
        let (v4, v6): (Vec<_>, Vec<_>) = self.inner.ips().partition(|ip| ip.address.is_ipv4());
        xml.set("privateIpAddressesSet", v4, |xml, ip| {
            xml.text("privateIpAddress", ip.address);
            xml.option("privateDnsName", self.private_name(ip.address));
            xml.text("primary", ip.id == primary_ip.id);
            if let Some(public) = self.association(ip.id) {
                write_association(xml, public);
            }
        });
        let first_v6 = v6.iter().find(|ip| Some(ip.id) == vni.primary_ipv6).map(|ip| ip.address);
        xml.option("ipv6Address", first_v6);
        xml.set("ipv6AddressesSet", v6, |xml, ip| {
            xml.text("ipv6Address", ip.address);
            xml.text("isPrimaryIpv6", vni.keep_primary_ipv6 && Some(ip.id) == vni.primary_ipv6);
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

    /// The instance that it is attached to; none where a share is served.
    pub(super) fn instance(&self, attachment: &Attachment) -> Option<InstanceId> {
        self.inner.serves().is_none().then_some(attachment.instance)
    }

    /// Whose what it is attached to is.
    pub(super) fn instance_owner(&self, attachment: &Attachment) -> String {
        match self.inner.serves() {
            Some(_) => "amazon-aws".to_owned(),
            None => attachment.owner.account.to_string(),
        }
    }

    pub(super) fn write_groups(&self, xml: &mut Xml) {
        xml.set("groupSet", &self.inner.security_groups, |xml, group| {
            xml.text("groupId", group.id);
            xml.text("groupName", &group.name);
        });
    }

    /// Nothing, where it is not attached.
    pub(super) fn write_attachment(&self, xml: &mut Xml) {
        let Some(attachment) = &self.inner.attachment else { return };
        xml.nest("attachment", |xml| {
            xml.text("attachmentId", attachment.id);
            // There is no instance where a share is served.
            xml.option("instanceId", self.instance(attachment));
            xml.text("instanceOwnerId", self.instance_owner(attachment));
            xml.text("deviceIndex", attachment.card_index);
            xml.text("networkCardIndex", attachment.card);
            xml.text("status", attachment_status(attachment));
            xml.time("attachTime", attachment.created_at);
            xml.text("deleteOnTermination", self.vni().auto_delete);
        });
    }
}

/// The type of an interface that is its owner's.
pub(in crate::ec2) fn kind(vni: &Vni) -> &'static str {
    if vni.efa { "efa" } else { "interface" }
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
pub(in crate::ec2) fn attachment_status(attachment: &Attachment) -> &'static str {
    match attachment.lifecycle {
        Lifecycle::Pending | Lifecycle::Failed => "attaching",
        // A stopped instance keeps its attachments.
        Lifecycle::Stable | Lifecycle::Updating | Lifecycle::Waiting | Lifecycle::Suspended => "attached",
        Lifecycle::Deleting => "detaching",
    }
}

fn write_association(xml: &mut Xml, public: &FloatingIp) {
    xml.nest("association", |xml| {
        xml.text("publicIp", public.address);
        xml.text("publicDnsName", "");
        if public.lent {
            // Nobody's to keep: it has no ids.
            xml.text("ipOwnerId", "amazon");
        } else {
            xml.text("ipOwnerId", public.owner.account);
            xml.text("allocationId", public.id);
            xml.option("associationId", public.association);
        }
    });
}

/// The IPv4 address, if it is one.
pub(super) fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(address) = address { Some(address) } else { None }
}
