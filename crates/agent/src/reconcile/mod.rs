//! Making the host equal to what it should be: read, compare, plan, apply.
//!
//! Nothing that matters is remembered between rounds. What is there is read from the kernel each time, so an agent that
//! starts, one that crashed half-way and one that runs see the same thing and come to the same plan. The first round after
//! a start looks at everything; a delta looks at the entries it touches, so its cost does not grow with the host. Every other
//! second a [`Lookout`] looks at everything beside the changes; the reconciler does so itself when that finds a difference.

pub mod action;
mod announcing;
mod apply;
mod explain;
#[cfg(test)]
mod fake;
mod flows;
mod guests;
mod hurry;
mod lookout;
mod machine;
mod names;
pub mod numbers;
mod observe;
pub mod observed;
pub mod plan;
mod rules;
mod shaping;
mod slots;
mod sockets;
mod want;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use pintle_core::host_protocol::{DriftReport, Failure};
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey};
use pintle_core::txn::Revision;
use pintle_datapath::{Datapath, Opened};

pub use flows::FlowKeeper;
pub use lookout::{Lookout, Sight};
pub use machine::HostConfig;
pub use names::{Mark, Marks, port_device};

pub(crate) use flows::FlowThread;
pub(crate) use guests::remove_namespaces;
pub(crate) use lookout::LookoutThread;
pub(crate) use machine::Machine;
pub(crate) use rules::Rules;

use crate::desired::{Delta, Desired};
use crate::error::AgentError;
use crate::kernel::NetNs;
use crate::telling::Teller;
use crate::underlay::Underlay;
use action::{Action, Stage};
use apply::{Context, Done};
use hurry::Hurry;
use lookout::News;
use observed::Observed;
use plan::{Inputs, OverlayWish, Plan, Scope};

/// A second round follows at once if the first one failed somewhere and also took something out of the way.
const ROUNDS: usize = 2;

/// Keeps one host equal to its desired state.
pub struct Reconciler {
    machine: Arc<Machine>,
    desired: Option<Desired>,
    failures: BTreeMap<EntryKey, String>,
    underlay: Underlay,
    retired: bool,
    /// Whether a change was taken in that could not be made, because the host could not be read: nothing that comes later
    /// may count as applied before it is.
    behind: bool,
    /// Who looks at everything beside the changes, and has to be told of them.
    lookout: Option<Sender<News>>,
    /// Something is known or suspected to differ.
    doubted: bool,
}

/// What a round did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many differences were found.
    pub actions: usize,
    /// Differences that nobody asked for: somebody or something changed the host.
    pub drift: Vec<DriftReport>,
    /// The underlay, if it is another than before.
    pub underlay: Option<Underlay>,
}

/// Whether a difference is news of the server's or of somebody else's making.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Wanted,
    Drift,
}

/// What one round of changes is about.
#[derive(Clone, Copy)]
struct Round<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    scope: Scope<'a>,
    cause: Cause,
    /// What was known not to be as it should be.
    expected: &'a BTreeMap<EntryKey, String>,
}

impl Reconciler {
    /// Opens the data plane of a host, in the calling thread's network namespace. Changes nothing else: that begins with
    /// the first desired state.
    ///
    /// # Errors
    /// When the underlay can't carry the overlay, or the data plane can't be opened.
    pub fn open(config: &HostConfig) -> Result<Self, AgentError> {
        hurry::recover();
        let (machine, underlay) = Machine::open(config)?;
        let retired = machine.datapath.opened() != Opened::Upgraded;
        Ok(Reconciler {
            machine: Arc::new(machine),
            desired: None,
            failures: BTreeMap::new(),
            underlay,
            retired,
            behind: false,
            lookout: None,
            doubted: false,
        })
    }

    /// Whether the desired state is ahead of what the host has been brought to: then nothing of it counts as applied.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// The underlay as it was last seen.
    pub fn underlay(&self) -> Underlay {
        self.underlay
    }

    /// What the host should have, once that is known.
    pub fn desired(&self) -> Option<&Desired> {
        self.desired.as_ref()
    }

    /// The data plane.
    pub fn datapath(&self) -> &Datapath {
        &self.machine.datapath
    }

