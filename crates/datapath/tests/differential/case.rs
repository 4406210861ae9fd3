//! One host through a series of events, in the model and in the kernel.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use pintle_core::DropReason;
use pintle_core::pipeline::tcp::TcpState;
use pintle_core::pipeline::{Flow, FlowKey, Limits, Outcome, Pipeline, Verdict, World};
use pintle_datapath::{FlowFlags, FlowState, RunOutput, Verdict as KernelVerdict};

use super::kernel::{Kernel, slot_of};
use super::random::Random;
use super::scene::Scene;
use super::traffic::Event;

/// Longer than any flow or fragment is remembered here, in ticks.
const FORGOTTEN: u64 = 700_000;
/// The kernel's clock may be so many ticks later than the model's, if this test is held up.
const LATE: u64 = 500;

/// The model's clock: it never goes back, so that nothing is left of the case before.
static NOW: AtomicU64 = AtomicU64::new(10_000_000);

/// How many packets had which end.
#[derive(Debug, Default)]
pub struct Tally {
    pub passed: usize,
    answered: usize,
    dropped: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} answered", self.passed, self.answered)?;
        self.dropped.iter().try_for_each(|(reason, count)| write!(f, ", {count} {reason}"))
    }
}

/// A host in the middle of its events.
pub struct Case<'a> {
    kernel: &'a mut Kernel,
    pub scene: Scene,
    pipeline: Pipeline,
    now: u64,
    /// The scene is no longer the one that the first flows were made in.
    changed: bool,
}

