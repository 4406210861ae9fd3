//! Answers about flows and drops, read from the data plane as it is now.
//!
//! Nothing here needs the reconciler, and nothing but [`Teller::take_over`] changes anything, so a question about a million flows is in nobody's way. What a slot or a number stands
//! for is asked of the same maps that the packets were judged by.

mod drops;
mod flows;
mod take_over;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use nix::time::{ClockId, clock_gettime};
use pintle_core::id::VniId;
use pintle_core::telemetry::{Answer, Failed, RuleRef};
use pintle_datapath::{Datapath, DatapathError};

use crate::reconcile::Rules;

/// Nanoseconds of a tick of the data plane's clock.
const TICK_NS: u64 = 1 << 20;

/// Answers questions about the data plane.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    datapath: Arc<Datapath>,
    rules: Arc<Mutex<Rules>>,
}

/// The interfaces that have a port here, by slot.
type Interfaces = BTreeMap<u32, VniId>;

impl Teller {
    pub(crate) fn new(datapath: Arc<Datapath>, rules: Arc<Mutex<Rules>>) -> Self {
        Teller { datapath, rules }
    }

    /// The flows of an interface, or of all.
    pub(crate) fn flows(&self, vni: Option<VniId>, limit: u32) -> Answer {
        answered(self.interfaces(vni).and_then(|interfaces| {
            let flows = self.read_flows(&interfaces, vni, limit).map_err(|error| because(&error))?;
            Ok(Answer::Flows(flows))
        }))
    }

    /// What was dropped at an interface, or everywhere on this host.
    pub(crate) fn drops(&self, vni: Option<VniId>) -> Answer {
        answered(self.interfaces(vni).and_then(|interfaces| {
            let drops = self.read_drops(&interfaces, vni).map_err(|error| because(&error))?;
            Ok(Answer::Drops(drops))
        }))
    }

    /// The interfaces with a port here, if the one that is asked about is among them.
    fn interfaces(&self, asked: Option<VniId>) -> Result<Interfaces, Failed> {
        let rows = self.datapath.ports().entries().map_err(|error| because(&error))?;
        let interfaces: Interfaces =
            rows.into_iter().filter_map(|(_, row)| Some((row.slot, row.vni.parse().ok()?))).collect();
        match asked.filter(|vni| !interfaces.values().any(|known| known == vni)) {
            Some(vni) => Err(Failed::NotHere(vni)),
            None => Ok(interfaces),
        }
    }

    /// The rules that numbers in flows and refusals stand for.
    fn rules(&self, numbers: &BTreeSet<u32>) -> BTreeMap<u32, RuleRef> {
        self.rules.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).named(numbers)
    }
}

fn because(error: &DatapathError) -> Failed {
    Failed::Because(format!("the data plane can't be read: {error}"))
}

fn answered(result: Result<Answer, Failed>) -> Answer {
    result.unwrap_or_else(Answer::Failed)
}

/// Nanoseconds of CLOCK_MONOTONIC, which the data plane's clock follows.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

fn ms_since(then_ns: u64) -> u64 {
    now_ns().saturating_sub(then_ns) / 1_000_000
}
