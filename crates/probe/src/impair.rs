//! A bad wire: joins two devices and loses, repeats, delays and reorders what passes, from a seed.
//!
//! The kernel's netem is not everywhere, and a wire in user space sees every frame, can count what it did to it, and does
//! the same again for the same seed as far as the order of arrival is the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Moment;
use crate::error::Result;
use crate::inject::Injector;
use crate::namespace::Namespace;
use crate::random::Random;
use crate::worker::{Stop, Worker};

/// How many frames are on their way at most; more are lost, as in a full queue.
const CAPACITY: usize = 20_000;
/// How many frames are read before those that are due are sent.
const BURST: usize = 64;

/// What the wire does to each frame, independently. Chances are parts of a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Lost.
    pub loss_ppm: u32,
    /// Sent twice, the second time after another delay.
    pub duplicate_ppm: u32,
    /// Held back by `reorder_by`, so that later ones overtake it.
    pub reorder_ppm: u32,
    /// How long a reordered frame is held back.
    pub reorder_by: Duration,
    /// Every frame's delay.
    pub delay: Duration,
    /// Added to it: between 0 and this.
    pub jitter: Duration,
}

/// Is shown each frame of one direction as it is sent on, in the order in which it is.
pub type Watch = Box<dyn FnMut(&[u8]) + Send>;

/// What a wire did, both directions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that came.
    pub received: u64,
    /// Frames sent on, repeated ones counted twice.
    pub sent: u64,
    /// Frames lost on purpose.
    pub lost: u64,
    /// Frames sent twice.
    pub duplicated: u64,
    /// Frames held back.
    pub reordered: u64,
    /// Frames lost because too many were on their way, or because the device refused them.
    pub overflowed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
    duplicated: AtomicU64,
    reordered: AtomicU64,
    overflowed: AtomicU64,
}

/// A wire between two devices; dropping it cuts it.
///
/// The devices that send into it must have their offloads off ([`crate::offload::all_off`]), or what is repeated and lost are
/// bundles of segments with unfinished checksums.
#[derive(Debug)]
pub struct Wire {
    counters: Arc<Counters>,
    faults: Arc<Mutex<Faults>>,
    _directions: [Worker<()>; 2],
}

impl Wire {
    /// Joins the devices.
    ///
    /// # Errors
    /// As [`Injector::open`], and if a thread can't be started.
    pub fn join(a: (&Namespace, &str), b: (&Namespace, &str), faults: Faults, seed: u64) -> Result<Wire> {
        Wire::join_watched(a, b, faults, seed, [Box::new(|_| ()), Box::new(|_| ())])
    }

    /// Joins the devices, with somebody who watches what goes from `a` to `b`, and from `b` to `a`.
    ///
    /// # Errors
    /// As [`Wire::join`].
    pub fn join_watched(
        a: (&Namespace, &str),
        b: (&Namespace, &str),
        faults: Faults,
        seed: u64,
        watches: [Watch; 2],
    ) -> Result<Wire> {
        let counters = Arc::new(Counters::default());
        let faults = Arc::new(Mutex::new(faults));
        let direction = |from: (&Namespace, &str), to: (&Namespace, &str), seed, watch| {
            let ends = (Injector::open(from.0, from.1)?, Injector::open(to.0, to.1)?);
            let state = (counters.clone(), faults.clone());
            Worker::start("probe-wire", move |stop| carry(ends, watch, &state.0, &state.1, Random::new(seed), stop))
        };
        let [there, back] = watches;
        let directions = [direction(a, b, seed, there)?, direction(b, a, seed ^ 0x5851_f42d_4c95_7f2d, back)?];
        Ok(Wire { counters, faults, _directions: directions })
    }

    /// Changes what it does, from the next frame on.
    pub fn set(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// What it did, once nothing is on its way any more: what was received has been lost, or sent on, or has overflowed.
    /// What it did so far if that takes longer than `within`.
    pub fn settled(&self, within: Duration) -> Tally {
        let end = Moment::now() + within;
        loop {
            let tally = self.tally();
            let on_its_way = (tally.received + tally.duplicated) != (tally.sent + tally.lost + tally.overflowed);
            if !on_its_way || end.remaining().is_zero() {
                return tally;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What it did so far.
    pub fn tally(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        Tally {
            received: read(&counters.received),
            sent: read(&counters.sent),
            lost: read(&counters.lost),
            duplicated: read(&counters.duplicated),
            reordered: read(&counters.reordered),
            overflowed: read(&counters.overflowed),
        }
    }
}

fn lock(faults: &Mutex<Faults>) -> MutexGuard<'_, Faults> {
    faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A frame on its way. The number keeps those that are due at one moment in the order in which they came.
type Due = Reverse<(Moment, u64, Vec<u8>)>;

fn carry(
    (mut from, mut to): (Injector, Injector),
    mut watch: Watch,
    counters: &Counters,
    faults: &Mutex<Faults>,
    mut random: Random,
    stop: &Stop,
) {
    let mut queue: BinaryHeap<Due> = BinaryHeap::new();
    let mut number = 0;
    while !stop.requested() {
        let wait = queue.peek().map_or(Duration::from_millis(10), |Reverse((due, ..))| due.remaining());
        let mut wait = wait.min(Duration::from_millis(10));
        for _ in 0..BURST {
            // A device that went down is silent until it is up again.
            let Ok(Some(frame)) = from.recv(wait, |_| true) else { break };
            wait = Duration::ZERO;
            counters.received.fetch_add(1, Ordering::Relaxed);
            let faults = *lock(faults);
            take(frame, &faults, &mut random, counters, &mut queue, &mut number);
        }
        let now = Moment::now();
        let mut batch = Vec::new();
        while let Some(Reverse((due, ..))) = queue.peek()
            && *due <= now
            && let Some(Reverse((_, _, frame))) = queue.pop()
        {
            watch(&frame);
            batch.push(frame);
        }
        let wanted = batch.len() as u64;
        let sent = if batch.is_empty() { 0 } else { to.send_many(batch).unwrap_or(0) };
        counters.sent.fetch_add(sent, Ordering::Relaxed);
        counters.overflowed.fetch_add(wanted - sent, Ordering::Relaxed);
    }
}

fn take(
    frame: Vec<u8>,
    faults: &Faults,
    random: &mut Random,
    counters: &Counters,
    queue: &mut BinaryHeap<Due>,
    number: &mut u64,
) {
    let mut happens = |ppm: u32| random.below(1_000_000) < ppm as usize;
    let (lost, twice, late) = (happens(faults.loss_ppm), happens(faults.duplicate_ppm), happens(faults.reorder_ppm));
    if lost {
        counters.lost.fetch_add(1, Ordering::Relaxed);
        return;
    }
    if queue.len() + 1 >= CAPACITY {
        counters.overflowed.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let mut push = |frame: Vec<u8>, late: bool| {
        let jitter = match faults.jitter.as_nanos() as usize {
            0 => 0,
            most => random.below(most) as u64,
        };
        let held = if late { faults.reorder_by } else { Duration::ZERO };
        let due = Moment::now() + faults.delay + Duration::from_nanos(jitter) + held;
        *number += 1;
        queue.push(Reverse((due, *number, frame)));
    };
    if twice {
        push(frame.clone(), late);
        counters.duplicated.fetch_add(1, Ordering::Relaxed);
    }
    push(frame, late);
    if late {
        counters.reordered.fetch_add(1, Ordering::Relaxed);
    }
}
