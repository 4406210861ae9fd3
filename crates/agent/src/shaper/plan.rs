//! From the tree that should be and the tree that is to what has to be done. Pure.
//!
//! In two parts, with the data plane in between: a class is there before a packet names it, and goes when none does any more.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::Seat;
use super::tree::{Class, Tree};
use super::{FIRST_INNER, MAJOR, TREE};
use crate::kernel::tc::{ClassState, DiscState, Handle, HtbClass, Psched};

#[cfg(test)]
mod tests;

/// How much a class may send at once after a pause, as a part of a second. Long against the time that the kernel's timers
/// are late, so that nothing is lost to it; short against the second in which a limit should hold.
const BURST_PER_SECOND: u64 = 50;

/// The smallest burst, in bytes: a frame.
const LEAST_BURST: u64 = 2_000;

/// The smallest quantum: a GSO packet, the largest there is. With less a class that sends these would get more than one
/// with small packets. The largest keeps turns short.
const QUANTUM: std::ops::RangeInclusive<u64> = 66_000..=660_000;

/// How long a queue may get, as a part of a second at its ceiling, and in bytes: two GSO packets at least.
const QUEUE_PER_SECOND: u64 = 10;
const QUEUE: std::ops::RangeInclusive<u64> = 132_000..=32_000_000;

/// What is at the root of an end of the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    /// Nothing of anybody's.
    #[default]
    Absent,
    /// A tree as ours is.
    Ours,
    /// Something else, which is in the way.
    Foreign,
}

/// A tree as the kernel shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is at the root.
    pub root: Root,
    /// Its classes, by number.
    pub classes: BTreeMap<u16, HtbClass>,
    /// The limits of the leaves' queues, in bytes.
    pub queues: BTreeMap<u16, u32>,
}

impl Seen {
    /// Puts together what the kernel listed.
    pub fn new(discs: &[DiscState], classes: &[ClassState]) -> Self {
        let root = discs.iter().find(|disc| disc.parent == Handle::ROOT);
        let root = match root {
            None => Root::Absent,
            // What a device has of itself.
            Some(disc) if disc.handle == Handle(0) => Root::Absent,
            Some(disc) if disc.kind == "htb" && disc.handle == TREE => {
                let closed = disc.direct == Some(0) && disc.default_class == Some(0);
                if closed { Root::Ours } else { Root::Foreign }
            }
            Some(_) => Root::Foreign,
        };
        if root != Root::Ours {
            return Seen { root, ..Seen::default() };
        }
        let queues = discs.iter().filter(|disc| disc.kind == "bfifo");
        Seen {
            root,
            classes: classes.iter().map(|state| (state.class.handle.minor(), state.class)).collect(),
            queues: queues.filter_map(|disc| Some((disc.parent.minor(), disc.limit?))).collect(),
        }
    }

    /// What each class is below.
    pub fn seats(&self) -> BTreeMap<u16, Seat> {
        let parent = |class: &HtbClass| (class.parent != Handle::ROOT).then(|| class.parent.minor());
        self.classes.iter().map(|(number, class)| (*number, parent(class))).collect()
    }

    /// What the tree is after a step.
    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Clear => *self = Seen::default(),
            Step::Plant => self.root = Root::Ours,
            Step::Put(class) => drop(self.classes.insert(class.handle.minor(), *class)),
            Step::Queue(leaf, limit) => drop(self.queues.insert(*leaf, *limit)),
            Step::Delete(number) => {
                self.classes.remove(number);
                self.queues.remove(number);
            }
        }
    }
}

/// One request to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Take away what is at the root.
    Clear,
    /// Put an empty tree there.
    Plant,
    /// Make or change a class.
    Put(HtbClass),
    /// Give a leaf a queue of so many bytes.
    Queue(u16, u32),
    /// Delete a class.
    Delete(u16),
}

