//! What the trees should be. Pure: from the limits of the host's interfaces to classes with rates.
//!
//! Ceilings are what was asked for: an interface's limit, its instance's limit, the uplink's speed. Rates are guarantees: a
//! child's is its demand (its ceiling, or less if those below it together can't use that much), unless the demands of
//! its siblings and itself are more than the parent has. Then all of them are halved until they fit, and what is left over
//! is lent. Halving, not an exact share: an interface that comes or goes changes nobody else's class until the sum of all
//! has doubled, so that a change costs what it touches. The sum must fit, because HTB grants a guarantee even when the
//! parent has run dry.
//!
//! Interfaces without a limit have no class. An interface's priority is among those that have one: who borrows first what
//! others of its instance, its tenant or the host leave idle.

use std::collections::BTreeMap;

use pintle_core::host_spec::PortLimits;
use pintle_core::id::InstanceId;

use super::numbers::{Family, Numbers, Seat};
use super::{Direction, FIRST_INNER, UPLINK, class_of_slot};

#[cfg(test)]
mod tests;

/// Bytes a second in a kilobit a second.
const BYTES_PER_KBIT: u64 = 1000 / 8;

/// What the uplink is taken for when its speed is not known, in kilobits a second: more than any network card has, so
/// that only the limits below it count.
const UNKNOWN_LINK_KBPS: u64 = 800_000_000;

/// An interface of the host, as far as its limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The slot of its port.
    pub slot: u32,
    /// Whose it is: the segment of its VPC.
    pub tenant: u32,
    /// The instance that it is in.
    pub instance: InstanceId,
    /// Its limits.
    pub limits: PortLimits,
}

impl Member {
    /// Whether it has a limit in either direction.
    pub fn is_limited(&self) -> bool {
        Direction::BOTH.into_iter().any(|direction| is_limited(&self.limits, direction))
    }
}

/// A class as it should be. Rates are bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The class above; `None` above the uplink.
    pub parent: Option<u16>,
    /// What it gets in any case.
    pub rate: u64,
    /// What it gets at most.
    pub ceil: u64,
    /// Who borrows first: 0 to 7.
    pub priority: u8,
}

/// A tree: its classes by their numbers.
pub type Tree = BTreeMap<u16, Class>;

/// What the trees should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of what guests send.
    pub egress: Tree,
    /// Of what guests get.
    pub ingress: Tree,
    /// Slots whose limits can't be kept, and why. They are not limited at all.
    pub refused: BTreeMap<u32, String>,
}

impl Wanted {
    /// One direction's tree.
    pub fn tree(&self, direction: Direction) -> &Tree {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }

    /// Whether no interface is limited.
    pub fn is_empty(&self) -> bool {
        self.egress.is_empty() && self.ingress.is_empty()
    }
}

/// Works out the trees for the interfaces of a host, whose uplink has `link_kbps` kilobits a second if that is known.
/// `seats` are the classes that there are: tenants and instances keep their numbers.
pub fn wanted(members: &[Member], link_kbps: Option<u64>, seats: [&BTreeMap<u16, Seat>; 2]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut fit: Vec<&Member> = Vec::with_capacity(members.len());
    for member in members {
        match refusal(member.slot, &member.limits) {
            Some(why) => drop(wanted.refused.insert(member.slot, why)),
            None => fit.push(member),
        }
    }
    let link = link_kbps.unwrap_or(UNKNOWN_LINK_KBPS).max(1) * BYTES_PER_KBIT;
    for (direction, seats) in Direction::BOTH.into_iter().zip(seats) {
        let limited = fit.iter().filter(|member| is_limited(&member.limits, direction));
        let chosen: Vec<Leaf> = limited.map(|member| leaf(member, direction, link)).collect();
        match grow(&chosen, link, seats) {
            Ok(tree) if direction == Direction::Egress => wanted.egress = tree,
            Ok(tree) => wanted.ingress = tree,
            Err(why) => wanted.refused.extend(chosen.iter().map(|leaf| (u32::from(leaf.number), why.clone()))),
        }
    }
    wanted
}

/// The class of what the interface in a slot sends or gets, for the data plane; 0 if it has no limit there, or none that can
/// be kept.
pub fn class(slot: u32, limits: &PortLimits, direction: Direction) -> u32 {
    let number = u16::try_from(slot).unwrap_or_default();
    let kept = is_limited(limits, direction) && refusal(slot, limits).is_none();
    if kept { class_of_slot(number) } else { 0 }
}

