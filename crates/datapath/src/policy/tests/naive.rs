//! What rules mean, as a list that is walked.

use pintle_core::id::{RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, IcmpMatch, ProtocolMatch, Remote, Rule};

use super::World;
use crate::policy::image::lookup::Question;

/// The rule that permits a packet: those with group remotes come last.
pub(super) fn ask(world: &World, policy: u32, direction: Direction, question: &Question) -> Option<RuleId> {
    let rules = world.rules(policy);
    let known = world.identities.iter().find(|(_, number)| **number == question.identity);
    let member = known.map_or(&[][..], |(groups, _)| groups.as_slice());
    let matching = |rule: &&&Rule| matches(world, rule, direction, question, member);
    let by_group = |rule: &&&Rule| matches!(rule.remote, Remote::Group(_));
    let first = rules.iter().filter(|rule| !by_group(rule)).find(matching);
    first.or_else(|| rules.iter().filter(by_group).find(matching)).map(|rule| rule.id)
}

fn matches(world: &World, rule: &Rule, direction: Direction, question: &Question, member: &[SecurityGroupId]) -> bool {
    let remote = match rule.remote {
        Remote::Any => true,
        Remote::Net(net) => net.contains(&question.remote),
        Remote::PrefixList(list) => {
            world.lists.get(&list).is_some_and(|nets| nets.iter().any(|net| net.contains(&question.remote)))
        }
        Remote::Group(group) => member.contains(&group),
    };
    let local = rule.local.is_none_or(|net| net.contains(&question.local));
    rule.direction == direction && remote && local && protocol(rule.protocol, question)
}

fn protocol(matched: ProtocolMatch, question: &Question) -> bool {
    let v4 = question.remote.is_ipv4();
    let message = |matched| match matched {
        IcmpMatch::Any => true,
        IcmpMatch::Type(kind) => question.port >> 8 == u16::from(kind),
        IcmpMatch::Code(kind, code) => question.port == u16::from(kind) << 8 | u16::from(code),
    };
    match matched {
        ProtocolMatch::Any => true,
        ProtocolMatch::IcmpTcpUdp => [6, 17, if v4 { 1 } else { 58 }].contains(&question.proto),
        ProtocolMatch::Tcp(ports) => question.proto == 6 && ports.contains(question.port),
        ProtocolMatch::Udp(ports) => question.proto == 17 && ports.contains(question.port),
        ProtocolMatch::Icmp(matched) => question.proto == 1 && v4 && message(matched),
        ProtocolMatch::Icmpv6(matched) => question.proto == 58 && !v4 && message(matched),
        ProtocolMatch::Number(number) => question.proto == u32::from(number),
    }
}
