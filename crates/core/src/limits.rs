//! How many of what within a rule, an interface or an instance: the limits of both clouds in one place. How many things an
//! account may have is in [`crate::quota`].
//!
//! Each is the smaller default of IBM VPC's and EC2's published quotas unless its text says otherwise. Limits that a
//! packet or map format sets are not here but beside that format.

use crate::id::SecurityGroupId;
use crate::refusal::{Noun, Refusal};

/// Rules of a security group, both directions together; a reference to a prefix list counts as the list's `max_entries`
/// (IBM: 250 a group; EC2 counts references so).
pub const RULES_PER_GROUP: usize = 250;
/// What a tenant's security group may have of rules in one direction for one IP version, counted likewise (EC2); a rule that
/// is for both versions counts in both.
pub const RULES_PER_WAY: usize = 60;
/// Security groups of an interface (both clouds' default).
pub const GROUPS_PER_INTERFACE: usize = 5;
/// Rules of a network ACL, both directions together (IBM).
pub const RULES_PER_ACL: usize = 200;
/// Rules of a tenant's network ACL in one direction (EC2).
pub const ACL_RULES_PER_WAY: usize = 20;
/// Flow logs of a VPC, a subnet or an interface (EC2).
pub const FLOW_LOGS_PER_TARGET: usize = 2;
/// Former versions of a prefix list that are kept; the oldest goes when one more comes (EC2).
pub const PREFIX_LIST_VERSIONS: u32 = 1000;
/// The largest `max_entries` of a prefix list (EC2).
pub const MAX_PREFIX_LIST_ENTRIES: u32 = 1000;
/// Addresses of one IP version that an interface may have; a delegated prefix counts as one (IBM: 8; EC2: by instance
/// type, see [`crate::model::Instance::ips_per_interface`]).
pub const IPS_PER_INTERFACE: u16 = 8;
/// The most that an instance may allow its interfaces, whatever it says (EC2's largest types).
pub const MAX_IPS_PER_INTERFACE: u16 = 64;
/// The most instances that one request may launch: they are one transaction.
pub const LAUNCHED_AT_ONCE: u32 = 500;
/// What front ends note of an instance to show it again: characters of all texts together (EC2: user data of 16 KiB,
/// which is 21,848 characters in base64).
pub const NOTES_LENGTH: usize = 32 << 10;
/// Network cards of a bare metal server (IBM).
pub const CARDS_OF_BARE_METAL: u8 = 8;
/// Numbers that VLANs have (IEEE 802.1Q); 0 and 4095 mean something else.
pub const VLAN_IDS: std::ops::RangeInclusive<u16> = 1..=4094;
/// IPv4 ranges that a VPC may be given, the primary one included (EC2).
pub const IPV4_RANGES_PER_VPC: usize = 5;
/// Reserved parts of a subnet: each is asked for every address that is chosen automatically (our choice).
pub const RESERVATIONS_PER_SUBNET: usize = 50;
/// IPv6 ranges of a VPC (EC2).
pub const IPV6_RANGES_PER_VPC: usize = 5;
/// Route tables of a VPC (EC2). Hosts number them with 8 bits.
pub const ROUTE_TABLES_PER_VPC: u8 = 200;
/// The number that says of a route for a zone that all others for its network come before it (IBM).
pub const LOWEST_PRIORITY: u8 = 4;
/// Routes of a table for zones (IBM).
pub const ZONE_ROUTES_PER_TABLE: usize = 200;
/// Different prefix lengths of a table's routes for zones (IBM).
pub const PREFIX_LENGTHS_PER_TABLE: usize = 14;
/// Address prefixes of a VPC (IBM).
pub const ADDRESS_PREFIXES_PER_VPC: usize = 25;
/// Routes of a table, beside those to the VPC's own ranges (EC2).
pub const ROUTES_PER_TABLE: usize = 50;
/// Public gateways of a VPC in one zone, where it routes by tables (EC2: 5 for each account).
pub const NAT_GATEWAYS_PER_ZONE: u64 = 5;
/// Name servers, and time servers, that a VPC tells its guests of (EC2's DHCP option sets).
pub const SERVERS_PER_DHCP_OPTION: usize = 4;
/// The longest description, in characters (EC2: 255).
pub const DESCRIPTION_LENGTH: usize = 255;

/// What there may be so many of and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Things of this kind, within an account and region, a VPC or a zone.
    Things(Noun),
    /// Zones of a region.
    Zones,
    /// Ranges of a VPC or a subnet.
    Ranges,
    /// Servers that a VPC tells its guests of.
    DhcpServers,
    /// Addresses and delegated networks of an interface.
    AddressesOfVni,
    /// Security groups of an interface.
    GroupsOfVni,
    /// Attachments of an instance.
    AttachmentsOfInstance,
    /// What is kept with an instance for its front end, in bytes.
    NotesOfInstance,
    /// Rules of a security group.
    RulesOfGroup,
    /// Rules of a network ACL.
    RulesOfAcl,
    /// Networks of a prefix list.
    EntriesOfPrefixList,
    /// Interfaces that a security group applies to.
    InterfacesOfGroup,
    /// Routes of a route table.
    RoutesOfTable,
    /// Different prefix lengths of a route table's routes.
    PrefixLengths,
}

/// That a security group has no more rules than it may.
///
/// # Errors
/// [`Refusal::Limit`].
pub fn check_rules_of_group(group: SecurityGroupId, weight: usize) -> Result<(), Refusal> {
    if weight > RULES_PER_GROUP {
        let what = format!(
            "security group {group} would have {weight} rules (a reference to a prefix list counts as its max_entries)"
        );
        return Err(Refusal::Limit { of: Limited::RulesOfGroup, what, limit: RULES_PER_GROUP as u64 });
    }
    Ok(())
}
