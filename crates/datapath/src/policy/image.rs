//! What the policy maps hold, as this process knows it, and the writes that change it. No kernel here.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;
use pintle_core::id::RuleId;
use pintle_core::policy::Direction;

use crate::entry::policy::{Gate, GateNet, Name, NameKey, Policy, Row, Span};
use crate::flags::GateFlags;
use crate::maps::MapName;

/// One entry of one map, written or (`None`) deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Name(NameKey, Option<Name>),
    Rule(u32, RuleId),
    Span(u32, Span),
    /// By class and protocol.
    Row((u32, u32), Option<Row>),
    Prefix(GateNet, Option<u32>),
    /// By gate and identity.
    Identity((u32, u32), Option<u32>),
    Local(GateNet, Option<Gate>),
    /// All zeros: no such policy.
    Policy(u32, Policy),
}

impl Write {
    /// The map, and whether the entry goes.
    pub(crate) fn kind(&self) -> (MapName, bool) {
        match self {
            Write::Name(_, name) => (MapName::Names, name.is_none()),
            Write::Rule(..) => (MapName::Rules, false),
            Write::Span(..) => (MapName::Spans, false),
            Write::Row(_, row) => (MapName::Rows, row.is_none()),
            Write::Prefix(_, class) => (MapName::Prefixes, class.is_none()),
            Write::Identity(_, class) => (MapName::Identities, class.is_none()),
            Write::Local(_, gate) => (MapName::Locals, gate.is_none()),
            Write::Policy(..) => (MapName::Policies, false),
        }
    }
}

/// The entries that bear one gate's number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GateRows {
    pub(crate) prefixes: BTreeMap<IpNet, u32>,
    pub(crate) identities: BTreeMap<u32, u32>,
    pub(crate) locals: BTreeMap<IpNet, Gate>,
}

/// The policy maps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Image {
    /// Those that are not all zeros.
    pub(crate) policies: BTreeMap<u32, Policy>,
    pub(crate) gates: HashMap<u32, GateRows>,
    /// By class, then protocol.
    pub(crate) rows: HashMap<u32, BTreeMap<u32, Row>>,
    pub(crate) spans: HashMap<u32, Span>,
    pub(crate) rules: HashMap<u32, RuleId>,
    pub(crate) names: BTreeMap<NameKey, Name>,
    /// How many entries name each class.
    pub(crate) uses: HashMap<u32, usize>,
    pub(crate) counts: Counts,
}

/// How many entries the maps have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) rows: usize,
    pub(crate) prefixes: usize,
    pub(crate) identities: usize,
    pub(crate) locals: usize,
}

/// One direction of a policy.
pub(crate) fn side(policy: &Policy, direction: Direction) -> &Gate {
    match direction {
        Direction::Ingress => &policy.ingress,
        Direction::Egress => &policy.egress,
    }
}

