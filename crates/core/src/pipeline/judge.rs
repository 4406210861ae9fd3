//! The policy's part of the path: network ACLs, gates, the flow, and the state of the connection.

use super::flow::{End, Flow, FlowKey, IcmpKind, Passed, Selector, icmp_kind, is_tcp};
use super::outcome::{PathStage, Refusal, Trace};
use super::packet::{Packet, Segment, Transport};
use super::policy::{self, Question, is_wide_open};
use super::tcp::{Connection, TcpState, check_flags};
use super::world::World;
use super::{Pipeline, acl, related, sender};
use crate::drop_reason::DropReason;
use crate::host_spec::PortSpec;
use crate::id::AttachmentId;
use crate::policy::Direction;

/// An interface that is on this host, with its port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) id: AttachmentId,
    pub(super) port: &'a PortSpec,
}

/// A packet on its way to judgement, with what the stages before have found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) world: World<'a>,
    pub(super) now: u64,
    pub(super) segment: u32,
    pub(super) packet: &'a Packet,
    pub(super) frame: &'a [u8],
    /// The sender's interface, if it is on this host.
    pub(super) sender: Option<Side<'a>>,
    /// The receiver's.
    pub(super) receiver: Option<Side<'a>>,
    /// The ports of its flow; a later fragment's are those of its first.
    pub(super) ports: (u16, u16),
    /// What rules read.
    pub(super) selector: Selector,
}

impl<'a> Case<'a> {
    /// The interfaces here, in the order in which they are asked, with the direction in which the packet passes them.
    fn sides(&self) -> impl Iterator<Item = (Side<'a>, Direction)> {
        let sender = self.sender.map(|side| (side, Direction::Egress));
        sender.into_iter().chain(self.receiver.map(|side| (side, Direction::Ingress)))
    }

    fn is_filtered(&self) -> bool {
        self.sides().any(|(side, _)| side.port.policy.state_filtering)
    }

    fn segment_of_tcp(&self) -> Option<Segment> {
        match self.packet.transport {
            Transport::Tcp(segment) => Some(segment),
            _ => None,
        }
    }

    fn icmp_kind(&self) -> Option<IcmpKind> {
        match self.packet.transport {
            Transport::Icmp { kind, .. } => Some(icmp_kind(self.packet.is_ipv6(), kind)),
            _ => None,
        }
    }

    /// What a gate is asked about a packet that went from `from` to `to`.
    fn question(&self, from: End, to: End, direction: Direction, destination: u16) -> Question {
        let (remote, local) = match direction {
            Direction::Egress => (to.address, from.address),
            Direction::Ingress => (from.address, to.address),
        };
        Question { direction, protocol: self.packet.protocol, destination, remote, local }
    }

    fn ends(&self) -> (End, End) {
        let from = End { address: self.packet.source, port: self.ports.0 };
        (from, End { address: self.packet.destination, port: self.ports.1 })
    }
}

fn denied(direction: Direction) -> DropReason {
    match direction {
        Direction::Egress => DropReason::PolicyEgressDenied,
        Direction::Ingress => DropReason::PolicyIngressDenied,
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Egress => Direction::Ingress,
        Direction::Ingress => Direction::Egress,
    }
}

/// Asks one gate and notes the answer.
fn ask(case: &Case<'_>, side: Side<'_>, question: Question, trace: &mut Trace) -> Result<Passed, Refusal> {
    let direction = question.direction;
    match policy::ask(case.world, side.port, question) {
        Some(rule) => {
            trace.permitted(format!("{} of {} permitted", direction.label(), side.port.vni), rule);
            Ok(Passed { port: side.id, rule, judged: side.port.policy.judged })
        }
        None => {
            trace.say(PathStage::Groups, format!("no {} rule of {} permits it", direction.label(), side.port.vni));
            Err(denied(direction).into())
        }
    }
}

