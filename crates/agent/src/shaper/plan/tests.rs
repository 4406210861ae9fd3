//! The planner against a model of HTB: what it refuses is never asked for, and every plan leads to the tree wanted.

use proptest::prelude::*;

use super::super::UPLINK;
use super::*;

fn psched() -> Psched {
    Psched::read().unwrap()
}

fn node(parent: u16, rate: u64) -> Class {
    Class { parent: Some(parent), rate, ceil: rate, priority: 0 }
}

/// A tree with these instances in one tenant, each with these slots.
fn tree(instances: &[(u16, &[u16])], rate: u64) -> Tree {
    let mut tree = Tree::from([(UPLINK, Class { parent: None, rate, ceil: rate, priority: 0 })]);
    tree.insert(0x8000, node(UPLINK, rate));
    for (instance, slots) in instances {
        tree.insert(*instance, node(0x8000, rate));
        tree.extend(slots.iter().map(|slot| (*slot, node(*instance, rate))));
    }
    tree
}

/// Carries out steps as the kernel would, and refuses what it would.
fn run(seen: &mut Seen, steps: &[Step]) {
    for step in steps {
        let below = |seen: &Seen, number: u16| seen.seats().values().filter(|parent| **parent == Some(number)).count();
        match step {
            Step::Clear => assert_eq!(seen.root, Root::Foreign, "nothing to clear"),
            Step::Plant => assert_eq!(seen.root, Root::Absent, "the root is taken"),
            Step::Put(class) => {
                let parent = (class.parent != Handle::ROOT).then(|| class.parent.minor());
                assert!(parent.is_none_or(|parent| seen.classes.contains_key(&parent)), "no parent for {class:?}");
                let old = seen.classes.get(&class.handle.minor());
                assert!(old.is_none_or(|old| old.parent == class.parent), "HTB moves no class");
            }
            Step::Queue(leaf, _) => assert!(seen.classes.contains_key(leaf) && below(seen, *leaf) == 0),
            Step::Delete(number) => {
                assert!(seen.classes.contains_key(number) && below(seen, *number) == 0, "{number:x} is not a leaf");
            }
        }
        seen.take(step);
    }
}

fn follow(seen: &mut Seen, wanted: &Tree) -> Plan {
    let plan = plan(wanted, seen, psched());
    run(seen, &plan.before);
    for number in wanted.keys() {
        assert!(seen.classes.contains_key(number), "packets may be sent to {number:x} between the two parts");
    }
    run(seen, &plan.after);
    assert_eq!(super::plan(wanted, seen, psched()), Plan::default(), "a second apply writes nothing");
    plan
}

#[test]
fn a_tree_is_planted_in_place_of_whatever_was_there() {
    for root in [Root::Absent, Root::Foreign] {
        let mut seen = Seen { root, ..Seen::default() };
        let plan = follow(&mut seen, &tree(&[(0x8001, &[1, 2])], 1000));
        assert_eq!(plan.before.contains(&Step::Clear), root == Root::Foreign);
        assert_eq!(plan.after, []);
        assert_eq!(seen.queues.keys().copied().collect::<Vec<_>>(), [1, 2]);
    }
    assert_eq!(plan(&Tree::new(), &Seen::default(), psched()), Plan::default());
}

#[test]
fn a_changed_rate_is_one_request_and_keeps_what_waits() {
    let mut seen = Seen::default();
    let before = tree(&[(0x8001, &[1, 2])], 2_000_000);
    follow(&mut seen, &before);
    let mut after = before.clone();
    after.get_mut(&1).unwrap().rate = 1_000_000;
    let plan = follow(&mut seen, &after);
    assert!(matches!(&plan.before[..], [Step::Put(class)] if class.rate == 1_000_000), "{plan:?}");
}

#[test]
fn a_slot_that_another_instance_has_now_is_made_anew() {
    let mut seen = Seen::default();
    follow(&mut seen, &tree(&[(0x8001, &[1, 2]), (0x8002, &[3])], 1000));
    let plan = follow(&mut seen, &tree(&[(0x8001, &[1]), (0x8002, &[2, 3])], 1000));
    assert_eq!(plan.before[0], Step::Delete(2));
    assert_eq!(plan.before.len(), 3, "{plan:?}");
}

#[test]
fn what_others_changed_is_repaired() {
    let wanted = tree(&[(0x8001, &[1])], 1000);
    let mut seen = Seen::default();
    follow(&mut seen, &wanted);
    seen.classes.get_mut(&1).unwrap().ceil = 9;
    seen.queues.insert(1, 9);
    seen.take(&Step::Put(HtbClass { handle: Handle::new(1, 77), ..seen.classes[&1] }));
    let plan = follow(&mut seen, &wanted);
    assert_eq!((plan.before.len(), plan.after.as_slice()), (2, &[Step::Delete(77)][..]));
    // The kernel keeps for an inner class what it had as a leaf.
    seen.classes.get_mut(&0x8001).unwrap().quantum = 9;
    assert_eq!(super::plan(&wanted, &seen, psched()), Plan::default());
}

proptest! {
    #[test]
    fn any_tree_follows_any_other(
        trees in proptest::collection::vec(
            (proptest::collection::btree_map(1u16..20, (0x8001u16..0x8005, 0x8010u16..0x8012), 0..12), 1u64..1_000_000),
            1..6,
        ),
    ) {
        let mut seen = Seen::default();
        for (leaves, rate) in trees {
            let mut wanted = Tree::new();
            if !leaves.is_empty() {
                wanted.insert(UPLINK, Class { parent: None, rate, ceil: rate, priority: 0 });
            }
            for (slot, (instance, tenant)) in &leaves {
                // An instance's tenant is that of its first slot.
                wanted.entry(*tenant).or_insert(node(UPLINK, rate));
                wanted.entry(*instance).or_insert(node(*tenant, rate));
                wanted.insert(*slot, node(*instance, rate));
            }
            let used: BTreeSet<u16> = wanted.values().filter_map(|class| class.parent).collect();
            wanted.retain(|number, _| *number < FIRST_INNER || used.contains(number));
            follow(&mut seen, &wanted);
        }
    }
}
