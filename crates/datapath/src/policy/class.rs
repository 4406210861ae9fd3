//! What a class permits. A class stands for a set of rules that match the same remotes.
//!
//! A packet's row is that of its protocol if there is one, else the row for all others. So a row for a protocol holds the
//! rules for every protocol too: one look-up decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pintle_core::id::RuleId;
use pintle_core::policy::{IcmpMatch, PortRange, ProtocolMatch, Remote, Rule};

use crate::entry::policy::ANY_PROTO;

/// Protocol numbers of IANA's registry that rules know by name.
pub(crate) const ICMP: u32 = 1;
pub(crate) const TCP: u32 = 6;
pub(crate) const UDP: u32 = 17;
pub(crate) const ICMPV6: u32 = 58;

/// An IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Version {
    V4,
    V6,
}

/// Ports (or ICMP type << 8 | code), both ends included, and the rule that permits them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) lo: u16,
    pub(crate) hi: u16,
    pub(crate) rule: RuleId,
    /// All of the protocol is permitted from everywhere, and in the other direction too.
    pub(crate) open: bool,
}

/// Sorted, disjoint ranges.
pub(crate) type Run = Arc<[Range]>;

/// Runs by protocol number, [`ANY_PROTO`] for all that are not named. No run is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Class {
    pub(crate) rows: BTreeMap<u32, Run>,
}

/// Rows of ICMP in the IP version that it is not of: a rule that names the number matches it, one that says ICMP does not.
pub(crate) const ICMPV6_IN_V4: u32 = 257;
pub(crate) const ICMP_IN_V6: u32 = 258;

/// The rows that a rule permits something in, and the ports of each.
pub(crate) fn protocols(matched: ProtocolMatch) -> Vec<(u32, PortRange)> {
    let all = |protos: &[u32]| protos.iter().map(|proto| (*proto, PortRange::ALL)).collect();
    match matched {
        ProtocolMatch::Any => all(&[ANY_PROTO]),
        ProtocolMatch::IcmpTcpUdp => all(&[ICMP, TCP, UDP, ICMPV6]),
        ProtocolMatch::Tcp(ports) => vec![(TCP, ports)],
        ProtocolMatch::Udp(ports) => vec![(UDP, ports)],
        ProtocolMatch::Icmp(message) => vec![(ICMP, messages(message))],
        ProtocolMatch::Icmpv6(message) => vec![(ICMPV6, messages(message))],
        ProtocolMatch::Number(1) => all(&[ICMP, ICMP_IN_V6]),
        ProtocolMatch::Number(58) => all(&[ICMPV6, ICMPV6_IN_V4]),
        ProtocolMatch::Number(number) => all(&[u32::from(number)]),
    }
}

/// ICMP messages as a range of type << 8 | code.
pub(crate) fn messages(matched: IcmpMatch) -> PortRange {
    match matched {
        IcmpMatch::Any => PortRange::ALL,
        IcmpMatch::Type(kind) => PortRange { first: u16::from(kind) << 8, last: u16::from(kind) << 8 | 0xff },
        IcmpMatch::Code(kind, code) => PortRange::one(u16::from(kind) << 8 | u16::from(code)),
    }
}

/// The protocols of which a rule permits all from all addresses of a version.
fn open(rule: &Rule, version: Version) -> Vec<u32> {
    let everywhere = match rule.remote {
        Remote::Any => true,
        Remote::Net(net) => net.prefix_len() == 0 && net.addr().is_ipv4() == (version == Version::V4),
        Remote::PrefixList(_) | Remote::Group(_) => false,
    };
    if !everywhere || rule.local.is_some() {
        return Vec::new();
    }
    let all = protocols(rule.protocol).into_iter().filter(|(_, ports)| *ports == PortRange::ALL);
    all.map(|(proto, _)| proto).collect()
}

/// The protocols of which everything is permitted from everywhere, by version: 4, 6. [`ANY_PROTO`] stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OpenProtocols([BTreeSet<u32>; 2]);

impl OpenProtocols {
    /// Of the rules of one direction.
    pub(crate) fn of(rules: &[&Rule]) -> OpenProtocols {
        OpenProtocols(
            [Version::V4, Version::V6].map(|version| rules.iter().flat_map(|rule| open(rule, version)).collect()),
        )
    }

    fn version(&self, version: Version) -> &BTreeSet<u32> {
        &self.0[usize::from(version == Version::V6)]
    }
}

