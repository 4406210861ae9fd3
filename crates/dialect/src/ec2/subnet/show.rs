//! A subnet as EC2 shows it.

use ipnet::Ipv6Net;
use pintle_core::id::SubnetRangeId;
use pintle_core::model::{HostnameType, Subnet, Tags};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query};

use crate::ec2::caller::zone_id;
use crate::ec2::ranges;
use crate::ec2::xml::Xml;
use crate::view::View;

/// A subnet with its zone's id, and how many of its IPv4 addresses nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct SubnetItem {
    pub(super) subnet: Subnet,
    pub(super) free: u64,
    pub(super) zone_id: String,
}

impl View for SubnetItem {
    type Record = Subnet;
    fn join(snapshot: &dyn Snapshot, subnet: Subnet, _: Revision) -> Result<Self, DecideError> {
        let free = query::free_addresses(snapshot, &subnet)?;
        let regions = query::regions(snapshot)?;
        let zones = regions.get(&subnet.owner.region).map_or(&[][..], |region| &region.zones);
        let zone_id = zone_id(&subnet.owner.region, zones, &subnet.zone);
        Ok(SubnetItem { subnet, free, zone_id })
    }
}

/// The id of a subnet's IPv6 range: it has one at most.
pub(super) fn association_id(subnet: &Subnet) -> SubnetRangeId {
    SubnetRangeId::from_bits(subnet.id.bits())
}

pub(super) fn hostname_type(subnet: &Subnet) -> &'static str {
    match subnet.hostname_type {
        HostnameType::IpName => "ip-name",
        HostnameType::ResourceName => "resource-name",
    }
}

impl SubnetItem {
    pub(super) fn arn(&self) -> String {
        let Subnet { id, owner, .. } = &self.subnet;
        format!("arn:aws:ec2:{}:{}:subnet/{id}", owner.region, owner.account)
    }

    pub(super) fn write_item(&self, xml: &mut Xml, tags: &Tags) {
        let subnet = &self.subnet;
        xml.text("subnetId", subnet.id);
        xml.text("subnetArn", self.arn());
        xml.text("state", "available");
        xml.text("ownerId", subnet.owner.account);
        xml.text("vpcId", subnet.vpc);
        xml.text("cidrBlock", subnet.cidr);
        xml.set("ipv6CidrBlockAssociationSet", subnet.ipv6_cidr, |xml, net| {
            write_ipv6_range(xml, subnet, net, "associated");
        });
        xml.text("availableIpAddressCount", self.free);
        xml.text("availabilityZone", &subnet.zone);
        xml.text("availabilityZoneId", &self.zone_id);
        xml.text("defaultForAz", subnet.default);
        xml.text("mapPublicIpOnLaunch", subnet.map_public_ip);
        xml.text("mapCustomerOwnedIpOnLaunch", false);
        xml.text("assignIpv6AddressOnCreation", subnet.auto_assign_ipv6);
        xml.text("enableDns64", false);
        xml.text("ipv6Native", false);
        xml.nest("privateDnsNameOptionsOnLaunch", |xml| {
            xml.text("hostnameType", hostname_type(subnet));
            xml.text("enableResourceNameDnsARecord", subnet.resource_name_a);
            xml.text("enableResourceNameDnsAAAARecord", subnet.resource_name_aaaa);
        });
        xml.nest("blockPublicAccessStates", |xml| xml.text("internetGatewayBlockMode", "off"));
        xml.tags(tags);
    }
}

pub(super) fn write_ipv6_range(xml: &mut Xml, subnet: &Subnet, net: Ipv6Net, state: &str) {
    xml.text("associationId", association_id(subnet));
    xml.text("ipv6CidrBlock", net);
    xml.nest("ipv6CidrBlockState", |xml| xml.text("state", state));
    xml.text("ipv6AddressAttribute", ranges::attribute(net));
}