impl Pipeline {
    /// Lets a packet pass and keeps its flow, or refuses it.
    pub(super) fn judge(&mut self, case: &Case<'_>, trace: &mut Trace) -> Result<(), Refusal> {
        let (from, to) = case.ends();
        let (key, d) = FlowKey::new(case.segment, case.packet.protocol, from, to);
        if case.icmp_kind() == Some(IcmpKind::Error) {
            self.cross_borders(case, trace)?;
            return self.relate(case, trace);
        }
        let opens = case.segment_of_tcp().is_some_and(|segment| segment.opens());
        let live = self.flows.live(&key, case.world, case.now);
        // Rule 3 of TCP: a connection that is over makes room for a new one.
        let over = |flow: &Flow| flow.connection.as_ref().is_some_and(Connection::is_over);
        match live.filter(|flow| !(opens && over(flow))).cloned() {
            Some(flow) => {
                // Who opened a flow whose beginning nobody has seen is a guess: a new connection in it is asked about as one.
                if opens && flow.connection.as_ref().is_some_and(|connection| connection.loose) {
                    self.pass_gates(case, d, false, trace)?;
                }
                self.follow(case, key, d, flow, trace)
            }
            None => self.open(case, key, d, trace),
        }
    }

    /// What an honest receiver would answer to a SYN inside the connection: its next sequence number, and the one it expects.
    pub(super) fn challenge(&self, case: &Case<'_>) -> Option<(u32, u32)> {
        let (from, to) = case.ends();
        let (key, d) = FlowKey::new(case.segment, case.packet.protocol, from, to);
        let flow = self.flows.live(&key, case.world, case.now)?;
        let numbers = &flow.connection.as_ref()?.numbers;
        Some((numbers[1 - d].end, numbers[1 - d].ack.unwrap_or(numbers[d].end)))
    }

    fn cross_borders(&self, case: &Case<'_>, trace: &mut Trace) -> Result<(), Refusal> {
        for (side, direction) in case.sides() {
            acl::cross(case.world, side.port, direction, case.packet, case.selector, trace)?;
        }
        Ok(())
    }

    /// A packet of a flow that is known.
    fn follow(
        &mut self,
        case: &Case<'_>,
        key: FlowKey,
        d: usize,
        mut flow: Flow,
        trace: &mut Trace,
    ) -> Result<(), Refusal> {
        trace.say(PathStage::Flow, if d == flow.opener { "known, from the end that opened it" } else { "a reply" });
        let judged_anew = is_judged_anew(case, &flow);
        for (side, direction) in case.sides() {
            acl::cross(case.world, side.port, direction, case.packet, case.selector, trace)?;
            let end = end_of(d, direction);
            let known = flow.gates[end].is_some_and(|passed| passed.port == side.id);
            if !known || judged_anew {
                let opening = if end == flow.opener { Direction::Egress } else { Direction::Ingress };
                let (from, to) = (key.ends[flow.opener], key.ends[1 - flow.opener]);
                let question = case.question(from, to, opening, flow.opening.destination);
                match ask(case, side, question, trace) {
                    Ok(passed) => flow.gates[end] = Some(passed),
                    Err(refusal) => {
                        if known {
                            trace.say(PathStage::Flow, "ended: its interface has been judged since");
                            self.flows.remove(&key);
                        }
                        return Err(refusal);
                    }
                }
            }
            if flow.open[end] {
                let (from, to) = case.ends();
                ask(case, side, case.question(from, to, direction, case.selector.destination), trace)?;
            }
        }
        let mut ended = false;
        if let (Some(connection), Some(segment)) = (&mut flow.connection, case.segment_of_tcp()) {
            let effect = check_flags(&segment).and_then(|()| connection.judge(d, &segment));
            match effect {
                Ok(effect) => {
                    connection.apply(d, &segment, effect);
                    ended = connection.is_over();
                }
                Err(reason) if case.is_filtered() => return Err(reason.into()),
                Err(reason) => trace.say(PathStage::Tcp, format!("{} let pass: filtering is off", reason.label())),
            }
            trace.say(PathStage::Tcp, format!("{:?}", connection.state));
        }
        // An interface that has left this host has no gate here, and its quota is another host's business.
        for (end, side) in [(d, case.sender), (1 - d, case.receiver)] {
            flow.gates[end] = flow.gates[end].filter(|_| side.is_some());
            let owner = if end == flow.opener { &mut flow.opened_by } else { &mut flow.accepted_by };
            *owner = side.map(|side| side.id);
        }
        flow.stream |= d == flow.opener && flow.heard[1 - d];
        // What has ended and is off the quotas is not kept alive. A RST may have been ignored.
        let ended_before = |connection: &Connection| connection.state == TcpState::TimeWait;
        let is_kept = flow.retired && flow.connection.as_ref().is_some_and(ended_before);
        flow.seen = if is_kept { flow.seen } else { case.now };
        flow.heard[d] = true;
        flow.retired |= ended && self.may_retire(&flow);
        self.flows.put(key, flow);
        Ok(())
    }

