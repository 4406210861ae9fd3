//! Quotas: how many of a thing an account may have. Only tenants' requests are counted and held to them; the operator's
//! are not, so that nobody who runs the server is stopped by a number meant for its guests.
//!
//! A thing that counts holds one of as many numbered slots as there may be. Nothing is counted when one is made, and two
//! that are made at once meet only if they happen to want the same slot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::AccountId;
use crate::refusal::Noun;

/// Within what a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// An account's region.
    Region,
    /// A VPC.
    Vpc,
    /// A zone.
    Zone,
    /// A security group.
    SecurityGroup,
}

/// A quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Of what.
    pub noun: Noun,
    /// As the operator names it.
    pub name: &'static str,
    /// Within what it counts.
    pub per: Per,
    /// The limit of accounts that have no other.
    pub default: u32,
    /// Whether it binds only in VPCs with implied ways out, which IBM's API makes. What is there is counted then; what other
    /// quotas bind holds slots.
    pub implied: bool,
}

/// Subnets of a VPC with implied ways out (IBM).
pub const IBM_SUBNETS: Quota = implied(Noun::Subnet, "ibm-subnets", Per::Vpc, 100);
/// Security groups of such a VPC (IBM).
pub const IBM_SECURITY_GROUPS: Quota = implied(Noun::SecurityGroup, "ibm-security-groups", Per::Vpc, 100);
/// Route tables of such a VPC (IBM).
pub const IBM_ROUTING_TABLES: Quota = implied(Noun::RouteTable, "ibm-routing-tables", Per::Vpc, 50);
/// Interfaces that a security group there applies to, unless it is its VPC's default one (IBM).
pub const IBM_GROUP_TARGETS: Quota = implied(Noun::Vni, "ibm-security-group-targets", Per::SecurityGroup, 1_000);

const fn implied(noun: Noun, name: &'static str, per: Per, default: u32) -> Quota {
    Quota { noun, name, per, default, implied: true }
}

const fn slots_for(noun: Noun, name: &'static str, per: Per, default: u32) -> Quota {
    Quota { noun, name, per, default, implied: false }
}

/// All quotas. An account has one number for each, whichever API makes the thing. Where EC2's and IBM VPC's published defaults
/// differ it is the larger one; where one has none, the other's. VPCs that IBM's API makes are held to
/// IBM's smaller numbers beside that. Limits of a rule, an interface or an instance are in [`crate::limits`].
pub const QUOTAS: &[Quota] = &[
    slots_for(Noun::Vpc, "vpcs", Per::Region, 10),
    slots_for(Noun::Subnet, "subnets", Per::Vpc, 200),
    slots_for(Noun::Vni, "network-interfaces", Per::Region, 5_000),
    slots_for(Noun::VniPermission, "network-interface-permissions", Per::Region, 5_000),
    slots_for(Noun::SecurityGroup, "security-groups", Per::Region, 2_500),
    slots_for(Noun::NetworkAcl, "network-acls", Per::Vpc, 200),
    slots_for(Noun::PrefixList, "prefix-lists", Per::Region, 100),
    slots_for(Noun::InternetGateway, "internet-gateways", Per::Region, 5),
    slots_for(Noun::FloatingIp, "floating-ips", Per::Zone, 40),
    slots_for(Noun::ReservedIp, "reserved-ips", Per::Region, 20_000),
    slots_for(Noun::Share, "shares", Per::Region, 300),
    IBM_SUBNETS,
    IBM_SECURITY_GROUPS,
    IBM_ROUTING_TABLES,
    IBM_GROUP_TARGETS,
];

/// The quota of a kind of thing, if it has one.
pub fn of(noun: Noun) -> Option<&'static Quota> {
    QUOTAS.iter().find(|quota| quota.noun == noun && !quota.implied)
}

/// The quota that the operator names so.
pub fn named(name: &str) -> Option<&'static Quota> {
    QUOTAS.iter().find(|quota| quota.name == name)
}

/// The limits of an account that are not the default ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits(pub(crate) BTreeMap<String, u32>);

