//! Flows: which packets belong together, for how long, and on whose account.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::outcome::GroupRuleName;
use super::packet::{ICMP, Packet, TCP, Transport, UDP};
use super::tcp::{Connection, TcpState};
use super::world::World;
use crate::id::AttachmentId;
use crate::policy::FlowTimeouts;

/// Nanoseconds of a tick, the unit of the data plane's clock: 2^20, about 1.05 ms.
pub const TICK_NS: u64 = 1 << 20;

/// Ticks of a number of seconds, rounded down.
pub fn ticks(seconds: u64) -> u64 {
    seconds * 1_000_000_000 / TICK_NS
}

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    /// Its address.
    pub address: IpAddr,
    /// Its port, or what stands for one.
    pub port: u16,
}

/// Names a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// The segment of the VPC.
    pub segment: u32,
    /// Both ends, the lower first.
    pub ends: [End; 2],
    /// The protocol.
    pub protocol: u8,
}

/// What is remembered of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The end that opened it.
    pub opener: usize,
    /// Tick of its last packet.
    pub seen: u64,
    /// Ends that have sent.
    pub heard: [bool; 2],
    /// Whether the end that opened it has sent after it was answered: more than one question and one answer.
    pub stream: bool,
    /// What the interfaces at both ends have said to the packet that opened it; `None`: not asked here.
    pub gates: [Option<Passed>; 2],
    /// Ports, or ICMP type and code, of the packet that opened it.
    pub opening: Selector,
    /// For the interfaces at both ends: whether its packets are judged each in its own direction.
    pub open: [bool; 2],
    /// For TCP.
    pub connection: Option<Connection>,
    /// The port whose quota of opened flows it uses.
    pub opened_by: Option<AttachmentId>,
    /// The port whose quota of accepted flows it uses.
    pub accepted_by: Option<AttachmentId>,
    /// A connection that is over: it is in nobody's quota.
    pub retired: bool,
}

/// An interface that let a flow pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Its port.
    pub port: AttachmentId,
    /// The rule.
    pub rule: GroupRuleName,
    /// The interface's count of judgements at that time.
    pub judged: u32,
}

/// What rules read of a packet beside addresses and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selector {
    /// Source port; 0 if there is none.
    pub source: u16,
    /// Destination port; for ICMP type << 8 | code; 0 if there is none.
    pub destination: u16,
}

/// What an ICMP message is, by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpKind {
    /// A query.
    Query,
    /// The answer to the query of this type.
    Answer(u8),
    /// An error about a packet that it quotes.
    Error,
    /// A redirect.
    Redirect,
    /// Anything else.
    Other,
}

/// Sorts ICMP messages.
pub fn icmp_kind(ipv6: bool, kind: u8) -> IcmpKind {
    match (ipv6, kind) {
        (false, 8 | 13 | 17) | (true, 128) => IcmpKind::Query,
        (false, 0) => IcmpKind::Answer(8),
        (false, 14) => IcmpKind::Answer(13),
        (false, 18) => IcmpKind::Answer(17),
        (true, 129) => IcmpKind::Answer(128),
        (false, 3 | 4 | 11 | 12) | (true, 1..=4) => IcmpKind::Error,
        (false, 5) | (true, 137) => IcmpKind::Redirect,
        _ => IcmpKind::Other,
    }
}

/// What rules read of the packet. A later fragment's ports are those of its first.
pub fn selector(packet: &Packet) -> Selector {
    match packet.transport {
        Transport::Tcp(segment) => Selector { source: segment.source, destination: segment.destination },
        Transport::Udp { source, destination } => Selector { source, destination },
        Transport::Icmp { kind, code, .. } => Selector { source: 0, destination: u16::from_be_bytes([kind, code]) },
        Transport::Other | Transport::Later => Selector::default(),
    }
}

/// The ports of the flow that a packet with a transport header belongs to: the sender's and the receiver's.
pub fn flow_ports(packet: &Packet) -> (u16, u16) {
    match packet.transport {
        Transport::Icmp { kind, code, id } => match icmp_kind(packet.is_ipv6(), kind) {
            IcmpKind::Query => (id, u16::from_be_bytes([kind, code])),
            IcmpKind::Answer(query) => (u16::from_be_bytes([query, code]), id),
            _ => (0, u16::from_be_bytes([kind, code])),
        },
        _ => {
            let selector = selector(packet);
            (selector.source, selector.destination)
        }
    }
}

