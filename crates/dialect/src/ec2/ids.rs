//! Ids in requests: for each kind the codes that EC2 has for an id that has the wrong shape, and for one that nothing has.

use std::str::FromStr;

use pintle_core::id::FlowLogId;
use pintle_core::id::{AssociationId, SecurityGroupId, SubnetId, VniId, VniPermissionId, VpcId};
use pintle_core::id::{AttachmentId, FloatingIpId, InstanceId, NetworkAclId, PrefixListId, PublicGatewayId, RuleId};
use pintle_core::id::{DhcpOptionSetId, SubnetRangeId, SubnetReservationId, VpcRangeId};
use pintle_core::id::{InternetGatewayId, RouteAssociationId, RouteTableId};
use pintle_core::refusal::Noun;

use super::error::{Ec2Error, short};

/// A kind of id that clients may send.
pub trait Ec2Id: FromStr {
    /// What its text begins with, before the dash.
    const PREFIX: &'static str;
    /// The code for a text of another shape.
    const MALFORMED: &'static str;
    /// What it is an id of.
    const NOUN: Noun;
}

macro_rules! ids {
    ($($id:ty, $noun:ident, $malformed:literal;)*) => {$(
        impl Ec2Id for $id {
            const PREFIX: &'static str = <$id>::PREFIX;
            const MALFORMED: &'static str = $malformed;
            const NOUN: Noun = Noun::$noun;
        }
    )*};
}

ids! {
    VniId, Vni, "InvalidNetworkInterfaceId.Malformed";
    AttachmentId, Attachment, "InvalidAttachmentID.Malformed";
    SubnetId, Subnet, "InvalidSubnetID.Malformed";
    VpcId, Vpc, "InvalidVpcID.Malformed";
    InstanceId, Instance, "InvalidInstanceID.Malformed";
    SecurityGroupId, SecurityGroup, "InvalidGroupId.Malformed";
    RuleId, SecurityGroupRule, "InvalidSecurityGroupRuleId.Malformed";
    NetworkAclId, NetworkAcl, "InvalidNetworkAclID.Malformed";
    FlowLogId, FlowLog, "InvalidFlowLogId.Malformed";
    PrefixListId, PrefixList, "InvalidPrefixListID.Malformed";
    VniPermissionId, VniPermission, "InvalidNetworkInterfacePermissionId.Malformed";
    AssociationId, Association, "InvalidAssociationID.Malformed";
    FloatingIpId, FloatingIp, "InvalidAllocationID.Malformed";
    PublicGatewayId, PublicGateway, "NatGatewayMalformed";
    InternetGatewayId, InternetGateway, "InvalidInternetGatewayId.Malformed";
    RouteTableId, RouteTable, "InvalidRouteTableId.Malformed";
    RouteAssociationId, RouteAssociation, "InvalidAssociationID.Malformed";
    VpcRangeId, VpcRange, "InvalidVpcCidrBlockAssociationID.Malformed";
    SubnetRangeId, SubnetRange, "InvalidSubnetCidrBlockAssociationID.Malformed";
    SubnetReservationId, SubnetReservation, "InvalidSubnetCidrReservationID.Malformed";
    DhcpOptionSetId, DhcpOptionSet, "InvalidDhcpOptionsId.Malformed";
}

/// Reads an id.
///
/// An id of EC2's shape that is none of ours (8 digits, or a first digit other than 0) is nobody's: not found.
///
/// # Errors
/// The kind's `Malformed` or `NotFound` code.
pub fn parse_id<I: Ec2Id>(text: &str) -> Result<I, Ec2Error> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let digits = text.strip_prefix(I::PREFIX).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
    let hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && matches!(digits.len(), 8 | 17) {
        return Err(super::problem::not_found(I::NOUN, text));
    }
    Err(Ec2Error::new(I::MALFORMED, format!("Invalid id: \"{}\" (expecting \"{}-...\")", short(text), I::PREFIX)))
}
