//! Instance types: how many interfaces and addresses an instance of each may have, from what EC2 publishes.
//!
//! The numbers are data, one line a type, in `data/instance-types.tsv`. They limit what is attached; how large an instance
//! really is, is its host's affair.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The text that the table is made from.
const TEXT: &str = include_str!("../data/instance-types.tsv");

/// A network card of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// How many interfaces it takes.
    pub interfaces: u8,
    /// Whether one of them may be an EFA one.
    pub efa: bool,
}

/// Whether instances of a type have EC2's enhanced network adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ena {
    /// They do.
    Required,
    /// They may.
    Supported,
    /// They don't, or it is not known.
    Unsupported,
}

/// An instance type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name, such as `m5.large`.
    pub name: &'static str,
    /// Its virtual processors; `None`: not known.
    pub vcpus: Option<u32>,
    /// The cores that these are threads of; `None`: not known.
    pub cores: Option<u32>,
    /// Its memory in MiB; `None`: not known.
    pub memory_mib: Option<u64>,
    /// Its processors' architectures, such as `x86_64`; empty: not known.
    pub architectures: Vec<&'static str>,
    /// `nitro` or `xen`; `None`: it has none, or it is not known.
    pub hypervisor: Option<&'static str>,
    /// Whether it is not one of those that EC2 calls previous.
    pub current: bool,
    /// Whether its processors are shared by credits.
    pub burstable: bool,
    /// Whether an instance is a whole machine.
    pub bare_metal: bool,
    /// Whether EC2's free tier has it.
    pub free_tier: bool,
    /// Its network adapter.
    pub ena: Ena,
    /// Its network cards, 0 first; never empty.
    pub cards: Vec<Card>,
    /// The most IPv4 addresses of an interface; a delegated prefix counts as one.
    pub ipv4_per_interface: u16,
    /// The most IPv6 addresses of an interface; 0: it does not have IPv6.
    pub ipv6_per_interface: u16,
    /// The most EFA interfaces.
    pub efa_interfaces: u8,
    /// How fast its network is, in EC2's words; `None`: not known.
    pub performance: Option<&'static str>,
}

impl InstanceType {
    /// The most interfaces that an instance of this type may have, on all its cards together.
    pub fn interfaces(&self) -> usize {
        self.cards.iter().map(|card| usize::from(card.interfaces)).sum()
    }
}

static TABLE: LazyLock<BTreeMap<&'static str, InstanceType>> =
    LazyLock::new(|| lines().filter_map(read).map(|found| (found.name, found)).collect());

fn lines() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The type with this name.
pub fn find(name: &str) -> Option<&'static InstanceType> {
    TABLE.get(name)
}

/// All types, by name.
pub fn all() -> impl Iterator<Item = &'static InstanceType> {
    TABLE.values()
}

fn read(line: &'static str) -> Option<InstanceType> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, vcpus, cores, memory, architectures, hypervisor, flags, cards, ipv4, ipv6, efa, performance] =
        fields[..]
    else {
        return None;
    };
    let has = |flag| flags.contains(flag);
    Some(InstanceType {
        name,
        vcpus: vcpus.parse().ok(),
        cores: cores.parse().ok(),
        memory_mib: memory.parse().ok(),
        architectures: known(architectures).map(|all| all.split('+').collect()).unwrap_or_default(),
        hypervisor: known(hypervisor),
        current: has('c'),
        burstable: has('b'),
        bare_metal: has('m'),
        free_tier: has('f'),
        ena: match () {
            () if has('E') => Ena::Required,
            () if has('e') => Ena::Supported,
            () => Ena::Unsupported,
        },
        cards: read_cards(cards)?,
        ipv4_per_interface: ipv4.parse().ok()?,
        ipv6_per_interface: ipv6.parse().ok()?,
        efa_interfaces: efa.parse().ok()?,
        performance: known(performance),
    })
}

fn known(field: &'static str) -> Option<&'static str> {
    (field != "-").then_some(field)
}

fn read_cards(text: &str) -> Option<Vec<Card>> {
    let mut cards = Vec::new();
    for group in text.split(',') {
        let (one, times) = group.split_once('*').unwrap_or((group, "1"));
        let card = Card { interfaces: one.trim_end_matches('e').parse().ok()?, efa: one.ends_with('e') };
        cards.extend(std::iter::repeat_n(card, times.parse().ok()?));
    }
    Some(cards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_IPS_PER_INTERFACE;
    use crate::model::MAX_INDEX;

    #[test]
    fn b14_every_line_of_the_table_is_read_and_within_what_hosts_can_make() {
        assert_eq!(all().count(), lines().count());
        assert!(all().count() > 1_400);
        for kind in all() {
            assert!(kind.interfaces() >= 1 && kind.interfaces() <= usize::from(MAX_INDEX), "{kind:?}");
            assert!(kind.ipv4_per_interface >= 1 && kind.ipv4_per_interface <= MAX_IPS_PER_INTERFACE, "{kind:?}");
            assert!(kind.ipv6_per_interface <= MAX_IPS_PER_INTERFACE, "{kind:?}");
            let efa = kind.cards.iter().filter(|card| card.efa).count();
            assert!(usize::from(kind.efa_interfaces) <= efa, "one EFA interface a card: {kind:?}");
        }
    }

    #[test]
    fn b14_numbers_are_those_that_ec2_publishes() {
        let says = |name| {
            let kind = find(name).unwrap();
            (kind.interfaces(), kind.ipv4_per_interface, kind.cards.len(), kind.efa_interfaces)
        };
        assert_eq!(says("t3.micro"), (2, 2, 1, 0));
        assert_eq!(says("m5.large"), (3, 10, 1, 0));
        assert_eq!(says("m5.24xlarge"), (15, 50, 1, 0));
        assert_eq!(says("p4d.24xlarge"), (60, 50, 4, 4));
        assert_eq!(says("p5.48xlarge"), (64, 50, 32, 32));
        assert_eq!(says("trn1.32xlarge"), (40, 50, 8, 8));
        let small = find("t3.micro").unwrap();
        assert_eq!((small.vcpus, small.memory_mib, small.burstable), (Some(2), Some(1024), true));
        assert_eq!(find("m1.small").unwrap().ipv6_per_interface, 0);
        assert_eq!(find("m5.huge"), None);
    }
}