    /// Whether a connection that is over can be taken off the quotas: its interfaces have room for it among those.
    fn may_retire(&self, flow: &Flow) -> bool {
        let has_room = |port: Option<AttachmentId>, more: usize| {
            port.is_none_or(|port| self.flows.over_at(port) + more < self.limits.flows_per_interface)
        };
        let twice = flow.opened_by == flow.accepted_by;
        has_room(flow.opened_by, 0) && has_room(flow.accepted_by, usize::from(twice))
    }

    /// A packet without a flow: one of its own, if everybody permits it.
    fn open(&mut self, case: &Case<'_>, key: FlowKey, d: usize, trace: &mut Trace) -> Result<(), Refusal> {
        trace.say(PathStage::Flow, "new");
        let segment = case.segment_of_tcp();
        let adopting = case.sides().any(|(side, _)| side.port.policy.adopting);
        let refused_by = |reason| match reason {
            DropReason::PolicyEgressDenied => case.sender,
            DropReason::PolicyIngressDenied => case.receiver,
            _ => None,
        };
        let begun = segment.is_some_and(|segment| segment.goes_on());
        let mut opener = d;
        let mut gates = self.pass_gates(case, d, false, trace);
        let is_adopting = |reason| refused_by(reason).is_some_and(|side| side.port.policy.adopting);
        if begun && gates.as_ref().is_err_and(|refusal| refusal.rule.is_none() && is_adopting(refusal.reason)) {
            trace.say(PathStage::Groups, "it may have been opened by the other end before the interface moved here");
            if let Ok(passed) = self.pass_gates(case, d, true, trace) {
                (gates, opener) = (Ok(passed), 1 - d);
            }
        }
        let gates = gates?;
        let connection = match segment {
            Some(segment) => Some(self.begin(case, &segment, d, opener, adopting, trace)?),
            None => None,
        };
        if matches!(case.icmp_kind(), Some(IcmpKind::Answer(_))) && case.is_filtered() {
            return Err(DropReason::IcmpUnsolicited.into());
        }
        if case.packet.is_later_fragment() {
            return Err(DropReason::FragmentUnknown.into());
        }
        let by = |end: usize| gates[end].map(|passed| passed.port);
        let opening = if opener == d {
            case.selector
        } else {
            Selector { source: case.selector.destination, destination: case.selector.source }
        };
        let flow = Flow {
            opener,
            seen: case.now,
            heard: [d == 0, d == 1],
            stream: false,
            gates,
            opening,
            open: openness(case, d),
            connection,
            opened_by: by(opener),
            accepted_by: by(1 - opener),
            retired: false,
        };
        // What has expired, or is over, makes room.
        self.flows.remove(&key);
        self.check_room(&flow)?;
        self.flows.put(key, flow);
        Ok(())
    }

    /// ACLs and gates for a packet without a flow. `reversed`: the gates are asked as if the other end had opened it.
    fn pass_gates(
        &self,
        case: &Case<'_>,
        d: usize,
        reversed: bool,
        trace: &mut Trace,
    ) -> Result<[Option<Passed>; 2], Refusal> {
        let (from, to) = case.ends();
        let mut gates = [None, None];
        for (side, direction) in case.sides() {
            acl::cross(case.world, side.port, direction, case.packet, case.selector, trace)?;
            let question = if reversed {
                case.question(to, from, opposite(direction), case.selector.source)
            } else {
                case.question(from, to, direction, case.selector.destination)
            };
            gates[end_of(d, direction)] = Some(ask(case, side, question, trace)?);
        }
        Ok(gates)
    }