    /// What answers questions about the data plane, for other threads.
    pub(crate) fn teller(&self) -> Teller {
        self.machine.teller()
    }

    /// What looks after the flow table. Whoever runs no [`FlowThread`] uses it now and then.
    pub fn flow_keeper(&self) -> FlowKeeper {
        self.machine.flow_keeper()
    }

    /// What looks at the host beside the changes. From now on a [`sweep`](Self::sweep) does not, unless something is
    /// [known to differ](Self::doubt).
    pub fn lookout(&mut self) -> Lookout {
        let (lookout, news) = Lookout::new(Arc::clone(&self.machine), self.underlay, self.desired.clone());
        self.lookout = Some(news);
        self.machine.rules().leave_looking();
        lookout
    }

    /// Something differs from what it should be: the next sweep looks at everything.
    pub fn doubt(&mut self) {
        self.doubted = true;
    }

    fn tell_lookout(&self, news: impl FnOnce() -> News) {
        if let Some(lookout) = &self.lookout {
            // One that has gone looks no more, and sweeps are not asked for.
            let _ = lookout.send(news());
        }
    }

    /// The namespace that the host is.
    pub(crate) fn namespace(&self) -> &NetNs {
        self.machine.namespace()
    }

    /// Whether a device of the host's, by its index, is one of ours and should be there.
    pub(crate) fn knows(&self, index: u32) -> bool {
        let of_port = || self.machine.realised().values().any(|place| place.index == index);
        index == self.underlay.device || of_port() || {
            self.machine.datapath.host_settings().is_ok_and(|settings| {
                let shaper = [settings.shaper_ifindex, settings.shaper_peer_ifindex];
                let ours = [settings.vxlan_ifindex, settings.uplink_ifindex, shaper[0], shaper[1]];
                ours.contains(&Some(index))
            })
        }
    }

    /// How many changes were asked of the kernel since [`open`](Self::open): devices, namespaces, addresses, routes, map
    /// entries, program links.
    pub fn writes(&self) -> u64 {
        self.machine.writes()
    }

    /// What could not be realised, as of now.
    pub fn failures(&self) -> Vec<Failure> {
        let mut all = self.failures.clone();
        all.extend(self.machine.rules().failures().iter().map(|(key, message)| (*key, message.clone())));
        all.into_iter().map(|(key, message)| Failure { key, message }).collect()
    }

    /// Takes a whole desired state and makes the host equal to it; what it does not contain goes.
    ///
    /// # Errors
    /// When the host can't be read. What can't be changed is a failure of its entry, not an error.
    pub fn replace(&mut self, desired: Desired) -> Result<Outcome, AgentError> {
        self.tell_lookout(|| News::Whole(desired.clone()));
        self.desired = Some(desired);
        self.whole(Cause::Wanted)
    }

    /// The desired state is what the server's word was when it was heard last: the public network is told nothing new by it.
    pub fn unconfirmed(&self) {
        self.machine.announcing.hold();
    }

    /// The desired state is the server's own word, and the host is as it says; `more`: what has changed meanwhile may be yet to
    /// come.
    pub fn confirmed(&self, more: bool) {
        self.machine.announcing.release(more);
    }

    /// Takes a change of desired state and makes the host follow.
    ///
    /// # Errors
    /// As [`replace`](Self::replace). The change is taken in all the same, and made with the next one or by a sweep.
    pub fn change(&mut self, revision: Revision, delta: Delta) -> Result<Outcome, AgentError> {
        self.tell_lookout(|| News::Change(revision, delta.clone()));
        let mut desired = self.desired.take().unwrap_or_default();
        let keys = desired.apply(revision, delta);
        if self.behind {
            self.desired = Some(desired);
            return self.whole(Cause::Wanted);
        }
        let machine = Arc::clone(&self.machine);
        let result = machine.changing(|| self.touched(&desired, &keys));
        self.behind = result.is_err();
        self.desired = Some(desired);
        result
    }

