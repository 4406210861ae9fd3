//! An interface of an instance, as the instance's answer shows it.

use std::net::IpAddr;

use ipnet::IpNet;
use pintle_core::id::ReservedIpId;
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget};

use crate::ec2::caller::Caller;
use crate::ec2::private_name;
use crate::ec2::vni::show::{attachment_status, kind};
use crate::ec2::xml::Xml;
use crate::view::VniView;

/// An interface of an instance with the public addresses that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InterfaceOf {
    /// The interface.
    pub(super) view: VniView,
    /// What binds it to the instance.
    pub(super) attachment: Attachment,
    /// The floating IPs that lead to its addresses.
    pub(super) public: Vec<FloatingIp>,
}

impl InterfaceOf {
    /// The public address that leads to one of its addresses.
    pub(super) fn public_address(&self, ip: ReservedIpId) -> Option<&FloatingIp> {
        let target = Some(FloatingIpTarget::Vni { vni: self.view.vni.id, ip });
        self.public.iter().find(|public| public.target == target)
    }

    /// Its primary IPv6 address.
    pub(super) fn first_ipv6(&self) -> Option<IpAddr> {
        let primary = self.view.vni.primary_ipv6?;
        self.view.ips().find(|ip| ip.id == primary).map(|ip| ip.address)
    }

    pub(super) fn write(&self, xml: &mut Xml, caller: &Caller) {
        let VniView { vni, primary_ip, security_groups, .. } = &self.view;
        xml.text("networkInterfaceId", vni.id);
        xml.text("subnetId", vni.subnet);
        xml.text("vpcId", vni.vpc);
        xml.text("description", &vni.description);
        xml.text("ownerId", vni.owner.account);
        xml.text("status", if attachment_status(&self.attachment) == "attached" { "in-use" } else { "attaching" });
        xml.text("macAddress", vni.mac);
        let name_of = |address| private_name::of_address(address, &self.view.vpc);
        xml.text("privateIpAddress", primary_ip.address);
        xml.option("privateDnsName", name_of(primary_ip.address));
        xml.text("sourceDestCheck", vni.source_dest_check);
        xml.set("groupSet", security_groups, |xml, group| {
            xml.text("groupId", group.id);
            xml.text("groupName", &group.name);
        });
        xml.nest("attachment", |xml| {
            xml.text("attachmentId", self.attachment.id);
            xml.text("deviceIndex", self.attachment.card_index);
            xml.text("status", attachment_status(&self.attachment));
            xml.time("attachTime", self.attachment.created_at);
            xml.text("deleteOnTermination", vni.auto_delete);
            xml.text("networkCardIndex", self.attachment.card);
        });
        self.write_association(xml, primary_ip.id, caller);
        let (v4, v6): (Vec<_>, Vec<_>) = self.view.ips().partition(|ip| ip.address.is_ipv4());
        xml.set("privateIpAddressesSet", v4, |xml, ip| {
            xml.text("privateIpAddress", ip.address);
            xml.option("privateDnsName", name_of(ip.address));
            xml.text("primary", ip.id == primary_ip.id);
            self.write_association(xml, ip.id, caller);
        });
        xml.set("ipv6AddressesSet", v6, |xml, ip| {
            xml.text("ipv6Address", ip.address);
            xml.text("isPrimaryIpv6", Some(ip.id) == vni.primary_ipv6);
        });
        let (v4, v6): (Vec<&IpNet>, Vec<_>) = vni.prefixes.iter().partition(|net| net.addr().is_ipv4());
        for (set, field, nets) in [("ipv4PrefixSet", "ipv4Prefix", v4), ("ipv6PrefixSet", "ipv6Prefix", v6)] {
            if !nets.is_empty() {
                xml.set(set, nets, |xml, net| xml.text(field, net));
            }
        }
        xml.text("interfaceType", kind(vni));
        xml.nest("operator", |xml| xml.text("managed", false));
    }

    fn write_association(&self, xml: &mut Xml, ip: ReservedIpId, caller: &Caller) {
        let Some(public) = self.public_address(ip) else { return };
        xml.nest("association", |xml| {
            xml.text("publicIp", public.address);
            xml.empty("publicDnsName");
            if public.lent { xml.text("ipOwnerId", "amazon") } else { xml.text("ipOwnerId", caller.account) }
        });
    }
}
