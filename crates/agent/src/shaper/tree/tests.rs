//! What the trees are for: ceilings as asked, guarantees that fit, numbers that stay.

use proptest::prelude::*;

use super::*;

fn instance(number: u32) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

fn member(slot: u32, tenant: u32, inside: u32, limits: PortLimits) -> Member {
    Member { slot, tenant, instance: instance(inside), limits }
}

fn egress(kbps: u32) -> PortLimits {
    PortLimits { egress_kbps: Some(kbps), ..PortLimits::default() }
}

fn of_instance(kbps: u32) -> PortLimits {
    PortLimits { instance_kbps: Some(kbps), ..PortLimits::default() }
}

fn fresh(members: &[Member], link_kbps: Option<u64>) -> Wanted {
    wanted(members, link_kbps, [&BTreeMap::new(), &BTreeMap::new()])
}

/// The class above another one.
fn above(tree: &Tree, number: u16) -> Class {
    tree[&tree[&number].parent.unwrap()]
}

#[test]
fn interfaces_without_limits_take_no_detour() {
    let wanted = fresh(&[member(1, 7, 1, PortLimits::default())], Some(10_000_000));
    assert!(wanted.is_empty() && wanted.refused.is_empty());
}

#[test]
fn j01_every_level_has_the_ceiling_that_was_asked_for() {
    let limits = PortLimits { egress_kbps: Some(100_000), instance_kbps: Some(300_000), ..PortLimits::default() };
    let wanted = fresh(&[member(1, 7, 1, limits), member(2, 7, 1, of_instance(300_000))], Some(1_000_000));
    let tree = &wanted.egress;
    assert_eq!((tree[&1].ceil, tree[&2].ceil), (12_500_000, 37_500_000));
    assert_eq!(above(tree, 1).ceil, 37_500_000);
    assert_eq!((tree[&UPLINK].rate, tree[&UPLINK].ceil), (125_000_000, 125_000_000));
    assert_eq!(tree.len(), 5, "uplink, tenant, instance, two interfaces");
    // The interface's own limit is for one direction, the instance's for each.
    assert_eq!((wanted.ingress[&1].ceil, wanted.ingress[&2].ceil), (37_500_000, 37_500_000));
}

#[test]
fn j10_a_limit_is_exact_also_where_it_does_not_fit_32_bits() {
    let wanted = fresh(&[member(1, 7, 1, egress(100_000_001))], None);
    assert_eq!((wanted.egress[&1].rate, wanted.egress[&1].ceil), (12_500_000_125, 12_500_000_125));
    assert!(wanted.ingress.is_empty());
}

#[test]
fn j03_guarantees_shrink_only_when_they_do_not_fit() {
    let one = fresh(&[member(1, 7, 1, of_instance(100_000))], None);
    assert_eq!(one.egress[&1].rate, 12_500_000);
    let two = [1, 2].map(|slot| member(slot, 7, 1, of_instance(100_000)));
    let two = fresh(&two, None);
    assert_eq!([two.egress[&1].rate, two.egress[&2].rate], [6_250_000; 2]);
    assert_eq!([two.egress[&1].ceil, two.egress[&2].ceil], [12_500_000; 2], "what is idle may be borrowed");
    // Two instances with more than the link: it is theirs in halves, and one alone may have it all.
    let both = fresh(&[member(1, 7, 1, egress(800_000)), member(2, 8, 2, egress(800_000))], Some(1_000_000));
    assert_eq!([above(&both.egress, 1).rate, above(&both.egress, 2).rate], [50_000_000; 2]);
    assert_eq!(both.egress[&1].ceil, 100_000_000);
}

#[test]
fn j09_priority_orders_those_who_share_a_limit() {
    let limits = PortLimits { priority: 7, ..of_instance(100_000) };
    let tree = fresh(&[member(1, 7, 1, limits), member(2, 7, 1, of_instance(100_000))], None).egress;
    assert_eq!((tree[&1].priority, tree[&2].priority), (7, 0));
    assert!(fresh(&[member(1, 7, 1, PortLimits { priority: 7, ..PortLimits::default() })], None).is_empty());
}

