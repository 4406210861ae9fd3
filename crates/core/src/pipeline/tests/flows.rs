//! Flows: replies, timeouts, quotas, judgements.

use super::*;
use crate::pipeline::tcp::{ACK, FIN, SYN};
use crate::policy::{FlowTimeouts, IcmpMatch};

/// A may ask B anything; nothing else is permitted.
fn one_way() -> Scene {
    let mut scene = Scene::closed();
    scene.permit(A, Direction::Egress, ProtocolMatch::Any, Remote::Any);
    scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
    scene
}

fn answer(from: Guest, to: Guest, port: u16) -> Craft {
    packet(from, to, UDP, udp(port, 4000, 10))
}

#[test]
fn d04_d07_replies_need_no_rule_and_go_on_when_rules_go() {
    let mut scene = one_way();
    scene.expect_drop(&answer(B, A, 53), DropReason::PolicyEgressDenied);
    scene.expect_pass(&datagram(A, B, 53));
    scene.expect_pass(&answer(B, A, 53));
    scene.rules_of(A).clear();
    scene.rules_of(B).clear();
    scene.expect_pass(&datagram(A, B, 53));
    scene.expect_pass(&answer(B, A, 53));
    scene.expect_drop(&datagram(A, B, 54), DropReason::PolicyEgressDenied);
}

#[test]
fn d07_flush_judges_again_and_ends_what_is_refused() {
    let mut scene = one_way();
    scene.expect_pass(&datagram(A, B, 53));
    scene.edit(B, |port| port.policy.judged += 1);
    // A reply: the gates are asked about the packet that opened the flow.
    scene.expect_pass(&answer(B, A, 53));
    scene.rules_of(B).clear();
    scene.expect_pass(&answer(B, A, 53));
    scene.edit(B, |port| port.policy.judged += 1);
    scene.expect_drop(&answer(B, A, 53), DropReason::PolicyIngressDenied);
    assert!(scene.pipeline.flows.is_empty());
}

#[test]
fn d07_untracked_flows_end_with_their_rule() {
    let mut scene = Scene::open();
    scene.edit(A, |port| port.policy.untracked_open = true);
    scene.expect_pass(&datagram(A, B, 53));
    scene.expect_pass(&answer(B, A, 53));
    scene.rules_of(A).retain(|rule| rule.direction == Direction::Egress);
    scene.expect_pass(&datagram(A, B, 53));
    scene.expect_drop(&answer(B, A, 53), DropReason::PolicyIngressDenied);
    // A narrower rule makes a tracked flow, which goes on.
    let mut scene = Scene::open();
    scene.edit(A, |port| port.policy.untracked_open = true);
    scene.rules_of(A)[0].protocol = ProtocolMatch::Udp(PortRange { first: 1, last: 65_535 });
    scene.expect_pass(&datagram(A, B, 53));
    scene.rules_of(A).clear();
    scene.expect_pass(&answer(B, A, 53));
}

#[test]
fn a_gate_that_the_flow_has_not_passed_is_asked() {
    let mut scene = one_way();
    scene.permit(C, Direction::Ingress, one_port(53), Remote::Any);
    // C lives elsewhere when the flow begins, and then here.
    let elsewhere = VniEndpoint { port: None, vtep: Some(OTHER_HOST), ..C.endpoint() };
    let key = EntryKey::Endpoint(SEGMENT, C.ip.into());
    scene.entries.insert(key, Entry::Endpoint(EndpointSpec::Vni(elsewhere)));
    scene.expect_pass(&datagram(A, C, 53));
    scene.expect_pass(&datagram(A, C, 54));
    scene.entries.insert(key, Entry::Endpoint(EndpointSpec::Vni(C.endpoint())));
    scene.expect_pass(&datagram(A, C, 53));
    scene.expect_drop(&datagram(A, C, 54), DropReason::PolicyIngressDenied);
}

