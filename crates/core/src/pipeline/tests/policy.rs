//! Gates and ACLs.

use super::*;
use crate::pipeline::PathStage;
use crate::pipeline::craft::tcp;
use crate::policy::{AclAction, AclRule, IcmpMatch};

fn net(text: &str) -> Remote {
    Remote::Net(text.parse().unwrap())
}

#[test]
fn d03_rules_only_permit_and_groups_add_up() {
    let mut scene = Scene::closed();
    scene.expect_drop(&datagram(A, B, 53), DropReason::PolicyEgressDenied);
    scene.permit(A, Direction::Egress, one_port(53), net("10.0.1.11/32"));
    scene.expect_drop(&datagram(A, B, 53), DropReason::PolicyIngressDenied);
    // B is in two groups; the rule of either is enough.
    scene.edit(B, |port| port.policy.groups = vec![B.group(), C.group()]);
    scene.permit(C, Direction::Ingress, one_port(53), Remote::Any);
    scene.expect_pass(&datagram(A, B, 53));
    scene.expect_drop(&datagram(A, B, 54), DropReason::PolicyEgressDenied);
}

#[test]
fn d05_d16_every_field_of_a_rule_counts_and_the_first_match_is_named() {
    let cases: [(ProtocolMatch, u8, Vec<u8>, bool); 12] = [
        (ProtocolMatch::Any, 47, vec![0; 8], true),
        (ProtocolMatch::IcmpTcpUdp, 47, vec![0; 8], false),
        (ProtocolMatch::IcmpTcpUdp, UDP, udp(1, 2, 0), true),
        (ProtocolMatch::Number(47), 47, vec![0; 8], true),
        (ProtocolMatch::Number(47), 50, vec![0; 8], false),
        (ProtocolMatch::Number(17), UDP, udp(1, 2, 0), true),
        (ProtocolMatch::Udp(PortRange { first: 10, last: 20 }), UDP, udp(1, 20, 0), true),
        (ProtocolMatch::Udp(PortRange { first: 10, last: 20 }), UDP, udp(15, 21, 0), false),
        (ProtocolMatch::Icmp(IcmpMatch::Code(8, 0)), ICMP, icmp(8, 0, 0, b""), true),
        (ProtocolMatch::Icmp(IcmpMatch::Code(8, 0)), ICMP, icmp(8, 1, 0, b""), false),
        (ProtocolMatch::Icmp(IcmpMatch::Type(13)), ICMP, icmp(8, 0, 0, b""), false),
        (ProtocolMatch::Icmpv6(IcmpMatch::Any), ICMP, icmp(8, 0, 0, b""), false),
    ];
    for (wanted, protocol, payload, passes) in cases {
        let mut scene = Scene::closed();
        scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        scene.permit(A, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        let rule = scene.permit(A, Direction::Egress, wanted, Remote::Any);
        scene.permit(A, Direction::Egress, wanted, Remote::Any);
        let outcome = scene.say(&packet(A, B, protocol, payload));
        assert_eq!(dropped(&outcome).is_none(), passes, "{wanted:?} {protocol}");
        if passes {
            let named = outcome.trace.iter().find_map(|note| note.permitted_by).unwrap();
            assert_eq!((named.group, named.rule), (A.group(), rule.id));
        }
    }
}

#[test]
fn d05_remotes_are_networks_prefix_lists_groups_or_all() {
    let list = id("pl", 1);
    let remotes = [
        (net("10.0.1.0/24"), true),
        (net("10.0.1.12/30"), false),
        (Remote::PrefixList(list), true),
        (Remote::PrefixList(id("pl", 2)), false),
        (Remote::Group(B.group()), true),
        (Remote::Group(A.group()), false),
        (Remote::Any, true),
    ];
    for (remote, passes) in remotes {
        let mut scene = Scene::closed();
        scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        scene.permit(A, Direction::Egress, ProtocolMatch::Any, remote);
        let nets = vec!["192.168.0.0/16".parse().unwrap(), "10.0.1.8/29".parse().unwrap()];
        scene.entries.insert(EntryKey::PrefixList(list), Entry::PrefixList(nets));
        assert_eq!(dropped(&scene.say(&datagram(A, B, 9))).is_none(), passes, "{remote:?}");
    }
}

#[test]
fn d06_membership_changes_the_verdict_without_touching_the_rule() {
    let mut scene = Scene::closed();
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    scene.permit(A, Direction::Egress, ProtocolMatch::Any, Remote::Group(group_id(99)));
    scene.expect_drop(&datagram(A, B, 9), DropReason::PolicyEgressDenied);
    let mut endpoint = B.endpoint();
    endpoint.groups.push(group_id(99));
    let key = EntryKey::Endpoint(SEGMENT, B.ip.into());
    scene.entries.insert(key, Entry::Endpoint(EndpointSpec::Vni(endpoint)));
    scene.expect_pass(&datagram(A, B, 9));
}

#[test]
fn b05_a_rule_can_be_for_one_of_the_interfaces_addresses() {
    let mut scene = Scene::closed();
    scene.permit(A, Direction::Egress, ProtocolMatch::Any, Remote::Any);
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    scene.rules_of(B)[0].local = Some("10.0.1.12/32".parse().unwrap());
    scene.expect_drop(&datagram(A, B, 9), DropReason::PolicyIngressDenied);
    scene.rules_of(B)[0].local = Some("10.0.1.10/31".parse().unwrap());
    scene.expect_pass(&datagram(A, B, 9));
}

#[test]
fn unknown_groups_and_none_permit_nothing() {
    let mut scene = Scene::open();
    scene.edit(A, |port| port.policy.groups = vec![group_id(77)]);
    scene.expect_drop(&datagram(A, B, 9), DropReason::PolicyEgressDenied);
    scene.edit(A, |port| port.policy.groups.clear());
    scene.expect_drop(&datagram(A, B, 9), DropReason::PolicyEgressDenied);
}

#[test]
fn d18_both_gates_must_permit_on_one_host_and_on_two() {
    for (egress, ingress) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut scene = Scene::closed();
        for (guest, direction, there) in
            [(A, Direction::Egress, egress), (C, Direction::Ingress, ingress), (C, Direction::Egress, egress)]
        {
            if there {
                scene.permit(guest, direction, ProtocolMatch::Any, Remote::Any);
            }
        }
        let here = if !egress { Some(DropReason::PolicyEgressDenied) } else { None };
        let here = here.or((!ingress).then_some(DropReason::PolicyIngressDenied));
        assert_eq!(dropped(&scene.say(&datagram(A, C, 9))), here);
        // To another host only the sender's gate is asked here, from it only the receiver's.
        let out = (!egress).then_some(DropReason::PolicyEgressDenied);
        assert_eq!(dropped(&scene.say(&datagram(A, R, 9))), out);
        let back = (!ingress).then_some(DropReason::PolicyIngressDenied);
        let mut arriving = datagram(R, C, 10);
        arriving.destination_mac = C.mac();
        assert_eq!(dropped(&scene.say(&arriving)), back);
    }
}