/// What has to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Before the data plane names the classes.
    pub before: Vec<Step>,
    /// Once it no longer names those that are not wanted.
    pub after: Vec<Step>,
}

/// Plans one direction's tree.
pub fn plan(wanted: &Tree, seen: &Seen, psched: Psched) -> Plan {
    let mut plan = Plan::default();
    let mut there = seen.clone();
    if wanted.is_empty() && seen.root != Root::Ours {
        return plan;
    }
    if seen.root != Root::Ours {
        if seen.root == Root::Foreign {
            plan.before.push(Step::Clear);
        }
        plan.before.push(Step::Plant);
        there = Seen { root: Root::Ours, ..Seen::default() };
    }
    for number in misplaced(wanted, &there) {
        there.take(&Step::Delete(number));
        plan.before.push(Step::Delete(number));
    }
    for number in by_depth(&wanted.iter().map(|(number, class)| (*number, class.parent)).collect()) {
        let (class, leaf) = (class(number, &wanted[&number], psched), number < FIRST_INNER);
        if there.classes.get(&number).is_none_or(|seen| differs(&class, seen, leaf)) {
            plan.before.push(Step::Put(class));
        }
        let limit = queue_limit(&wanted[&number]);
        if leaf && there.queues.get(&number) != Some(&limit) {
            plan.before.push(Step::Queue(number, limit));
        }
    }
    let surplus = by_depth(&there.seats()).into_iter().rev().filter(|number| !wanted.contains_key(number));
    plan.after.extend(surplus.map(Step::Delete));
    plan
}

/// Classes that are below another one than they should be, with all that is below them: from the leaves up.
fn misplaced(wanted: &Tree, there: &Seen) -> Vec<u16> {
    let seats = there.seats();
    let mut gone = BTreeSet::new();
    let order = by_depth(&seats);
    for number in &order {
        let parent = seats[number];
        let wrong = wanted.get(number).is_some_and(|class| class.parent != parent);
        if wrong || parent.is_some_and(|parent| gone.contains(&parent)) {
            gone.insert(*number);
        }
    }
    order.into_iter().rev().filter(|number| gone.contains(number)).collect()
}

/// Classes in an order in which each comes after the one that it is below.
fn by_depth(seats: &BTreeMap<u16, Seat>) -> Vec<u16> {
    let depth = |number: u16| {
        let above = std::iter::successors(Some(number), |number| seats.get(number).copied().flatten());
        // A tree of the kernel's is at most eight deep.
        above.take(9).count()
    };
    let mut order: Vec<(usize, u16)> = seats.keys().map(|number| (depth(*number), *number)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}

fn differs(wanted: &HtbClass, seen: &HtbClass, leaf: bool) -> bool {
    // The kernel keeps what an inner class had as a leaf, which means nothing.
    let (quantum, priority) = if leaf { (seen.quantum, seen.priority) } else { (wanted.quantum, wanted.priority) };
    *wanted != HtbClass { quantum, priority, ..*seen }
}

/// A class in the kernel's terms.
fn class(number: u16, class: &Class, psched: Psched) -> HtbClass {
    let burst = |rate: u64| psched.ticks((rate / BURST_PER_SECOND).max(LEAST_BURST), rate);
    let quantum = (class.rate / 10).clamp(*QUANTUM.start(), *QUANTUM.end());
    HtbClass {
        handle: Handle::new(MAJOR, number),
        parent: class.parent.map_or(Handle::ROOT, |parent| Handle::new(MAJOR, parent)),
        rate: class.rate,
        ceil: class.ceil,
        burst: burst(class.rate),
        ceil_burst: burst(class.ceil),
        quantum: u32::try_from(quantum).unwrap_or(u32::MAX),
        priority: u32::from(class.priority),
    }
}

fn queue_limit(class: &Class) -> u32 {
    let bytes = (class.ceil / QUEUE_PER_SECOND).clamp(*QUEUE.start(), *QUEUE.end());
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