#[test]
fn d07_what_was_judged_since_are_the_interfaces_that_were_asked_not_those_that_are_there_now() {
    for (judged, fate) in [(C, None), (A, Some(DropReason::PolicyIngressDenied))] {
        let mut scene = one_way();
        scene.permit(C, Direction::Egress, ProtocolMatch::Any, Remote::Any);
        scene.expect_pass(&datagram(A, B, 53));
        scene.rules_of(B).clear();
        scene.edit(judged, |port| port.policy.judged += 1);
        // A's address goes to C, which forwards what is not its own.
        scene.edit(C, |port| port.policy.source_dest_check = false);
        let key = EntryKey::Endpoint(SEGMENT, A.ip.into());
        scene.entries.insert(key, Entry::Endpoint(EndpointSpec::Vni(C.endpoint())));
        let reply = Craft { destination_mac: C.mac(), ..answer(B, A, 53) };
        assert_eq!(dropped(&scene.say(&reply)), fate);
        assert_eq!(scene.pipeline.flows.is_empty(), fate.is_some());
    }
}

#[test]
fn gates_are_asked_about_an_icmp_answer_that_opened_a_flow_and_not_about_its_query() {
    for (kind, fate) in [(0, None), (8, Some(DropReason::PolicyEgressDenied))] {
        let mut scene = Scene::closed();
        scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        scene.permit(C, Direction::Egress, ProtocolMatch::Icmp(IcmpMatch::Type(kind)), Remote::Any);
        scene.edit(B, |port| port.policy.state_filtering = false);
        // C lives elsewhere when it answers what nobody here has asked, and then here.
        let (endpoint, location) = (EntryKey::Endpoint(SEGMENT, C.ip.into()), EntryKey::Location(SEGMENT, C.mac()));
        let elsewhere = Entry::Location(LocationSpec { vtep: Some(OTHER_HOST), alt_vtep: None, route_table: 0 });
        let here = scene.entries.insert(location, elsewhere).expect("it has one");
        let away = VniEndpoint { port: None, vtep: Some(OTHER_HOST), ..C.endpoint() };
        scene.entries.insert(endpoint, Entry::Endpoint(EndpointSpec::Vni(away)));
        assert_eq!(dropped(&scene.arrive(&echo(C, B, 0, 5).routed().bytes())), None);
        scene.entries.insert(location, here);
        scene.entries.insert(endpoint, Entry::Endpoint(EndpointSpec::Vni(C.endpoint())));
        assert_eq!(dropped(&scene.say(&echo(B, C, 8, 5))), fate);
    }
}

#[test]
fn e18_udp_flows_expire_after_their_own_timeouts() {
    let mut scene = one_way();
    let timeouts = FlowTimeouts { tcp_established: 60, udp_stream: 100, udp: 40 };
    scene.edit(A, |port| port.policy.timeouts = timeouts);
    scene.expect_pass(&datagram(A, B, 53));
    scene.now += ticks(40);
    scene.expect_pass(&answer(B, A, 53));
    // One question and one answer are no stream.
    scene.now += ticks(40);
    scene.expect_pass(&datagram(A, B, 53));
    // Now it is one.
    scene.now += ticks(100);
    scene.expect_pass(&answer(B, A, 53));
    scene.wait(100);
    scene.expect_drop(&answer(B, A, 53), DropReason::PolicyEgressDenied);
    // One way: another flow.
    scene.expect_pass(&datagram(A, B, 54));
    scene.wait(40);
    scene.expect_drop(&answer(B, A, 54), DropReason::PolicyEgressDenied);
    assert_eq!(scene.pipeline.flows.len(), 2, "expired, not swept");
    assert_eq!(scene.pipeline.flows.sweep(World::new(&scene.entries), scene.now), 2);
}

#[test]
fn other_protocols_expire_after_600_seconds_and_icmp_after_30() {
    let mut scene = one_way();
    scene.expect_pass(&packet(A, B, 47, vec![0; 20]));
    scene.expect_pass(&echo(A, B, 8, 5));
    scene.wait(30);
    scene.expect_drop(&echo(B, A, 0, 5), DropReason::PolicyEgressDenied);
    scene.now += ticks(569);
    scene.expect_pass(&packet(B, A, 47, vec![0; 20]));
    scene.wait(600);
    scene.expect_drop(&packet(B, A, 47, vec![0; 20]), DropReason::PolicyEgressDenied);
}

#[test]
fn d05_nobody_asks_back_in_anothers_icmp_flow() {
    let mut scene = one_way();
    scene.expect_pass(&echo(A, B, 8, 5));
    scene.expect_pass(&echo(B, A, 0, 5));
    scene.expect_drop(&echo(B, A, 0, 6), DropReason::PolicyEgressDenied);
    scene.expect_drop(&echo(B, A, 8, 5), DropReason::PolicyEgressDenied);
    scene.expect_drop(&packet(B, A, ICMP, icmp(9, 0, 5 << 16, b"")), DropReason::PolicyEgressDenied);
}