impl Class {
    /// The class of remotes by their groups. The rules stand in the order in which the first match counts.
    pub(crate) fn of_identity(rules: &[&Rule]) -> Class {
        Class::of(rules, BTreeSet::new(), |_| false)
    }

    /// The class of remotes by their address. `other` is what is open in the other direction.
    pub(crate) fn of_remotes(rules: &[&Rule], version: Version, other: &OpenProtocols) -> Class {
        let here: BTreeSet<u32> = rules.iter().flat_map(|rule| open(rule, version)).collect();
        let other = other.version(version);
        // If one protocol is open both ways and others are not, they need rows that differ.
        let named = if here.contains(&ANY_PROTO) { other.clone() } else { BTreeSet::new() };
        let holds = |protos: &BTreeSet<u32>, proto| protos.contains(&proto) || protos.contains(&ANY_PROTO);
        Class::of(rules, named, |proto| holds(&here, proto) && holds(other, proto))
    }

    /// `named` are protocols that get rows beside those that the rules name.
    fn of(rules: &[&Rule], mut named: BTreeSet<u32>, open: impl Fn(u32) -> bool) -> Class {
        let mut parts: Vec<(u32, PortRange, RuleId)> = Vec::new();
        for rule in rules {
            parts.extend(protocols(rule.protocol).into_iter().map(|(proto, ports)| (proto, ports, rule.id)));
        }
        named.extend(parts.iter().map(|(proto, ..)| *proto));
        let rows = named.into_iter().map(|proto| {
            let open = open(proto);
            let matching = parts.iter().filter(|(of, ..)| [proto, ANY_PROTO].contains(of));
            let ranges = matching.map(|(_, ports, rule)| Range { lo: ports.first, hi: ports.last, rule: *rule, open });
            (proto, merge(&ranges.collect::<Vec<_>>()))
        });
        Class { rows: rows.filter(|(_, run)| !run.is_empty()).collect() }
    }

    /// What either of two classes permits; where both do, the first names the rule.
    pub(crate) fn union(&self, other: &Class) -> Class {
        let protos: BTreeSet<u32> = self.rows.keys().chain(other.rows.keys()).copied().collect();
        let rows = protos.into_iter().map(|proto| {
            let ranges = self.row(proto).iter().chain(other.row(proto));
            (proto, merge(&ranges.copied().collect::<Vec<_>>()))
        });
        Class { rows: rows.collect() }
    }

