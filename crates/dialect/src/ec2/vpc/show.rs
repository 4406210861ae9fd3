//! A VPC as EC2 shows it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::model::{Tags, Vpc, VpcRange};

use crate::ec2::caller::Caller;
use crate::ec2::ranges;
use crate::ec2::xml::Xml;

/// What `dhcpOptionsId` says of a VPC that has no set.
pub(super) const NO_DHCP_SET: &str = "default";

pub(super) fn dhcp_options_id(vpc: &Vpc) -> String {
    vpc.dhcp_set.map_or_else(|| NO_DHCP_SET.to_owned(), |set| set.to_string())
}

pub(super) fn write_item(xml: &mut Xml, vpc: &Vpc, caller: &Caller, tags: &Tags) {
    xml.text("vpcId", vpc.id);
    xml.text("ownerId", vpc.owner.account);
    xml.text("state", "available");
    // Operators' VPCs may have no range of their own.
    xml.option("cidrBlock", vpc.nets().next());
    xml.set("cidrBlockAssociationSet", &vpc.cidrs, write_range);
    xml.set("ipv6CidrBlockAssociationSet", &vpc.ipv6_cidrs, |xml, range| write_ipv6_range(xml, range, caller));
    xml.text("dhcpOptionsId", dhcp_options_id(vpc));
    xml.text("instanceTenancy", "default");
    xml.text("isDefault", vpc.default);
    xml.nest("blockPublicAccessStates", |xml| xml.text("internetGatewayBlockMode", "off"));
    xml.tags(tags);
}

fn write_range(xml: &mut Xml, range: &VpcRange<Ipv4Net>) {
    xml.text("associationId", range.id);
    xml.text("cidrBlock", range.net);
    xml.nest("cidrBlockState", |xml| xml.text("state", "associated"));
}

fn write_ipv6_range(xml: &mut Xml, range: &VpcRange<Ipv6Net>, caller: &Caller) {
    xml.text("associationId", range.id);
    xml.text("ipv6CidrBlock", range.net);
    xml.nest("ipv6CidrBlockState", |xml| xml.text("state", "associated"));
    write_source(xml, range, caller);
}

fn write_source(xml: &mut Xml, range: &VpcRange<Ipv6Net>, caller: &Caller) {
    xml.text("networkBorderGroup", &caller.region);
    xml.option("ipv6Pool", pool(range));
    xml.text("ipv6AddressAttribute", ranges::attribute(range.net));
    xml.text("ipSource", if range.provided { "amazon" } else { "none" });
}

/// The pool that a range is from: the provider's, if the server chose it.
pub(super) fn pool(range: &VpcRange<Ipv6Net>) -> Option<&'static str> {
    range.provided.then_some("Amazon")
}

/// A range in the answer of a request that gave it or took it away.
pub(super) fn write_association(xml: &mut Xml, range: &VpcRange<IpNet>, state: &str, caller: &Caller) {
    match range.net {
        IpNet::V4(net) => xml.nest("cidrBlockAssociation", |xml| {
            xml.text("associationId", range.id);
            xml.text("cidrBlock", net);
            xml.nest("cidrBlockState", |xml| xml.text("state", state));
        }),
        IpNet::V6(net) => xml.nest("ipv6CidrBlockAssociation", |xml| {
            xml.text("associationId", range.id);
            xml.text("ipv6CidrBlock", net);
            xml.nest("ipv6CidrBlockState", |xml| xml.text("state", state));
            write_source(xml, &VpcRange { id: range.id, net, provided: range.provided }, caller);
        }),
    }
}
