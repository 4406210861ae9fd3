//! The numbers of tenants and instances in a tree.
//!
//! Nothing is remembered: a tenant's or instance's class is the one that its interfaces are in, as the kernel shows the
//! tree, and interfaces are known by their slots. So numbers stay as they are while interfaces come and go, also for an
//! agent that has just started. They must stay: HTB can't put a class below another, only delete and make it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use pintle_core::id::InstanceId;

use super::{FIRST_INNER, UPLINK};

/// A class that is there: what it is below.
pub type Seat = Option<u16>;

/// A tenant: the slots of its instances' interfaces.
pub(super) type Family = BTreeMap<InstanceId, BTreeSet<u16>>;

/// A group's choice among the numbers that some of its members are in: how many are, the number, the group.
type Claim<K> = (usize, u16, K);

/// The numbers of tenants and instances.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    tenants: BTreeMap<u32, u16>,
    instances: BTreeMap<(u32, InstanceId), u16>,
}

impl Numbers {
    /// Gives every tenant and instance a number.
    pub(super) fn assign(families: &BTreeMap<u32, Family>, seats: &BTreeMap<u16, Seat>) -> Result<Self, String> {
        let mut numbers = Numbers::default();
        let mut taken = BTreeSet::new();
        let mut claims = Vec::new();
        for (tenant, instances) in families {
            for (id, slots) in instances {
                claims.extend(claims_of(slots.iter().copied(), seats).map(|(n, number)| (n, number, (*tenant, *id))));
            }
        }
        settle(claims, &mut numbers.instances, &mut taken);
        let mut claims = Vec::new();
        for (tenant, instances) in families {
            let kept = instances.keys().filter_map(|id| numbers.instances.get(&(*tenant, *id)).copied());
            claims.extend(claims_of(kept, seats).map(|(n, number)| (n, number, *tenant)));
        }
        settle(claims, &mut numbers.tenants, &mut taken);
        let mut free = (FIRST_INNER..UPLINK).filter(|number| !taken.contains(number));
        let mut next = || free.next().ok_or_else(|| format!("bandwidth: {}", none_left()));
        for (tenant, instances) in families {
            if let Entry::Vacant(place) = numbers.tenants.entry(*tenant) {
                place.insert(next()?);
            }
            for id in instances.keys() {
                if let Entry::Vacant(place) = numbers.instances.entry((*tenant, *id)) {
                    place.insert(next()?);
                }
            }
        }
        Ok(numbers)
    }

    /// A tenant's number.
    pub(super) fn tenant(&self, tenant: u32) -> u16 {
        self.tenants[&tenant]
    }

    /// An instance's number in a tenant: one with interfaces of several has one in each.
    pub(super) fn instance(&self, tenant: u32, instance: InstanceId) -> u16 {
        self.instances[&(tenant, instance)]
    }
}

fn none_left() -> String {
    format!("a host's tree has room for {} tenants and instances", UPLINK - FIRST_INNER)
}

/// The inner classes that members are below, and how many are.
fn claims_of(members: impl Iterator<Item = u16>, seats: &BTreeMap<u16, Seat>) -> impl Iterator<Item = (usize, u16)> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for member in members {
        let parent = seats.get(&member).copied().flatten();
        if let Some(parent) = parent.filter(|parent| (FIRST_INNER..UPLINK).contains(parent)) {
            *counts.entry(parent).or_default() += 1;
        }
    }
    counts.into_iter().map(|(number, count)| (count, number))
}

/// Gives each number to the one with the most members in it.
fn settle<K: Ord + Copy>(mut claims: Vec<Claim<K>>, given: &mut BTreeMap<K, u16>, taken: &mut BTreeSet<u16>) {
    claims.sort_by_key(|(count, number, group)| (std::cmp::Reverse(*count), *number, *group));
    for (_, number, group) in claims {
        if !given.contains_key(&group) && taken.insert(number) {
            given.insert(group, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(number: u32) -> InstanceId {
        format!("i-{number:017x}").parse().unwrap()
    }

    fn family(tenant: u32, instances: &[(u32, &[u16])]) -> (u32, Family) {
        (tenant, instances.iter().map(|(id, slots)| (instance(*id), slots.iter().copied().collect())).collect())
    }

    /// The tree that an assignment leads to.
    fn seats(numbers: &Numbers, families: &BTreeMap<u32, Family>) -> BTreeMap<u16, Seat> {
        let mut seats = BTreeMap::new();
        for (tenant, instances) in families {
            seats.insert(numbers.tenant(*tenant), Some(UPLINK));
            for (id, slots) in instances {
                let inner = numbers.instance(*tenant, *id);
                seats.insert(inner, Some(numbers.tenant(*tenant)));
                seats.extend(slots.iter().map(|slot| (*slot, Some(inner))));
            }
        }
        seats
    }

    #[test]
    fn numbers_stay_while_others_come_and_go() {
        let before = BTreeMap::from([family(7, &[(1, &[1, 2]), (2, &[3])]), family(8, &[(3, &[4])])]);
        let first = Numbers::assign(&before, &BTreeMap::new()).unwrap();
        // The first instance and its tenant's first interface go, others come before and after.
        let after = [family(6, &[(9, &[9])]), family(7, &[(2, &[3, 1])]), family(8, &[(0, &[5]), (3, &[4, 6])])];
        let after = BTreeMap::from(after);
        let second = Numbers::assign(&after, &seats(&first, &before)).unwrap();
        assert_eq!(second.tenant(7), first.tenant(7));
        assert_eq!(second.tenant(8), first.tenant(8));
        assert_eq!(second.instance(8, instance(3)), first.instance(8, instance(3)));
        let all: BTreeSet<u16> = second.tenants.values().chain(second.instances.values()).copied().collect();
        assert_eq!(all.len(), 3 + 4, "no number twice");
        let third = Numbers::assign(&after, &seats(&second, &after)).unwrap();
        assert_eq!((third.tenants, third.instances), (second.tenants, second.instances));
    }

    #[test]
    fn a_host_with_more_than_fit_is_told_so() {
        let many: Family = (0..u32::from(UPLINK - FIRST_INNER)).map(|n| (instance(n), BTreeSet::new())).collect();
        let why = Numbers::assign(&BTreeMap::from([(1, many)]), &BTreeMap::new()).unwrap_err();
        assert!(why.contains("32767 tenants and instances"), "{why}");
    }
}
