//! Security groups: one gate is a list of rules, asked from the first to the last.

use std::net::IpAddr;

use super::outcome::GroupRuleName;
use super::packet::{ICMP, ICMPV6, TCP, UDP};
use super::world::World;
use crate::host_spec::PortSpec;
use crate::id::SecurityGroupId;
use crate::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch, Remote, Rule};

/// What a gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Which way.
    pub direction: Direction,
    /// The protocol's number.
    pub protocol: u8,
    /// Destination port, or ICMP type << 8 | code.
    pub destination: u16,
    /// The other end's address.
    pub remote: IpAddr,
    /// The address on the interface's side.
    pub local: IpAddr,
}

/// The groups that apply to a port: those of its quarantine, if it is in one.
pub fn groups(port: &PortSpec) -> &[SecurityGroupId] {
    port.policy.quarantine.as_deref().unwrap_or(&port.policy.groups)
}

/// The rule that permits, if one does.
pub fn ask(world: World<'_>, port: &PortSpec, question: Question) -> Option<GroupRuleName> {
    ask_groups(world, port.segment, groups(port), question)
}

/// The same for any set of groups: a shadow policy, or a change that is only considered.
pub fn ask_groups(
    world: World<'_>,
    segment: u32,
    groups: &[SecurityGroupId],
    question: Question,
) -> Option<GroupRuleName> {
    let mut sorted = groups.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let rules = || sorted.iter().flat_map(|id| world.group(*id).unwrap_or_default().iter().map(|rule| (*id, rule)));
    // Rules with group remotes come last, whatever their place: the data plane finds them by another table.
    let by_network = rules().filter(|(_, rule)| !matches!(rule.remote, Remote::Group(_)));
    let by_group = rules().filter(|(_, rule)| matches!(rule.remote, Remote::Group(_)));
    let (group, rule) = by_network.chain(by_group).find(|(_, rule)| matches(world, segment, rule, question))?;
    Some(GroupRuleName { group, rule: rule.id })
}

fn matches(world: World<'_>, segment: u32, rule: &Rule, question: Question) -> bool {
    rule.direction == question.direction
        && matches_protocol(rule.protocol, question)
        && matches_remote(world, segment, rule.remote, question.remote)
        && rule.local.is_none_or(|net| net.contains(&question.local))
}

fn matches_protocol(wanted: ProtocolMatch, question: Question) -> bool {
    protocol_matches(wanted, question.protocol, question.remote.is_ipv6(), question.destination)
}

/// Whether a protocol match covers a packet; network ACLs use it too.
pub(super) fn protocol_matches(wanted: ProtocolMatch, protocol: u8, ipv6: bool, destination: u16) -> bool {
    match wanted {
        ProtocolMatch::Any => true,
        ProtocolMatch::IcmpTcpUdp => is_icmp_tcp_udp(protocol, ipv6),
        ProtocolMatch::Tcp(ports) => protocol == TCP && ports.contains(destination),
        ProtocolMatch::Udp(ports) => protocol == UDP && ports.contains(destination),
        ProtocolMatch::Icmp(message) => protocol == ICMP && !ipv6 && icmp_matches(message, destination),
        ProtocolMatch::Icmpv6(message) => protocol == ICMPV6 && ipv6 && icmp_matches(message, destination),
        ProtocolMatch::Number(number) => protocol == number,
    }
}

/// ICMP is another protocol in each IP version; the other version's number is neither.
fn is_icmp_tcp_udp(protocol: u8, ipv6: bool) -> bool {
    matches!(protocol, TCP | UDP) || protocol == if ipv6 { ICMPV6 } else { ICMP }
}

fn icmp_matches(wanted: IcmpMatch, type_code: u16) -> bool {
    let [kind, code] = type_code.to_be_bytes();
    match wanted {
        IcmpMatch::Any => true,
        IcmpMatch::Type(wanted) => kind == wanted,
        IcmpMatch::Code(wanted, wanted_code) => (kind, code) == (wanted, wanted_code),
    }
}

fn matches_remote(world: World<'_>, segment: u32, wanted: Remote, remote: IpAddr) -> bool {
    match wanted {
        Remote::Any => true,
        Remote::Net(net) => net.contains(&remote),
        Remote::PrefixList(id) => world.prefix_list(id).unwrap_or_default().iter().any(|net| net.contains(&remote)),
        Remote::Group(id) => world.vni_endpoint(segment, remote).is_some_and(|endpoint| endpoint.groups.contains(&id)),
    }
}

/// Whether a port's gate has a rule for all of a protocol from and to everywhere, as EC2's untracked connections need.
pub fn is_wide_open(world: World<'_>, port: &PortSpec, direction: Direction, protocol: u8, ipv6: bool) -> bool {
    let everywhere = |remote| match remote {
        Remote::Any => true,
        Remote::Net(net) => net.prefix_len() == 0 && net.addr().is_ipv6() == ipv6,
        Remote::PrefixList(_) | Remote::Group(_) => false,
    };
    let all_of_it = |wanted| match wanted {
        ProtocolMatch::Any => true,
        ProtocolMatch::IcmpTcpUdp => is_icmp_tcp_udp(protocol, ipv6),
        ProtocolMatch::Tcp(ports) => protocol == TCP && ports == PortRange::ALL,
        ProtocolMatch::Udp(ports) => protocol == UDP && ports == PortRange::ALL,
        ProtocolMatch::Icmp(message) => protocol == ICMP && !ipv6 && message == IcmpMatch::Any,
        ProtocolMatch::Icmpv6(message) => protocol == ICMPV6 && ipv6 && message == IcmpMatch::Any,
        ProtocolMatch::Number(number) => protocol == number,
    };
    groups(port).iter().flat_map(|id| world.group(*id).unwrap_or_default()).any(|rule| {
        rule.direction == direction && rule.local.is_none() && everywhere(rule.remote) && all_of_it(rule.protocol)
    })
}