/// The classes that a gate names itself: those of all remotes, if it does not tell them apart.
fn own_classes(gate: &Gate) -> [u32; 2] {
    if gate.id == 0 || gate.flags.contains(GateFlags::PREFIXES) { [0, 0] } else { [gate.any4, gate.any6] }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

fn count(count: &mut usize, before: bool, after: bool) {
    *count = *count + usize::from(after) - usize::from(before);
}

impl Image {
    /// The policy with a number; all zeros if there is none.
    pub(crate) fn policy(&self, number: u32) -> Policy {
        self.policies.get(&number).copied().unwrap_or_default()
    }

    /// Does to the image what the write does to the maps.
    pub(crate) fn apply(&mut self, write: &Write) {
        match write {
            Write::Name(key, name) => drop(put(&mut self.names, *key, name.clone())),
            Write::Rule(number, id) => drop(self.rules.insert(*number, *id)),
            Write::Span(number, span) => drop(self.spans.insert(*number, *span)),
            Write::Row((class, proto), row) => {
                let rows = self.rows.entry(*class).or_default();
                let before = put(rows, *proto, *row);
                if rows.is_empty() {
                    self.rows.remove(class);
                }
                count(&mut self.counts.rows, before.is_some(), row.is_some());
            }
            Write::Prefix(key, class) => {
                let before = put(&mut self.gate(key.gate).prefixes, key.net, *class);
                count(&mut self.counts.prefixes, before.is_some(), class.is_some());
                self.use_class(before, *class);
            }
            Write::Identity((gate, identity), class) => {
                let before = put(&mut self.gate(*gate).identities, *identity, *class);
                count(&mut self.counts.identities, before.is_some(), class.is_some());
                self.use_class(before, *class);
            }
            Write::Local(key, gate) => {
                let before = put(&mut self.gate(key.gate).locals, key.net, *gate);
                count(&mut self.counts.locals, before.is_some(), gate.is_some());
                self.use_own(&before.unwrap_or_default(), &gate.unwrap_or_default());
            }
            Write::Policy(number, policy) => {
                let before = self.policies.remove(number).unwrap_or_default();
                for direction in [Direction::Ingress, Direction::Egress] {
                    self.use_own(side(&before, direction), side(policy, direction));
                }
                if *policy != Policy::default() {
                    self.policies.insert(*number, *policy);
                }
            }
        }
    }

    /// Whether two images show the same entries, however they came to be there.
    pub(crate) fn same_entries(&self, other: &Image) -> bool {
        let gates = |image: &Image| image.gates.values().filter(|rows| **rows != GateRows::default()).count();
        let spans = |image: &Image| image.spans.values().filter(|span| span.rule != 0).count();
        let empty = GateRows::default();
        (&self.policies, &self.rows, &self.rules, &self.names)
            == (&other.policies, &other.rows, &other.rules, &other.names)
            && gates(self) == gates(other)
            && self.gates.iter().all(|(gate, rows)| rows == other.gates.get(gate).unwrap_or(&empty))
            && spans(self) == spans(other)
            && self.spans.iter().all(|(number, span)| span.rule == 0 || other.spans.get(number) == Some(span))
    }

    fn gate(&mut self, number: u32) -> &mut GateRows {
        self.gates.entry(number).or_default()
    }

    fn use_own(&mut self, before: &Gate, after: &Gate) {
        for (before, after) in own_classes(before).into_iter().zip(own_classes(after)) {
            self.use_class(Some(before), Some(after));
        }
    }

    fn use_class(&mut self, before: Option<u32>, after: Option<u32>) {
        if let Some(after) = after.filter(|class| *class != 0) {
            *self.uses.entry(after).or_default() += 1;
        }
        if let Some(before) = before.filter(|class| *class != 0)
            && let Some(uses) = self.uses.get_mut(&before)
        {
            *uses -= 1;
            if *uses == 0 {
                self.uses.remove(&before);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod lookup {
    //! The look-ups that the programs do, on an image.

    use std::net::IpAddr;

    use super::*;
    use crate::entry::addr::{raw, raw_net};
    use crate::entry::policy::ANY_PROTO;
    use crate::skel::types;

    /// A packet as a gate sees it.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Question {
        pub(crate) local: IpAddr,
        pub(crate) remote: IpAddr,
        pub(crate) identity: u32,
        pub(crate) proto: u32,
        pub(crate) port: u16,
    }

    /// Whether a network holds an address, by their bits: versions are not told apart.
    fn holds(net: IpNet, addr: IpAddr) -> bool {
        let ((net, len), addr) = (raw_net(net), raw(addr));
        let number =
            |addr: &types::addr| addr.w.iter().fold(0_u128, |n, word| n << 32 | u128::from(u32::from_be(*word)));
        len == 0 || (number(&net) ^ number(&addr)) >> (128 - len) == 0
    }

    /// The longest of the networks that hold an address, as the kernel sees both: 128 bits.
    fn longest<V: Copy>(nets: &BTreeMap<IpNet, V>, addr: IpAddr) -> Option<V> {
        let holding = nets.iter().filter(|(net, _)| holds(**net, addr));
        holding.max_by_key(|(net, _)| raw_net(**net).1).map(|(_, value)| *value)
    }

    impl Image {
        pub(crate) fn ask(&self, policy: u32, direction: Direction, question: &Question) -> Option<RuleId> {
            let policy = self.policy(policy);
            let mut gate = *side(&policy, direction);
            if gate.flags.contains(GateFlags::LOCALS)
                && let Some(local) = self.gates.get(&gate.id).and_then(|rows| longest(&rows.locals, question.local))
            {
                gate = local;
            }
            if gate.id == 0 {
                return None;
            }
            let none = GateRows::default();
            let rows = self.gates.get(&gate.id).unwrap_or(&none);
            let class = if gate.flags.contains(GateFlags::PREFIXES) {
                longest(&rows.prefixes, question.remote).unwrap_or(0)
            } else if question.remote.is_ipv4() {
                gate.any4
            } else {
                gate.any6
            };
            self.permits(class, question).or_else(|| {
                let asked = gate.flags.contains(GateFlags::GROUPS) && question.identity != 0;
                let class = asked.then(|| rows.identities.get(&question.identity)).flatten();
                class.and_then(|class| self.permits(*class, question))
            })
        }

        fn permits(&self, class: u32, question: &Question) -> Option<RuleId> {
            let rows = self.rows.get(&class)?;
            let proto = match (question.proto, question.remote.is_ipv4()) {
                (58, true) => crate::policy::class::ICMPV6_IN_V4,
                (1, false) => crate::policy::class::ICMP_IN_V6,
                (proto, _) => proto,
            };
            let row = rows.get(&proto).or_else(|| rows.get(&ANY_PROTO))?;
            let mut spans = (row.first..row.first + row.count).map(|number| self.spans[&number]);
            let span = spans.find(|span| (span.lo..=span.hi).contains(&question.port))?;
            Some(self.rules[&span.rule])
        }
    }
}
