//! Keys of what owners begin with and have, of VPCs' ranges, and of what VPCs have in common.

use ipnet::Ipv6Net;

use super::Record;
use crate::id::{DhcpOptionSetId, ReservedIpId, VniId, VpcRangeId};
use crate::model::{Owner, ReservedBy, ReservedIp};
use crate::refusal::Noun;

/// The key of the range that the server's IPv6 blocks for VPCs come from.
pub const IPV6_RANGE: &str = "config/ipv6_range";

/// The key that says that an owner has begun: its defaults were made, and may be gone again.
pub fn begun_key(owner: &Owner) -> String {
    format!("begun/{}", owner.scope())
}
/// The key of an owner's default VPC, so that it has one. Its value is the VPC's id.
pub fn default_vpc_key(owner: &Owner) -> String {
    format!("default_vpc/{}", owner.scope())
}
/// The key of the DHCP option set of an owner's new VPCs. Its value is the set's id.
pub fn default_dhcp_key(owner: &Owner) -> String {
    format!("default_dhcp/{}", owner.scope())
}
/// The key under which a range's VPC is found. Its value is the VPC's id.
pub fn vpc_of_range_key(range: VpcRangeId) -> String {
    format!("vpc_range/{range}")
}
/// The key that a range occupies that the server has chosen. Its value is the VPC's id.
pub fn provided_range_key(net: Ipv6Net) -> String {
    format!("provided_range/{}", super::digits(net.network().into()))
}
/// Index: VPCs that have a DHCP option set.
pub fn vpcs_of_dhcp_set(set: DhcpOptionSetId) -> String {
    format!("index/dhcp_vpc/{set}/")
}
/// Index: child interfaces of an owner.
pub fn children_of(owner: &Owner) -> String {
    format!("index/owner_child/{}/", owner.scope())
}
/// The key of a child interface among those of its owner. Its value is the interface's id.
pub fn child_key(owner: &Owner, vni: VniId) -> String {
    format!("{}{vni}", children_of(owner))
}
/// The key that a segment occupies. Its value is the VPC's id.
pub fn segment_key(segment: u32) -> String {
    format!("segment/{segment:06x}")
}

impl Record for ReservedIp {
    type Id = ReservedIpId;
    const KIND: &'static str = "reserved_ip";
    const NOUN: Noun = Noun::ReservedIp;
    fn id(&self) -> ReservedIpId {
        self.id
    }
    fn owner(&self) -> Option<&Owner> {
        Some(&self.owner)
    }
    /// Those that come with a subnet are the provider's, and count for nobody.
    fn counted_within(&self) -> Option<String> {
        (self.reserved_by == ReservedBy::User).then(|| self.owner.scope())
    }
}