    /// The run that decides for a protocol.
    pub(crate) fn row(&self, proto: u32) -> &[Range] {
        self.rows.get(&proto).or_else(|| self.rows.get(&ANY_PROTO)).map_or(&[], |run| run)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Makes ranges disjoint: where several meet, the first in the list counts. Neighbours with the same rule become one.
fn merge(ranges: &[Range]) -> Run {
    // Where a range begins (true) or has just ended, by place in the list.
    let mut edges: Vec<(u32, bool, usize)> = Vec::with_capacity(ranges.len() * 2);
    for (place, range) in ranges.iter().enumerate().filter(|(_, range)| range.lo <= range.hi) {
        edges.push((u32::from(range.lo), true, place));
        edges.push((u32::from(range.hi) + 1, false, place));
    }
    edges.sort_unstable();
    let mut merged: Vec<Range> = Vec::new();
    let mut here: BTreeSet<usize> = BTreeSet::new();
    let mut edges = edges.into_iter().peekable();
    while let Some((at, begins, place)) = edges.next() {
        if begins {
            here.insert(place);
        } else {
            here.remove(&place);
        }
        let until = edges.peek().map_or(at, |(next, _, _)| *next);
        let Some(first) = here.first().filter(|_| until > at) else { continue };
        let range = Range { lo: at as u16, hi: (until - 1) as u16, ..ranges[*first] };
        match merged.last_mut() {
            Some(last) if u32::from(last.hi) + 1 == at && (last.rule, last.open) == (range.rule, range.open) => {
                last.hi = range.hi;
            }
            _ => merged.push(range),
        }
    }
    merged.into()
}

#[cfg(test)]
mod tests {
    use pintle_core::policy::Direction;

    use super::*;

    fn rule(id: u64, protocol: ProtocolMatch, remote: Remote) -> Rule {
        Rule { id: RuleId::from_bits(id), direction: Direction::Ingress, protocol, remote, local: None }
    }

    fn tcp(id: u64, first: u16, last: u16) -> Rule {
        rule(id, ProtocolMatch::Tcp(PortRange { first, last }), Remote::Any)
    }

    fn text(run: &[Range]) -> String {
        let one = |r: &Range| format!("{}-{}:{}{}", r.lo, r.hi, r.rule.bits(), if r.open { "*" } else { "" });
        run.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn of(rules: &[&Rule]) -> Class {
        Class::of_remotes(rules, Version::V4, &OpenProtocols::default())
    }

    #[test]
    fn the_first_rule_wins_where_ranges_meet() {
        let rules = [tcp(1, 100, 200), tcp(2, 50, 150), tcp(3, 150, 300), tcp(4, 0, 10), tcp(4, 11, 12)];
        let class = of(&rules.iter().collect::<Vec<_>>());
        assert_eq!(text(class.row(TCP)), "0-12:4 50-99:2 100-200:1 201-300:3");
        assert_eq!(text(class.row(UDP)), "");
    }

    #[test]
    fn rules_for_every_protocol_are_in_every_row() {
        let rules = [tcp(1, 80, 80), rule(2, ProtocolMatch::Any, Remote::Group(id()))];
        let class = of(&rules.iter().collect::<Vec<_>>());
        assert_eq!(text(class.row(TCP)), "0-79:2 80-80:1 81-65535:2");
        assert_eq!(text(class.row(UDP)), "0-65535:2");
        let both = class.union(&of(&[&tcp(9, 443, 443)]));
        assert_eq!(text(both.row(TCP)), "0-79:2 80-80:1 81-65535:2");
    }

    fn id() -> pintle_core::id::SecurityGroupId {
        pintle_core::id::SecurityGroupId::from_bits(1)
    }

    #[test]
    fn icmp_types_are_ranges_of_codes_and_numbers_mean_all() {
        let icmp = |id, matched| rule(id, ProtocolMatch::Icmp(matched), Remote::Any);
        let rules = [icmp(1, IcmpMatch::Code(3, 4)), icmp(2, IcmpMatch::Type(3)), icmp(3, IcmpMatch::Type(8))];
        let class = of(&rules.iter().collect::<Vec<_>>());
        assert_eq!(text(class.row(ICMP)), "768-771:2 772-772:1 773-1023:2 2048-2303:3");
        let numbers = [rule(1, ProtocolMatch::Number(6), Remote::Any), rule(2, ProtocolMatch::Number(50), Remote::Any)];
        let class = of(&numbers.iter().collect::<Vec<_>>());
        assert_eq!((text(class.row(TCP)), text(class.row(50))), ("0-65535:1".into(), "0-65535:2".into()));
        let either = of(&[&rule(1, ProtocolMatch::Number(58), Remote::Any)]);
        assert!(!either.row(ICMPV6).is_empty() && !either.row(ICMPV6_IN_V4).is_empty());
        let icmp6 = of(&[&rule(1, ProtocolMatch::IcmpTcpUdp, Remote::Any)]);
        assert!(!icmp6.row(ICMPV6).is_empty() && icmp6.row(ICMPV6_IN_V4).is_empty() && icmp6.row(47).is_empty());
    }

    #[test]
    fn what_is_open_both_ways_opens_its_row() {
        let all = rule(2, ProtocolMatch::Tcp(PortRange::ALL), Remote::Net("0.0.0.0/0".parse().unwrap()));
        let every = rule(4, ProtocolMatch::Any, Remote::Any);
        let rules = [&tcp(1, 80, 80), &all];
        assert_eq!(text(of(&rules).row(TCP)), "0-79:2 80-80:1 81-65535:2", "the other direction is not open");
        let other = OpenProtocols::of(&[&every]);
        let open = Class::of_remotes(&rules, Version::V4, &other);
        assert_eq!(text(open.row(TCP)), "0-79:2* 80-80:1* 81-65535:2*");
    }

    #[test]
    fn only_the_protocol_that_is_open_both_ways_is_open() {
        let every = rule(4, ProtocolMatch::Any, Remote::Any);
        let tcp_all = rule(2, ProtocolMatch::Tcp(PortRange::ALL), Remote::Any);
        let class = Class::of_remotes(&[&every], Version::V4, &OpenProtocols::of(&[&tcp_all]));
        assert_eq!((text(class.row(TCP)), text(class.row(UDP))), ("0-65535:4*".into(), "0-65535:4".into()));
        let nearly = rule(3, ProtocolMatch::Tcp(PortRange { first: 1, last: u16::MAX }), Remote::Any);
        let class = Class::of_remotes(&[&nearly], Version::V4, &OpenProtocols::of(&[&every]));
        assert_eq!(text(class.row(TCP)), "1-65535:3");
    }
}