fn acl_rule(number: u64, action: AclAction, direction: Direction, protocol: ProtocolMatch) -> AclRule {
    let (source, destination) = ("0.0.0.0/0".parse().unwrap(), "0.0.0.0/0".parse().unwrap());
    AclRule {
        id: id("acl-rule", number),
        action,
        direction,
        protocol,
        source_ports: PortRange::ALL,
        source,
        destination,
    }
}

#[test]
fn d15_acls_are_ordered_stateless_and_only_for_what_crosses_the_border() {
    let mut scene = Scene::open();
    scene.edit(A, |port| port.policy.acl = Some(acl_id(1)));
    let (allow, deny, ingress) = (AclAction::Allow, AclAction::Deny, Direction::Ingress);
    let deny_one = acl_rule(1, deny, Direction::Egress, one_port(53));
    let rules = vec![deny_one.clone(), acl_rule(2, allow, Direction::Egress, ProtocolMatch::Any)];
    scene.entries.insert(EntryKey::Acl(acl_id(1)), Entry::Acl(rules));
    // Within the subnet nothing is judged.
    scene.expect_pass(&datagram(A, B, 53));
    let outcome = scene.expect_drop(&datagram(A, C, 53), DropReason::AclEgressDenied);
    let Verdict::Dropped(refusal) = outcome.verdict else { panic!("dropped") };
    assert_eq!(refusal.rule.map(|name| name.rule), Some(deny_one.id));
    scene.expect_pass(&datagram(A, C, 54));
    // Answers have no privilege: no ingress rule matches.
    let answer = packet(C, A, UDP, udp(54, 4000, 0));
    let outcome = scene.expect_drop(&answer, DropReason::AclIngressDenied);
    assert_eq!(outcome.trace.last().map(|note| note.stage), Some(PathStage::Acl));
    let Some(Entry::Acl(rules)) = scene.entries.get_mut(&EntryKey::Acl(acl_id(1))) else { panic!("there") };
    let mut from_54 = acl_rule(3, allow, ingress, ProtocolMatch::Udp(PortRange::ALL));
    from_54.source_ports = PortRange::one(54);
    rules.push(from_54);
    scene.expect_pass(&answer);
    // Named and unknown: deny. And a flow that exists makes no difference.
    scene.entries.remove(&EntryKey::Acl(acl_id(1)));
    scene.expect_drop(&answer, DropReason::AclIngressDenied);
}

#[test]
fn d15_acls_apply_with_state_filtering_off() {
    let mut scene = Scene::open();
    scene.edit(A, |port| (port.policy.acl, port.policy.state_filtering) = (Some(acl_id(1)), false));
    for guest in [B, C] {
        scene.edit(guest, |port| port.policy.state_filtering = false);
    }
    let ack = Segment { flags: 16, ..super::tcp::segment_of(40, 80) };
    scene.expect_drop(&packet(A, C, TCP, tcp(&ack)), DropReason::AclEgressDenied);
    scene.expect_pass(&packet(A, B, TCP, tcp(&ack)));
}

#[test]
fn d22_quarantine_applies_its_groups_instead() {
    let mut scene = Scene::open();
    scene.expect_pass(&datagram(A, B, 9));
    scene.edit(A, |port| {
        port.policy.quarantine = Some(vec![group_id(50)]);
        port.policy.judged += 1;
    });
    scene.expect_drop(&datagram(A, B, 9), DropReason::PolicyEgressDenied);
    assert!(scene.pipeline.flows.is_empty(), "the refusal ends the flow");
    scene.edit(A, |port| port.policy.quarantine = None);
    scene.expect_pass(&datagram(A, B, 9));
}