impl<'a> Case<'a> {
    /// Both start with nothing remembered.
    pub fn new(kernel: &'a mut Kernel, scene: Scene) -> Result<Case<'a>, String> {
        let now = NOW.fetch_add(FORGOTTEN, Ordering::Relaxed) + FORGOTTEN;
        kernel.apply(&scene);
        kernel.sweep(now);
        let left = kernel.datapath.flows().count().expect("the map can be read");
        if left != 0 {
            return Err(format!("{left} flows are left after {FORGOTTEN} ticks and a sweep"));
        }
        let limits = Limits { flows_per_interface: kernel.quota as usize, max_flows: 1_000_000 };
        Ok(Case { kernel, scene, pipeline: Pipeline::new(limits), now, changed: false })
    }

    /// One event. An error says how the two differ.
    pub fn happen(&mut self, event: &Event, tally: &mut Tally) -> Result<(), String> {
        match event {
            Event::Wait(by) => {
                self.wait(*by);
                Ok(())
            }
            Event::Change(seed) => {
                self.scene.change(&mut Random::new(*seed));
                self.kernel.apply(&self.scene);
                self.changed = true;
                Ok(())
            }
            Event::Sent { port, frame } => {
                let (card, frame) = self.scene.wired(*port, frame);
                let world = World::new(&self.scene.entries);
                let outcome = self.pipeline.from_port(world, card, &frame, self.now);
                self.compare(&outcome, tally, |kernel, now| kernel.run_port(card, &frame, now))
            }
            Event::Arrived { segment, vtep, frame } => {
                let world = World::new(&self.scene.entries);
                let outcome = self.pipeline.from_overlay(world, *segment, *vtep, frame, self.now);
                self.compare(&outcome, tally, |kernel, now| kernel.run_overlay(*segment, *vtep, frame, now))
            }
        }
    }

    /// Time goes by, but never to where a flow is about to expire: the two clocks may differ by some ticks.
    fn wait(&mut self, by: u64) {
        let world = World::new(&self.scene.entries);
        let before = self.now;
        self.now += by;
        let close = |now: u64| {
            let mut ends = self.pipeline.flows.iter().map(|(key, flow)| flow.lasts_until(key, world));
            ends.any(|end| end.abs_diff(now) < LATE)
        };
        while close(self.now) {
            self.now += LATE;
        }
        NOW.fetch_add(self.now - before, Ordering::Relaxed);
    }

    fn compare(
        &mut self,
        outcome: &Outcome,
        tally: &mut Tally,
        run: impl FnOnce(&mut Kernel, u64) -> RunOutput,
    ) -> Result<(), String> {
        let expected = Expected::of(outcome);
        let before = expected.counters(self.kernel);
        let counted = self.kernel.thorough.then(|| self.kernel.drops());
        let got = run(self.kernel, self.now);
        let after = expected.counters(self.kernel);
        match &outcome.verdict {
            Verdict::Dropped(refusal) => *tally.dropped.entry(refusal.reason.label()).or_default() += 1,
            Verdict::Answered => tally.answered += 1,
            _ => tally.passed += 1,
        }
        expected.check(outcome, &got, before, after).map_err(|what| {
            let trace: Vec<String> = outcome.trace.iter().map(|note| format!("  {note}\n")).collect();
            let frame = outcome.frame.as_deref().map(hex);
            let reasons: Vec<&str> = counted.map_or_else(Vec::new, |before| {
                let more = self.kernel.drops().into_iter().filter(|(reason, count)| before[reason] != *count);
                more.map(|(reason, _)| reason).collect()
            });
            format!(
                "{what}\nmodel: {:?}\n{}  frame {frame:?}\nkernel: {:?} {reasons:?}\n  frame {}",
                outcome.verdict,
                trace.concat(),
                got.verdict,
                hex(&got.frame)
            )
        })
    }

    /// What both remember.
    pub fn compare_flows(&self) -> Result<(), String> {
        let count = self.kernel.datapath.flows().count().expect("the map can be read");
        if count != self.pipeline.flows.len() {
            return Err(format!("the model remembers {} flows, the kernel {count}", self.pipeline.flows.len()));
        }
        self.pipeline.flows.iter().try_for_each(|(key, flow)| self.compare_flow(key, flow))?;
        self.compare_usage()
    }

    /// What both count in the quotas.
    fn compare_usage(&self) -> Result<(), String> {
        for port in self.scene.ports() {
            let found = self.kernel.datapath.flows().usage(slot_of(port)).expect("the map can be read");
            let ((opened, accepted), over) = (self.pipeline.flows.used_by(port), self.pipeline.flows.over_at(port));
            let found = [found.opened, found.accepted, found.over].map(|count| count as usize);
            if found != [opened, accepted, over] {
                return Err(format!(
                    "opened, accepted and over of {port}: {:?}, kernel {found:?}",
                    [opened, accepted, over]
                ));
            }
        }
        Ok(())
    }

    fn compare_flow(&self, key: &FlowKey, flow: &Flow) -> Result<(), String> {
        let end = |n: usize| (key.ends[n].address, key.ends[n].port);
        let kernel_key = pintle_datapath::FlowKey::between(key.segment, key.protocol, end(0), end(1));
        let found = self.kernel.datapath.flows().get(&kernel_key).expect("the map can be read");
        let Some(found) = found else { return Err(format!("the kernel does not know {key:?}\n{flow:?}")) };
        let mut wrong = Vec::new();
        if found.opener() != flow.opener {
            wrong.push("opener");
        }
        if found.state != state(key, flow) {
            wrong.push("state");
        }
        if (0..2).any(|n| (found.sides[n].packets > 0) != flow.heard[n]) {
            wrong.push("who has sent");
        }
        if found.flags.contains(FlowFlags::LOOSE) != flow.connection.as_ref().is_some_and(|tcp| tcp.loose) {
            wrong.push("loose");
        }
        if found.flags.contains(FlowFlags::OVER) != flow.retired {
            wrong.push("counted as over");
        }
        if u64::from(found.seen.wrapping_sub(flow.seen as u32)) > LATE {
            wrong.push("last packet");
        }
        // After a change the number of a rule that no policy has any more may be another's.
        let rules = [(flow.opener, found.rule_egress), (1 - flow.opener, found.rule_ingress)];
        for (n, number) in rules {
            if let Some(passed) = flow.gates[n]
                && !self.changed
                && self.kernel.rule(number) != Some(passed.rule.rule)
            {
                wrong.push("rule");
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:?} of {key:?}\nmodel: {flow:?}\nkernel: {found:?}")) }
    }
}

/// What the counters should say.
struct Expected {
    reason: Option<DropReason>,
    port: Option<pintle_core::id::AttachmentId>,
}

impl Expected {
    fn of(outcome: &Outcome) -> Expected {
        match outcome.verdict {
            Verdict::Dropped(refusal) => Expected { reason: Some(refusal.reason), port: None },
            Verdict::Delivered { port } => Expected { reason: None, port: Some(port) },
            _ => Expected { reason: None, port: None },
        }
    }

    /// Packets counted for the reason or the port, and answers that were held back.
    fn counters(&self, kernel: &Kernel) -> (u64, u64) {
        match (self.reason, self.port) {
            (Some(reason), _) => (kernel.dropped(reason), kernel.dropped(DropReason::ReplyRateLimited)),
            (None, Some(port)) => (kernel.received(port), 0),
            (None, None) => (0, 0),
        }
    }

    fn check(&self, outcome: &Outcome, got: &RunOutput, before: (u64, u64), after: (u64, u64)) -> Result<(), String> {
        let same_frame = outcome.frame.as_ref().is_none_or(|frame| *frame == got.frame);
        let say = |text: &str| Err(String::from(text));
        match outcome.verdict {
            Verdict::Dropped(_) => {
                let limited = outcome.frame.is_some() && after.1 == before.1 + 1;
                if limited {
                    return if got.verdict == KernelVerdict::Drop {
                        Ok(())
                    } else {
                        say("a verdict for a held back answer")
                    };
                }
                let wanted = if outcome.frame.is_some() { KernelVerdict::Redirect } else { KernelVerdict::Drop };
                if got.verdict != wanted {
                    return say("another verdict");
                }
                if after.0 != before.0 + 1 {
                    return say("another reason");
                }
                if outcome.frame.is_some() && !same_frame { say("another answer to the sender") } else { Ok(()) }
            }
            // The content of a service's answer is not the model's business, nor whether there is one.
            Verdict::Answered if outcome.frame.is_none() => match got.verdict {
                KernelVerdict::Redirect | KernelVerdict::Drop => Ok(()),
                _ => say("another verdict"),
            },
            _ if got.verdict != KernelVerdict::Redirect => say("another verdict"),
            _ if !same_frame => say("another frame"),
            Verdict::Delivered { .. } if after.0 != before.0 + 1 => say("delivered to another port"),
            _ => Ok(()),
        }
    }
}

/// The kernel's name for the state of a flow.
fn state(key: &FlowKey, flow: &Flow) -> FlowState {
    if let Some(tcp) = &flow.connection {
        return match tcp.state {
            TcpState::Opening => FlowState::OPENING,
            TcpState::Established => FlowState::ESTABLISHED,
            TcpState::Closing => FlowState::CLOSING,
            TcpState::TimeWait => FlowState::TIME_WAIT,
            TcpState::Closed => FlowState::CLOSED,
        };
    }
    match (key.protocol, key.ends[0].address) {
        (17, _) if flow.stream => FlowState::BOTH_WAYS,
        (17, _) if flow.heard == [true, true] => FlowState::ANSWERED,
        (17, _) => FlowState::ONE_WAY,
        (1, IpAddr::V4(_)) | (58, IpAddr::V6(_)) => FlowState::MESSAGES,
        _ => FlowState::OTHER,
    }
}

/// Bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
