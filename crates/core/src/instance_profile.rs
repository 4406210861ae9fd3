//! Instance profiles: the sizes that IBM VPC publishes for its instances, with how many interfaces each may have.
//!
//! The numbers are data, one line a profile, in `data/instance-profiles.tsv`. How many interfaces follows from the number of
//! processors; how large an instance really is, is its host's affair, but for how fast its interfaces may be together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::instance_type::{Card, Ena, InstanceType};
use crate::limits::IPS_PER_INTERFACE;

/// The text that the table is made from.
const TEXT: &str = include_str!("../data/instance-profiles.tsv");

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceProfile {
    /// What it is as an instance type.
    pub kind: InstanceType,
    /// Its family, such as `balanced`.
    pub family: &'static str,
    /// How fast its interfaces may be together, each way, in megabits (1,000,000 bits) per second.
    pub network_mbps: u32,
    /// How fast its disks may be together, in megabits per second: there are none.
    pub volume_mbps: u32,
}

static TABLE: LazyLock<BTreeMap<&'static str, InstanceProfile>> =
    LazyLock::new(|| lines().filter_map(read).map(|found| (found.kind.name, found)).collect());

fn lines() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The profile with this name.
pub fn find(name: &str) -> Option<&'static InstanceProfile> {
    TABLE.get(name)
}

/// All profiles, by name.
pub fn all() -> impl Iterator<Item = &'static InstanceProfile> {
    TABLE.values()
}

/// How many interfaces an instance with so many processors may have.
fn interfaces(vcpus: u32) -> u8 {
    match vcpus {
        0..=16 => 5,
        17..=48 => 10,
        _ => 15,
    }
}

fn read(line: &'static str) -> Option<InstanceProfile> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, family, vcpus, memory_gib, total_mbps] = fields[..] else { return None };
    let (vcpus, memory_gib, total_mbps): (u32, u64, u32) =
        (vcpus.parse().ok()?, memory_gib.parse().ok()?, total_mbps.parse().ok()?);
    let kind = InstanceType {
        name,
        vcpus: Some(vcpus),
        cores: Some(vcpus / 2),
        memory_mib: Some(memory_gib << 10),
        architectures: vec!["x86_64"],
        hypervisor: None,
        current: true,
        burstable: false,
        bare_metal: false,
        free_tier: false,
        ena: Ena::Unsupported,
        cards: vec![Card { interfaces: interfaces(vcpus), efa: false }],
        ipv4_per_interface: IPS_PER_INTERFACE,
        ipv6_per_interface: IPS_PER_INTERFACE,
        efa_interfaces: 0,
        performance: None,
    };
    // A quarter is for disks unless its user says otherwise.
    Some(InstanceProfile { kind, family, network_mbps: total_mbps / 4 * 3, volume_mbps: total_mbps / 4 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f13_profiles_have_5_10_or_15_interfaces_by_their_size() {
        assert_eq!(all().count(), lines().count(), "every line is read");
        for (name, interfaces, network) in [
            ("bx2-2x8", 5, 3_000),
            ("cx2-16x32", 5, 24_000),
            ("mx2-32x256", 10, 48_000),
            ("bx2-48x192", 10, 60_000),
            ("bx2-64x256", 15, 60_000),
            ("cx2-128x256", 15, 60_000),
        ] {
            let profile = find(name).unwrap();
            assert_eq!((profile.kind.interfaces(), profile.network_mbps), (interfaces, network), "{name}");
            assert_eq!(profile.kind.ipv4_per_interface, 8);
        }
        assert!(
            all().all(|profile| crate::instance_type::find(profile.kind.name).is_none()),
            "no name means two things"
        );
        assert_eq!(find("m5.large"), None);
    }
}
