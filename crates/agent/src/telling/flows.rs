//! Flows, the busiest first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use pintle_core::id::VniId;
use pintle_core::telemetry::{Flow, FlowEnd, FlowState, FlowUsage, Flows, MAX_FLOWS, RuleRef};
use pintle_datapath::{DatapathError, FlowFlags, FlowKey, FlowState as State, Iface, Usage, ticks};

use super::{Interfaces, TICK_NS, Teller};

impl Teller {
    pub(super) fn read_flows(
        &self,
        interfaces: &Interfaces,
        vni: Option<VniId>,
        limit: u32,
    ) -> Result<Flows, DatapathError> {
        let asked = |slot: u32| vni.is_none_or(|vni| interfaces.get(&slot) == Some(&vni));
        let mut answer = Flows { capacity: self.datapath.flows().room().into(), ..Flows::default() };
        let limit = limit.min(MAX_FLOWS) as usize;
        // Of a table of any size no more than what is told is kept.
        let mut busiest: BinaryHeap<Reverse<(u64, FlowKey)>> = BinaryHeap::with_capacity(limit + 1);
        self.datapath.flows().for_each(|flow| {
            answer.held += 1;
            if flow.sides.iter().any(|side| asked(side.slot)) {
                answer.matching += 1;
                let packets = flow.sides.iter().map(|side| u64::from(side.packets)).sum();
                busiest.push(Reverse((packets, flow.key)));
                if busiest.len() > limit {
                    busiest.pop();
                }
            }
            true
        })?;
        let mut told = Vec::with_capacity(busiest.len());
        // One that ended meanwhile is left out, and one that came twice is told once.
        let mut keys: Vec<FlowKey> = busiest.into_sorted_vec().into_iter().map(|Reverse((_, key))| key).collect();
        keys.dedup();
        for key in keys {
            told.extend(self.datapath.flows().get(&key)?);
        }
        let numbers: BTreeSet<u32> = told.iter().flat_map(|flow| [flow.rule_egress, flow.rule_ingress]).collect();
        let rules = self.rules(&numbers);
        let ifaces = self.ifaces(interfaces)?;
        let clock = self.datapath.clock()?;
        answer.flows = told.iter().map(|flow| tell(flow, interfaces, &ifaces, &rules, clock)).collect();
        answer.usage = self.usage(interfaces, &ifaces, vni)?;
        Ok(answer)
    }

    fn ifaces(&self, interfaces: &Interfaces) -> Result<BTreeMap<u32, Iface>, DatapathError> {
        let read = |slot: &u32| Ok((*slot, self.datapath.ifaces().get(slot)?.unwrap_or_default()));
        interfaces.keys().map(read).collect()
    }

    fn usage(
        &self,
        interfaces: &Interfaces,
        ifaces: &BTreeMap<u32, Iface>,
        vni: Option<VniId>,
    ) -> Result<Vec<FlowUsage>, DatapathError> {
        let mut usage = Vec::new();
        for (slot, of) in interfaces.iter().filter(|(_, of)| vni.is_none_or(|vni| vni == **of)) {
            let Usage { opened, accepted, over } = self.datapath.flows().usage(*slot)?;
            let quota = ifaces.get(slot).map_or(0, |iface| iface.quota);
            usage.push(FlowUsage { vni: *of, opened, accepted, over, quota });
        }
        usage.sort_by_key(|one| Reverse([one.opened, one.accepted, one.over].map(u64::from).iter().sum::<u64>()));
        Ok(usage)
    }
}

fn tell(
    flow: &pintle_datapath::Flow,
    interfaces: &Interfaces,
    ifaces: &BTreeMap<u32, Iface>,
    rules: &BTreeMap<u32, RuleRef>,
    clock: u32,
) -> Flow {
    let end = |number: usize| {
        let ((address, port), side) = (flow.key.ends[number], flow.sides[number]);
        let vni = interfaces.get(&side.slot).copied();
        FlowEnd { address, port, vni, packets: side.packets.into(), bytes: side.bytes }
    };
    let opener = flow.opener();
    let keeper = [opener, 1 - opener].into_iter().find_map(|end| ifaces.get(&flow.sides[end].slot));
    // The clock of another CPU may be a tick ahead.
    let idle = clock.wrapping_sub(flow.seen).min(u32::MAX / 2);
    let ms = |ticks: u32| u64::from(ticks) * TICK_NS / 1_000_000;
    Flow {
        segment: flow.key.segment,
        protocol: flow.key.protocol,
        opener: end(opener),
        acceptor: end(1 - opener),
        state: state(flow),
        idle_ms: ms(idle),
        expires_in_ms: ms(keeper.map_or(0, |iface| timeout(flow.state, iface)).saturating_sub(idle)),
        egress_rule: rules.get(&flow.rule_egress).copied(),
        ingress_rule: rules.get(&flow.rule_ingress).copied(),
        open: flow.flags.contains(FlowFlags::OPEN_0) || flow.flags.contains(FlowFlags::OPEN_1),
        translated: flow.public,
    }
}

/// How long a flow in this state is remembered, in ticks; see "Flows" in docs/data-plane.md.
fn timeout(state: State, keeper: &Iface) -> u32 {
    match state {
        State::ESTABLISHED => keeper.tcp_established,
        State::BOTH_WAYS => keeper.udp_stream,
        State::ONE_WAY | State::ANSWERED => keeper.udp,
        State::CLOSING => ticks(120),
        State::OPENING | State::TIME_WAIT => ticks(60),
        State::CLOSED => ticks(10),
        State::MESSAGES => ticks(30),
        _ => ticks(600),
    }
}

fn state(flow: &pintle_datapath::Flow) -> FlowState {
    match flow.state {
        State::OPENING | State::ONE_WAY => FlowState::Opening,
        State::CLOSING => FlowState::Closing,
        State::TIME_WAIT => FlowState::TimeWait,
        State::CLOSED => FlowState::Closed,
        State::ESTABLISHED | State::ANSWERED | State::BOTH_WAYS => FlowState::Established,
        _ if flow.sides.iter().all(|side| side.packets > 0) => FlowState::Established,
        _ => FlowState::Opening,
    }
}