#[test]
fn unsolicited_answers_are_refused_where_filtering_is_on() {
    let mut scene = Scene::open();
    scene.expect_drop(&echo(A, B, 0, 5), DropReason::IcmpUnsolicited);
    scene.edit(A, |port| port.policy.state_filtering = false);
    scene.expect_drop(&echo(A, B, 0, 5), DropReason::IcmpUnsolicited);
    scene.edit(B, |port| port.policy.state_filtering = false);
    scene.expect_pass(&echo(A, B, 0, 5));
}

#[test]
fn q13_quotas_hold_for_who_opens_and_twice_for_who_accepts() {
    let mut scene = Scene::open();
    scene.pipeline.limits = Limits { flows_per_interface: 3, max_flows: 8 };
    for port in 1..=3 {
        scene.expect_pass(&datagram(A, B, port));
    }
    scene.expect_drop(&datagram(A, B, 4), DropReason::FlowQuota);
    scene.expect_drop(&datagram(A, R, 4), DropReason::FlowQuota);
    for port in 1..=3 {
        scene.expect_pass(&datagram(C, B, port));
    }
    scene.expect_drop(&datagram(R, B, 1).routed(), DropReason::FlowQuota);
    for port in 1..=2 {
        scene.expect_pass(&datagram(B, A, port));
    }
    scene.expect_drop(&datagram(B, A, 3), DropReason::FlowTableFull);
    // What exists goes on.
    scene.expect_pass(&answer(B, A, 1));
}

/// A whole connection from A to B, closed by both ends.
fn connection(scene: &mut Scene, port: u16) {
    let steps = [
        (A, SYN, 1000, 0),
        (B, SYN | ACK, 5000, 1001),
        (A, ACK, 1001, 5001),
        (A, FIN | ACK, 1001, 5001),
        (B, FIN | ACK, 5001, 1002),
        (A, ACK, 1002, 5002),
    ];
    for (from, flags, seq, ack) in steps {
        scene.expect_pass(&of_connection(from, port, flags, seq, ack));
    }
}

fn of_connection(from: Guest, port: u16, flags: u8, seq: u32, ack: u32) -> Craft {
    let (to, source, destination) = if from.mac() == A.mac() { (B, port, 80) } else { (A, 80, port) };
    let sent = Segment { seq, ack, flags, ..tcp::segment_of(source, destination) };
    segment(from, to, &sent)
}

#[test]
fn q13_connections_that_are_over_are_in_nobodys_quota_while_there_is_room_for_them() {
    let mut scene = Scene::open();
    scene.pipeline.limits = Limits { flows_per_interface: 3, max_flows: 100 };
    for port in 1..=6 {
        connection(&mut scene, port);
    }
    let (a, b) = (A.port(), B.port());
    assert_eq!((scene.pipeline.flows.over_at(a), scene.pipeline.flows.over_at(b)), (3, 3));
    assert_eq!((scene.pipeline.flows.used_by(a), scene.pipeline.flows.used_by(b)), ((3, 0), (0, 3)));
    scene.expect_drop(&datagram(A, B, 1), DropReason::FlowQuota);
    // Late segments of all of them pass, and keep none that is off the quotas.
    scene.wait(59);
    for port in [1, 2, 3, 5] {
        scene.expect_pass(&of_connection(A, port, ACK, 1002, 5002));
    }
    scene.wait(2);
    assert_eq!(scene.pipeline.flows.sweep(World::new(&scene.entries), scene.now), 5, "all but 5");
    scene.expect_pass(&datagram(A, B, 1));
    // One whose place was kept is taken off when there is room.
    scene.expect_pass(&of_connection(A, 5, ACK, 1002, 5002));
    assert_eq!((scene.pipeline.flows.over_at(a), scene.pipeline.flows.used_by(a)), (1, (1, 0)));
    // One that is over makes room for the next with the same ends.
    scene.expect_pass(&of_connection(A, 5, SYN, 9000, 0));
    assert_eq!((scene.pipeline.flows.over_at(a), scene.pipeline.flows.used_by(a)), (0, (2, 0)));
}

impl Craft {
    /// As the sender's host would send it.
    fn routed(mut self) -> Craft {
        self.destination_mac = crate::pipeline::Hop::Routed.mac();
        self
    }
}