#[test]
fn a_packets_class_is_one_that_the_tree_has() {
    for limits in [PortLimits::default(), egress(5), egress(0), of_instance(7), PortLimits { priority: 9, ..egress(5) }]
    {
        for slot in [1, u32::from(FIRST_INNER) - 1, u32::from(FIRST_INNER), 70_000] {
            let wanted = fresh(&[member(slot, 7, 1, limits)], None);
            for direction in Direction::BOTH {
                let there = u16::try_from(slot).is_ok_and(|slot| wanted.tree(direction).contains_key(&slot));
                let class = class(slot, &limits, direction);
                assert_eq!(class, if there { 0x1_0000 + slot } else { 0 }, "{limits:?} {slot} {direction:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    let far = member(u32::from(FIRST_INNER), 7, 1, egress(1000));
    let bad = PortLimits { priority: 9, ..PortLimits::default() };
    let wanted = fresh(&[far, member(2, 7, 1, egress(0)), member(3, 7, 1, bad), member(4, 7, 1, egress(1))], None);
    assert!(wanted.refused[&u32::from(FIRST_INNER)].contains("first 32767 ports"));
    assert!(wanted.refused[&2].contains("egress limit is 0 kbit/s"));
    assert!(wanted.refused[&3].contains("priority 9"));
    assert_eq!(wanted.refused.len(), 3);
    assert_eq!(wanted.egress[&4].ceil, 125, "the others are limited all the same");
}

#[test]
fn a_newcomer_changes_the_classes_above_it_and_seldom_those_beside_it() {
    let members: Vec<Member> = (1..=200).map(|slot| member(slot, slot % 5, slot / 2, egress(100_000))).collect();
    let (mut seats, mut before, mut written) = (BTreeMap::new(), Tree::new(), 0);
    for count in 1..=members.len() {
        let now = wanted(&members[..count], Some(10_000_000), [&seats, &BTreeMap::new()]).egress;
        written += now.iter().filter(|(number, class)| before.get(number) != Some(class)).count();
        seats = now.iter().map(|(number, class)| (*number, class.parent)).collect();
        before = now;
    }
    assert!(written < 8 * members.len(), "{written} classes were written for {} interfaces", members.len());
}

fn limits() -> impl Strategy<Value = PortLimits> {
    let kbps = || proptest::option::of(1u32..5_000_000);
    (kbps(), kbps(), kbps(), 0u8..8).prop_map(|(egress_kbps, ingress_kbps, instance_kbps, priority)| PortLimits {
        egress_kbps,
        ingress_kbps,
        instance_kbps,
        priority,
    })
}

proptest! {
    #[test]
    fn guarantees_fit_and_ceilings_hold(
        all in proptest::collection::vec((0u32..4, 0u32..6, limits()), 1..40),
        link in proptest::option::of(1_000u64..100_000_000),
    ) {
        let members: Vec<Member> = (1..).zip(all)
            .map(|(slot, (tenant, inside, limits))| member(slot, tenant, tenant * 10 + inside, limits)).collect();
        let wanted = fresh(&members, link);
        prop_assert!(wanted.refused.is_empty());
        for tree in [&wanted.egress, &wanted.ingress] {
            let mut sums: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
            for class in tree.values() {
                prop_assert!(class.rate >= 1 && class.rate <= class.ceil);
                if let Some(parent) = class.parent {
                    prop_assert!(class.ceil <= tree[&parent].ceil);
                    let sum = sums.entry(parent).or_default();
                    *sum = (sum.0 + class.rate, sum.1 + 1);
                }
            }
            for (parent, (sum, children)) in sums {
                // One byte a second is the least there is.
                prop_assert!(sum <= tree[&parent].rate.max(children), "{sum} below {:?}", tree[&parent]);
            }
        }
        for member in &members {
            let own = |kbps: Option<u32>| kbps.map_or(u64::MAX, |kbps| u64::from(kbps) * 125);
            let most = own(member.limits.egress_kbps).min(own(member.limits.instance_kbps));
            let class = wanted.egress.get(&u16::try_from(member.slot).unwrap());
            prop_assert!(class.map_or(most == u64::MAX, |class| class.ceil <= most));
        }
    }
}