impl FlowKey {
    /// The key of a flow and the number of the end that sends.
    pub fn new(segment: u32, protocol: u8, from: End, to: End) -> (FlowKey, usize) {
        let sender = usize::from(from > to);
        let ends = if sender == 0 { [from, to] } else { [to, from] };
        (FlowKey { segment, ends, protocol }, sender)
    }
}

impl Flow {
    /// How long it is remembered after its last packet, in ticks.
    fn idle(&self, key: &FlowKey, timeouts: FlowTimeouts) -> u64 {
        let seconds = match (&self.connection, key.protocol) {
            (Some(connection), _) => match connection.state {
                TcpState::Opening | TcpState::TimeWait => 60,
                TcpState::Established => timeouts.tcp_established,
                TcpState::Closing => 120,
                TcpState::Closed => 10,
            },
            (None, UDP) if self.stream => timeouts.udp_stream,
            (None, UDP) => timeouts.udp,
            (None, ICMP) if key.ends[0].address.is_ipv4() => 30,
            (None, super::packet::ICMPV6) if key.ends[0].address.is_ipv6() => 30,
            _ => 600,
        };
        ticks(seconds.into())
    }

    /// The last tick at which it is remembered if no more packets come: the interface that opened it decides, or the one
    /// that is here.
    pub fn lasts_until(&self, key: &FlowKey, world: World<'_>) -> u64 {
        let keeper = self.opened_by.or(self.accepted_by).and_then(|port| world.port(port));
        self.seen + self.idle(key, keeper.map(|port| port.policy.timeouts).unwrap_or_default())
    }

    fn is_live(&self, key: &FlowKey, world: World<'_>, now: u64) -> bool {
        now <= self.lasts_until(key, world)
    }
}

/// All flows of a host.
#[derive(Debug, Clone, Default)]
pub struct FlowTable {
    flows: BTreeMap<FlowKey, Flow>,
}

impl FlowTable {
    /// The flow, unless it has expired.
    pub fn live(&self, key: &FlowKey, world: World<'_>, now: u64) -> Option<&Flow> {
        self.flows.get(key).filter(|flow| flow.is_live(key, world, now))
    }

    /// Every entry, expired ones too.
    pub fn iter(&self) -> impl Iterator<Item = (&FlowKey, &Flow)> {
        self.flows.iter()
    }

    /// Entries that have not been swept, as the kernel counts them.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Adds or replaces a flow.
    pub fn put(&mut self, key: FlowKey, flow: Flow) {
        self.flows.insert(key, flow);
    }

    /// Ends a flow.
    pub fn remove(&mut self, key: &FlowKey) {
        self.flows.remove(key);
    }

    /// How many flows the port has opened and accepted, expired ones that nobody has swept included, and connections that are
    /// over left out.
    pub fn used_by(&self, port: AttachmentId) -> (usize, usize) {
        let counted = || self.flows.values().filter(|flow| !flow.retired);
        let opened = counted().filter(|flow| flow.opened_by == Some(port)).count();
        (opened, counted().filter(|flow| flow.accepted_by == Some(port)).count())
    }

    /// How many connections of the port are over, and not swept.
    pub fn over_at(&self, port: AttachmentId) -> usize {
        let ends = self.flows.values().filter(|flow| flow.retired).flat_map(|flow| [flow.opened_by, flow.accepted_by]);
        ends.filter(|at| *at == Some(port)).count()
    }

    /// Forgets what has expired; says how many.
    pub fn sweep(&mut self, world: World<'_>, now: u64) -> usize {
        let before = self.flows.len();
        self.flows.retain(|key, flow| flow.is_live(key, world, now));
        before - self.flows.len()
    }
}

/// Whether TCP's rules apply.
pub fn is_tcp(key: &FlowKey) -> bool {
    key.protocol == TCP
}