    /// Compares everything and repairs what differs; with a [`lookout`](Self::lookout) only if there is reason to. Before the
    /// desired state is known nothing is changed.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn sweep(&mut self) -> Result<Outcome, AgentError> {
        let before = self.underlay;
        match self.machine.find_underlay() {
            Ok(found) => self.underlay = found,
            Err(error) => tracing::warn!(%error, "the underlay can't be found; its last known state is kept"),
        }
        let doubted = std::mem::take(&mut self.doubted) || before != self.underlay;
        let mut outcome = match &self.desired {
            None => Outcome::default(),
            Some(_) if self.lookout.is_some() && !doubted && self.is_settled() => self.look_at_queues(),
            Some(_) => self.whole(Cause::Drift)?,
        };
        outcome.underlay = (before != self.underlay).then_some(self.underlay);
        Ok(outcome)
    }

    /// Whether everything that was asked for has been done.
    fn is_settled(&self) -> bool {
        !self.behind && self.retired && self.failures.is_empty() && self.machine.rules().failures().is_empty()
    }

    /// Compares the queues of limited interfaces, which nobody else looks at, and repairs what differs.
    fn look_at_queues(&mut self) -> Outcome {
        let Some(desired) = &self.desired else { return Outcome::default() };
        self.machine.doubt_queues();
        let ((), shaped) = self.machine.with_queues(desired, Scope::All, || ());
        let unlimited = shaped.unlimited.into_iter().map(|(port, why)| (EntryKey::Port(port), why));
        self.failures.extend(unlimited);
        Outcome { actions: shaped.drift.iter().len(), drift: shaped.drift.into_iter().collect(), underlay: None }
    }

    fn whole(&mut self, cause: Cause) -> Result<Outcome, AgentError> {
        let Some(desired) = self.desired.take() else { return Ok(Outcome::default()) };
        // What is left over from a change is no drift.
        let cause = if self.behind { Cause::Wanted } else { cause };
        let machine = Arc::clone(&self.machine);
        let result = machine.changing(|| self.everything(&desired, cause));
        self.behind = cause == Cause::Wanted && result.is_err();
        self.desired = Some(desired);
        self.retire_old_programs();
        result
    }

    fn everything(&mut self, desired: &Desired, cause: Cause) -> Result<Outcome, AgentError> {
        let mut outcome = Outcome::default();
        let looked = cause == Cause::Drift && self.machine.look_at_rules_again()?;
        let followed = self.machine.follow_rules(desired, None);
        if looked && followed.writes > 0 {
            outcome.actions += followed.writes;
            let text = format!("{} entries of rules in the data plane were different: restored", followed.writes);
            tracing::warn!(text, "drift");
            outcome.drift.push(DriftReport { key: None, message: text, repaired: true });
        }
        for _ in 0..ROUNDS {
            let observed = self.machine.observe_all(desired)?;
            self.machine.take_stock(desired, &observed);
            self.machine.doubt_queues();
            let plan = self.plan(desired, &observed, Scope::All);
            let expected = std::mem::take(&mut self.failures);
            let round = Round { desired, observed: &observed, scope: Scope::All, cause, expected: &expected };
            if !self.carry_out(&round, plan, &mut outcome) {
                break;
            }
        }
        self.retire_rules(desired);
        Ok(outcome)
    }

    fn touched(&mut self, desired: &Desired, keys: &BTreeSet<EntryKey>) -> Result<Outcome, AgentError> {
        let mut outcome = Outcome::default();
        if self.machine.follow_rules(desired, Some(keys)).arrived {
            return self.everything(desired, Cause::Wanted);
        }
        for _ in 0..ROUNDS {
            let observed = self.machine.observe_keys(desired, keys)?;
            let plan = self.plan(desired, &observed, Scope::Keys(keys));
            let mut expected = std::mem::take(&mut self.failures);
            self.failures = expected.extract_if(.., |key, _| !keys.contains(key)).collect();
            let (scope, cause) = (Scope::Keys(keys), Cause::Wanted);
            let round = Round { desired, observed: &observed, scope, cause, expected: &expected };
            if !self.carry_out(&round, plan, &mut outcome) {
                break;
            }
        }
        self.retire_rules(desired);
        Ok(outcome)
    }

    /// Removes rules that nobody names any more. A port or endpoint that is not as it should be may name what it was before.
    fn retire_rules(&self, desired: &Desired) {
        let names = |key: &EntryKey| matches!(key, EntryKey::Port(_) | EntryKey::Endpoint(..));
        if !self.failures.keys().any(names) {
            self.machine.retire_rules(desired);
        }
    }

    fn plan(&self, desired: &Desired, observed: &Observed, scope: Scope<'_>) -> Plan {
        let (realised, numbers) = (self.machine.realised(), self.machine.numbers());
        let inputs = Inputs {
            desired,
            observed,
            realised: &realised,
            numbers: &numbers,
            quota: self.machine.quota,
            marks: &self.machine.marks,
            overlay: self.overlay_wish(),
            uplink: self.machine.uplink.as_deref(),
        };
        plan::plan(&inputs, scope)
    }

    fn overlay_wish(&self) -> OverlayWish {
        OverlayWish { vtep: self.underlay.vtep, mtu: self.underlay.guest_mtu(), port: self.machine.overlay_port }
    }

    /// Does what is planned and notes what became of it. Whether another round may do better.
    fn carry_out(&mut self, round: &Round<'_>, plan: Plan, outcome: &mut Outcome) -> bool {
        let Round { desired, observed, scope, cause, expected } = *round;
        self.failures.extend(plan.failures);
        let context = Context { desired, observed, overlay: self.overlay_wish() };
        let devices = |action: &Action| {
            matches!(action.step.stage(), Stage::Overlay | Stage::Clear | Stage::Ports | Stage::RemovePorts)
        };
        let hurry = (self.machine.expedite && plan.actions.iter().any(devices)).then(Hurry::begin);
        let (results, shaped) =
            self.machine.with_queues(desired, scope, || self.machine.apply(&context, &plan.actions));
        drop(hurry);
        for (port, why) in shaped.unlimited {
            self.failures.entry(EntryKey::Port(port)).or_insert(why);
        }
        if cause == Cause::Drift {
            outcome.drift.extend(shaped.drift);
        }
        let mut failed = false;
        for (action, done) in plan.actions.iter().zip(&results) {
            if let (Some(key), Err(why)) = (action.key, done) {
                failed = true;
                self.failures.entry(key).or_insert_with(|| why.clone());
            }
            let known = action.key.is_some_and(|key| awaited(desired, expected, &key));
            if (cause == Cause::Drift && !known) || (action.key.is_none() && done.is_err()) {
                outcome.drift.push(report(action, done));
            }
            tracing::debug!(difference = action.difference, ?done, "reconciled");
        }
        outcome.actions += plan.actions.len();
        let removes = |stage| matches!(stage, Stage::Clear | Stage::RemovePorts | Stage::RemoveNamespaces);
        failed && plan.actions.iter().any(|action| removes(action.step.stage()))
    }

    /// After an upgrade, once no device runs them, older programs go.
    fn retire_old_programs(&mut self) {
        if self.retired {
            return;
        }
        match self.machine.datapath.retire_old() {
            Ok(count) => {
                self.retired = true;
                tracing::info!(count, "pins of older builds removed");
            }
            Err(error) => tracing::debug!(%error, "pins of older builds stay"),
        }
    }
}

/// Whether an entry was known not to be as it should be: then its getting right is no drift.
fn awaited(desired: &Desired, failures: &BTreeMap<EntryKey, String>, key: &EntryKey) -> bool {
    let failed = |key: &EntryKey| failures.contains_key(key);
    failed(key)
        || match desired.get(key) {
            Some(Entry::Endpoint(EndpointSpec::Vni(spec))) => {
                [spec.port, spec.alt_port].into_iter().flatten().any(|port| failed(&EntryKey::Port(port)))
            }
            Some(Entry::Port(spec)) => failed(&EntryKey::Instance(spec.instance)),
            _ => false,
        }
}

fn report(action: &Action, done: &Done) -> DriftReport {
    let (message, repaired) = match done {
        Ok(()) => (format!("{}: restored", action.difference), true),
        Err(why) => (format!("{}: not repaired: {why}", action.difference), false),
    };
    tracing::warn!(message, repaired, "drift");
    DriftReport { key: action.key, message, repaired }
}