    /// Rules 1 and 2 of TCP.
    fn begin(
        &self,
        case: &Case<'_>,
        segment: &Segment,
        d: usize,
        opener: usize,
        adopting: bool,
        trace: &mut Trace,
    ) -> Result<Connection, Refusal> {
        let flags = check_flags(segment);
        let loose = !segment.opens();
        if case.is_filtered() {
            flags?;
            if loose && !(adopting && segment.goes_on()) {
                return Err(DropReason::TcpNoConnection.into());
            }
        }
        let mut connection = Connection::new(opener, loose);
        if flags.is_ok() {
            let effect = connection.judge(d, segment)?;
            connection.apply(d, segment, effect);
        }
        trace.say(
            PathStage::Tcp,
            format!("{:?}{}", connection.state, if loose { ", its beginning not seen" } else { "" }),
        );
        Ok(connection)
    }

    /// Whether there is room for one more flow.
    fn check_room(&self, flow: &Flow) -> Result<(), Refusal> {
        let quota = self.limits.flows_per_interface;
        let opened = flow.opened_by.is_some_and(|port| self.flows.used_by(port).0 >= quota);
        let accepted = flow.accepted_by.is_some_and(|port| self.flows.used_by(port).1 >= 2 * quota);
        if opened || accepted {
            return Err(DropReason::FlowQuota.into());
        }
        if self.flows.len() >= self.limits.max_flows {
            return Err(DropReason::FlowTableFull.into());
        }
        Ok(())
    }

    /// An ICMP error: the packet that it quotes must belong to a flow, and be one that was sent.
    fn relate(&self, case: &Case<'_>, trace: &mut Trace) -> Result<(), Refusal> {
        let unrelated = Err(DropReason::IcmpUnrelated.into());
        let Some(quote) = related::quote(case.packet, case.frame) else { return unrelated };
        let (key, o) = quote.flow(case.segment);
        let Some(flow) = self.flows.live(&key, case.world, case.now) else { return unrelated };
        if quote.from.address != case.packet.destination || is_judged_anew(case, flow) {
            return unrelated;
        }
        // Who is no router can tell only of what was sent to itself.
        if case.sender.is_some_and(|side| !sender::may_use(side.port, quote.to.address)) {
            return unrelated;
        }
        if is_tcp(&key)
            && case.is_filtered()
            && let (Some(connection), Some(seq)) = (&flow.connection, quote.seq)
            && !connection.has_sent(o, seq)
        {
            return unrelated;
        }
        trace.say(PathStage::Related, "about a packet of a flow");
        Ok(())
    }
}

/// The number of the end at which an interface is that a packet of end `d` passes in this direction.
fn end_of(d: usize, direction: Direction) -> usize {
    if direction == Direction::Egress { d } else { 1 - d }
}

/// Whether the flow is to be judged again. The interfaces that were asked count, not those that the packet passes now: they may be
/// others.
fn is_judged_anew(case: &Case<'_>, flow: &Flow) -> bool {
    let judged = |port| case.world.port(port).map_or(0, |port| port.policy.judged);
    flow.gates.iter().flatten().any(|passed| judged(passed.port) != passed.judged)
}

/// For which ends the flow is open: EC2 does not track what both directions permit from and to everywhere.
fn openness(case: &Case<'_>, d: usize) -> [bool; 2] {
    let mut open = [false; 2];
    for (side, direction) in case.sides() {
        let wide =
            |direction| is_wide_open(case.world, side.port, direction, case.packet.protocol, case.packet.is_ipv6());
        open[end_of(d, direction)] =
            side.port.policy.untracked_open && wide(Direction::Egress) && wide(Direction::Ingress);
    }
    open
}
