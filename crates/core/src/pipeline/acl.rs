//! Network ACLs: ordered rules without state, for what crosses a subnet's border.

use super::flow::Selector;
use super::outcome::{AclRuleName, Refusal, Trace};
use super::packet::Packet;
use super::policy::protocol_matches;
use super::world::{World, in_subnet};
use crate::drop_reason::DropReason;
use crate::host_spec::PortSpec;
use crate::policy::{AclAction, AclRule, Direction};

/// Lets a packet cross the border of a port's subnet, or refuses it.
///
/// # Errors
/// `acl_denied`, with the rule if it was one.
pub(super) fn cross(
    world: World<'_>,
    port: &PortSpec,
    direction: Direction,
    packet: &Packet,
    selector: Selector,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    let remote = if direction == Direction::Egress { packet.destination } else { packet.source };
    let Some(acl) = port.policy.acl else { return Ok(()) };
    if in_subnet(port, remote) {
        return Ok(());
    }
    let rules = world.acl(acl).unwrap_or_default();
    let rule = rules.iter().find(|rule| rule.direction == direction && matches(rule, packet, selector));
    let name = rule.map(|rule| AclRuleName { acl, rule: rule.id });
    if rule.is_some_and(|rule| rule.action == AclAction::Allow) {
        trace.acl(format!("{} permitted", direction.label()), name);
        return Ok(());
    }
    trace.acl(format!("{} refused by {acl}", direction.label()), name);
    let reason = match direction {
        Direction::Egress => DropReason::AclEgressDenied,
        Direction::Ingress => DropReason::AclIngressDenied,
    };
    Err(Refusal { reason, rule: name })
}

fn matches(rule: &AclRule, packet: &Packet, selector: Selector) -> bool {
    rule.source.contains(&packet.source)
        && rule.destination.contains(&packet.destination)
        && protocol_matches(rule.protocol, packet.protocol, packet.is_ipv6(), selector.destination)
        && rule.source_ports.contains(selector.source)
}