/// Why an interface can't be limited.
fn refusal(slot: u32, limits: &PortLimits) -> Option<String> {
    let limited = limits.egress_kbps.or(limits.ingress_kbps).or(limits.instance_kbps).is_some();
    if limited && !(1..u32::from(FIRST_INNER)).contains(&slot) {
        return Some(format!(
            "bandwidth: slot {slot} can't have a class; the first {} ports of a host can be limited",
            FIRST_INNER - 1
        ));
    }
    let fields = [("egress", limits.egress_kbps), ("ingress", limits.ingress_kbps), ("instance", limits.instance_kbps)];
    if let Some((field, _)) = fields.into_iter().find(|(_, kbps)| *kbps == Some(0)) {
        return Some(format!("bandwidth: the {field} limit is 0 kbit/s; a limit is at least 1, or none"));
    }
    (limits.priority > 7).then(|| format!("bandwidth: priority {} is not 0 to 7", limits.priority))
}

fn own_limit(limits: &PortLimits, direction: Direction) -> Option<u32> {
    match direction {
        Direction::Egress => limits.egress_kbps,
        Direction::Ingress => limits.ingress_kbps,
    }
}

fn is_limited(limits: &PortLimits, direction: Direction) -> bool {
    own_limit(limits, direction).or(limits.instance_kbps).is_some()
}

/// An interface in one tree.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    number: u16,
    tenant: u32,
    instance: InstanceId,
    ceil: u64,
    instance_ceil: u64,
    priority: u8,
}

fn leaf(member: &Member, direction: Direction, link: u64) -> Leaf {
    let bytes = |kbps: Option<u32>, most: u64| kbps.map_or(most, |kbps| (u64::from(kbps) * BYTES_PER_KBIT).min(most));
    let instance_ceil = bytes(member.limits.instance_kbps, link);
    Leaf {
        number: u16::try_from(member.slot).unwrap_or(FIRST_INNER),
        tenant: member.tenant,
        instance: member.instance,
        ceil: bytes(own_limit(&member.limits, direction), instance_ceil),
        instance_ceil,
        priority: member.limits.priority,
    }
}

fn grow(leaves: &[Leaf], link: u64, seats: &BTreeMap<u16, Seat>) -> Result<Tree, String> {
    let mut tenants: BTreeMap<u32, BTreeMap<InstanceId, Vec<&Leaf>>> = BTreeMap::new();
    for leaf in leaves.iter().filter(|leaf| leaf.number < FIRST_INNER) {
        tenants.entry(leaf.tenant).or_default().entry(leaf.instance).or_default().push(leaf);
    }
    let mut tree = Tree::new();
    if tenants.is_empty() {
        return Ok(tree);
    }
    let slots = |leaves: &Vec<&Leaf>| leaves.iter().map(|leaf| leaf.number).collect();
    let family = |instances: &BTreeMap<InstanceId, Vec<&Leaf>>| -> Family {
        instances.iter().map(|(id, leaves)| (*id, slots(leaves))).collect()
    };
    let families = tenants.iter().map(|(tenant, instances)| (*tenant, family(instances))).collect();
    let numbers = Numbers::assign(&families, seats)?;
    tree.insert(UPLINK, Class { parent: None, rate: link, ceil: link, priority: 0 });
    let instance_demand = |leaves: &[&Leaf]| {
        let ceil = leaves.iter().map(|leaf| leaf.instance_ceil).min().unwrap_or(link);
        (ceil, leaves.iter().map(|leaf| leaf.ceil).sum::<u64>().min(ceil))
    };
    let tenant_demand = |instances: &BTreeMap<InstanceId, Vec<&Leaf>>| {
        instances.values().map(|leaves| instance_demand(leaves).1).sum::<u64>().min(link)
    };
    let shift = halvings(tenants.values().map(tenant_demand), link);
    for (tenant, instances) in &tenants {
        let number = numbers.tenant(*tenant);
        let rate = guarantee(tenant_demand(instances), shift);
        tree.insert(number, Class { parent: Some(UPLINK), rate, ceil: link, priority: 0 });
        let shift = halvings(instances.values().map(|leaves| instance_demand(leaves).1), rate);
        for (instance, leaves) in instances {
            let inner = numbers.instance(*tenant, *instance);
            let (ceil, demand) = instance_demand(leaves);
            let rate = guarantee(demand, shift);
            tree.insert(inner, Class { parent: Some(number), rate, ceil, priority: 0 });
            let shift = halvings(leaves.iter().map(|leaf| leaf.ceil.min(ceil)), rate);
            for leaf in leaves {
                let ceil = leaf.ceil.min(ceil);
                let class = Class { parent: Some(inner), rate: guarantee(ceil, shift), ceil, priority: leaf.priority };
                tree.insert(leaf.number, class);
            }
        }
    }
    Ok(tree)
}

/// How often demands must be halved for their sum to fit.
fn halvings(demands: impl Iterator<Item = u64>, room: u64) -> u32 {
    let sum: u64 = demands.sum();
    let mut count = 0;
    while sum >> count > room {
        count += 1;
    }
    count
}

fn guarantee(demand: u64, halvings: u32) -> u64 {
    // The kernel has no class without a rate.
    (demand >> halvings).max(1)
}