impl Limits {
    /// The limit for a quota.
    pub fn limit(&self, quota: &Quota) -> u32 {
        self.0.get(quota.name).copied().unwrap_or(quota.default)
    }
}

/// The key of an account's [`Limits`].
pub(crate) fn limits_key(account: AccountId) -> String {
    format!("config/quotas/{account}")
}

/// The key of a slot. Its value is the id of what holds it.
pub(crate) fn slot_key(kind: &str, account: AccountId, within: &str, slot: u32) -> String {
    format!("{}{slot:08x}", slots(kind, account, within))
}

/// What the keys of all slots within one place begin with.
pub(crate) fn slots(kind: &str, account: AccountId, within: &str) -> String {
    format!("{}{within}/", slots_of(kind, account))
}

/// What the keys of all slots of an account begin with.
pub(crate) fn slots_of(kind: &str, account: AccountId) -> String {
    format!("slot/{kind}/{account}/")
}

/// The key that says which slot a thing holds that was not free to take one of [`tried`]. Its value is the slot.
pub(crate) fn slot_of_key(id: &str) -> String {
    format!("slot_of/{id}")
}

/// The slots that a thing tries first, so that it finds its own again without a note of it: two near those of the things made
/// at about the same time, whose keys then lie together, and then some anywhere.
pub(crate) fn tried(id: &str, limit: u32) -> impl Iterator<Item = u32> {
    let near = near(id);
    let first = [near, near.wrapping_add(NEAR / 2 + 1)].into_iter();
    first.chain((0..TRIES).map(move |round| spread(id, round))).filter_map(move |slot| slot.checked_rem(limit))
}

/// Slots for the ids of one millisecond.
const NEAR: u32 = 1 << 10;

/// The slot that an id's own bits say: those drawn one after the other say slots beside each other, and seldom the same, since
/// [ids in order](crate::id::InOrder) are some thousand apart.
fn near(id: &str) -> u32 {
    let bits = id.rsplit('-').next().and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    (bits >> 12) as u32
}

/// One of `among` places, by the thing's id: two things seldom choose the same.
pub(crate) fn place(id: &str, among: usize) -> usize {
    spread(id, TRIES) as usize % among.max(1)
}

/// With slots half taken, one in 256 finds none of all these free and looks at all slots.
const TRIES: u32 = 6;

/// FNV-1a: any function that spreads will do, but it must stay the same as long as the store lives.
fn spread(id: &str, round: u32) -> u32 {
    let bytes = id.bytes().chain(round.to_be_bytes());
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_is_found_by_its_noun_and_by_its_name() {
        for quota in QUOTAS {
            assert_eq!(of(quota.noun) == Some(quota), !quota.implied);
            assert_eq!(named(quota.name), Some(quota));
        }
        assert_eq!(named("nonsense"), None);
    }

    #[test]
    fn tried_slots_are_spread_and_always_the_same() {
        let mut hits = [0u32; 16];
        for number in 0..10_000u32 {
            let id = format!("eni-{:017x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert!(tried(&id, 16).eq(tried(&id, 16)));
            tried(&id, 16).for_each(|slot| hits[slot as usize] += 1);
        }
        assert!(hits.iter().all(|hits| (3_500..6_500).contains(hits)), "{hits:?}");
        assert_eq!(tried("eni-1", 0).count(), 0);
    }

    #[test]
    fn what_is_made_at_about_the_same_time_first_tries_slots_beside_each_other_and_others() {
        let mut ids = crate::id::InOrder::default();
        let begun = 1_790_000_000_000;
        let mut random = 1u64;
        let mut first = |ms: u64| {
            // Three are drawn for each thing: its own, a MAC, and that of its address.
            let drawn: Vec<u64> = (0..3)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ids.next(crate::model::Timestamp(begun + ms), random)
                })
                .collect();
            tried(&format!("eni-{:017x}", drawn[0]), 1_000_000).next().unwrap()
        };
        let slots: Vec<u32> = (0..1000).map(|at| first(at / 5)).collect();
        let twice = slots.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(twice < 20, "{twice} of {slots:?}");
        let near = slots.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) <= 2 * NEAR).count();
        assert!(near > 990, "{near} of {slots:?}");
    }
}
