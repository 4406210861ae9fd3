//! TCP's state: what real stacks send passes (E10, E13, E15), and the states' timeouts.

use super::*;
use crate::pipeline::FlowKey;
use crate::pipeline::flow::End;
use crate::pipeline::tcp::{ACK, FIN, RST, SYN, TcpState};
use crate::policy::FlowTimeouts;

/// A SYN with sequence number 1000.
pub(super) fn segment_of(source: u16, destination: u16) -> Segment {
    Segment { source, destination, seq: 1000, ack: 0, flags: SYN, window: 60_000, payload: 0, scale: None }
}

/// A connection from A, port 40, to B, port 80: A's numbers begin at 1000, B's at 5000.
pub(super) struct Wire {
    pub(super) scene: Scene,
    pub(super) window: u16,
    pub(super) scale: Option<u8>,
}

impl Wire {
    /// Only A may open; nothing has been sent.
    pub(super) fn new() -> Wire {
        let mut scene = Scene::closed();
        scene.permit(A, Direction::Egress, ProtocolMatch::Any, Remote::Any);
        scene.permit(B, Direction::Ingress, ProtocolMatch::Any, Remote::Any);
        Wire { scene, window: 60_000, scale: None }
    }

    /// After the handshake: A has sent 1000, B 5000.
    pub(super) fn established() -> Wire {
        let mut wire = Wire::new();
        wire.shake_hands();
        wire
    }

    pub(super) fn shake_hands(&mut self) {
        self.a(SYN, 1000, 0, 0);
        self.b(SYN | ACK, 5000, 1001, 0);
        self.a(ACK, 1001, 5001, 0);
        assert_eq!(self.state(), Some(TcpState::Established));
    }

    pub(super) fn craft(&self, from_a: bool, flags: u8, seq: u32, ack: u32, payload: u32) -> Craft {
        let (from, to, source, destination) = if from_a { (A, B, 40, 80) } else { (B, A, 80, 40) };
        let scale = if flags & SYN != 0 { self.scale } else { None };
        let sent = Segment { source, destination, seq, ack, flags, window: self.window, payload, scale };
        segment(from, to, &sent)
    }

    /// A sends, and it passes.
    pub(super) fn a(&mut self, flags: u8, seq: u32, ack: u32, payload: u32) {
        let craft = self.craft(true, flags, seq, ack, payload);
        self.scene.expect_pass(&craft);
    }

    /// B sends, and it passes.
    pub(super) fn b(&mut self, flags: u8, seq: u32, ack: u32, payload: u32) {
        let craft = self.craft(false, flags, seq, ack, payload);
        self.scene.expect_pass(&craft);
    }

    /// One of them sends, and it is refused.
    pub(super) fn refused(&mut self, from_a: bool, (flags, seq, ack, payload): (u8, u32, u32, u32), why: DropReason) {
        let craft = self.craft(from_a, flags, seq, ack, payload);
        self.scene.expect_drop(&craft, why);
    }

    pub(super) fn state(&self) -> Option<TcpState> {
        let end = |guest: Guest, port| End { address: guest.ip.into(), port };
        let (key, _) = FlowKey::new(SEGMENT, TCP, end(A, 40), end(B, 80));
        let flow = self.scene.pipeline.flows.live(&key, World::new(&self.scene.entries), self.scene.now)?;
        flow.connection.as_ref().map(|connection| connection.state)
    }
}

#[test]
fn e04_handshake_data_and_close() {
    let mut wire = Wire::established();
    wire.a(ACK, 1001, 5001, 500);
    wire.b(ACK, 5001, 1501, 1000);
    wire.a(FIN | ACK, 1501, 6001, 0);
    assert_eq!(wire.state(), Some(TcpState::Closing));
    wire.b(ACK, 6001, 1502, 0);
    // Half closed: B may go on.
    wire.b(ACK, 6001, 1502, 700);
    wire.a(ACK, 1502, 6701, 0);
    wire.b(FIN | ACK, 6701, 1502, 0);
    wire.a(ACK, 1502, 6702, 0);
    assert_eq!(wire.state(), Some(TcpState::TimeWait));
}

#[test]
fn e10_repeats_lost_acks_probes_and_window_updates_pass() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    wire.a(SYN, 1000, 0, 0);
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.a(ACK, 1001, 5001, 1400);
    // The data were lost behind us, so B repeats its SYN-ACK.
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.a(ACK, 1001, 5001, 1400);
    wire.a(ACK, 2401, 5001, 1400);
    wire.b(ACK, 5001, 2401, 0);
    // Reordered and repeated data, an old acknowledgement.
    wire.a(ACK, 1001, 5001, 1400);
    wire.b(ACK, 5001, 3801, 0);
    wire.b(ACK, 5001, 1001, 0);
    // The window closes and is probed, by an old byte (keep-alive) and by one beyond (RFC 9293, 3.8.6.1).
    wire.window = 0;
    wire.b(ACK, 5001, 3801, 0);
    wire.window = 60_000;
    wire.a(ACK, 3800, 5001, 1);
    wire.a(ACK, 3800, 5001, 0);
}

#[test]
fn e13_simultaneous_open() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    wire.b(SYN, 5000, 0, 0);
    wire.a(SYN | ACK, 1000, 5001, 0);
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.a(ACK, 1001, 5001, 10);
    wire.b(ACK, 5001, 1011, 0);
    assert_eq!(wire.state(), Some(TcpState::Established));
}

#[test]
fn e13_fast_open_data_in_the_syn() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 300);
    // The server took the data, or did not.
    wire.b(SYN | ACK, 5000, 1301, 500);
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.b(ACK, 5001, 1301, 500);
    wire.a(ACK, 1301, 5501, 0);
    assert_eq!(wire.state(), Some(TcpState::Established));
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 300);
    wire.refused(false, (SYN | ACK, 5000, 1000, 0), DropReason::TcpBadAck);
    wire.refused(false, (SYN | ACK, 5000, 1302, 0), DropReason::TcpBadAck);
}

#[test]
fn e13_time_wait_is_reused() {
    let mut wire = Wire::established();
    wire.a(FIN | ACK, 1001, 5001, 0);
    wire.b(FIN | ACK, 5001, 1002, 0);
    wire.a(ACK, 1002, 5002, 0);
    assert_eq!(wire.state(), Some(TcpState::TimeWait));
    wire.a(SYN, 90_000, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Opening));
    wire.b(SYN | ACK, 700, 90_001, 0);
    wire.a(ACK, 90_001, 701, 0);
    assert_eq!(wire.state(), Some(TcpState::Established));
}

#[test]
fn e13_reuse_of_time_wait_is_judged_anew() {
    let mut wire = Wire::established();
    wire.a(RST, 1001, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Closed));
    wire.scene.rules_of(A).clear();
    wire.refused(true, (SYN, 90_000, 0, 0), DropReason::PolicyEgressDenied);
}

#[test]
fn e13_window_scaling_counts_only_if_both_have_it() {
    for (scale, passes) in [(Some(7), true), (None, false)] {
        let mut wire = Wire::new();
        wire.scale = Some(7);
        wire.a(SYN, 1000, 0, 0);
        wire.scale = scale;
        wire.b(SYN | ACK, 5000, 1001, 0);
        wire.window = 1000;
        wire.a(ACK, 1001, 5001, 0);
        wire.b(ACK, 5001, 1001, 0);
        // 100,000 bytes beyond the acknowledged: inside 1000 << 7, outside of the SYN's unscaled 60,000.
        let craft = wire.craft(true, ACK, 101_001, 5001, 10);
        let outcome = wire.scene.say(&craft);
        assert_eq!(dropped(&outcome), (!passes).then_some(DropReason::TcpOutOfWindow));
    }
}

#[test]
fn e13_sequence_numbers_wrap() {
    let mut wire = Wire::new();
    wire.a(SYN, u32::MAX - 5, 0, 0);
    wire.b(SYN | ACK, u32::MAX, u32::MAX - 4, 0);
    wire.a(ACK, u32::MAX - 4, 0, 100);
    wire.b(ACK, 0, 95, 100);
    wire.refused(true, (ACK, 95, 101, 0), DropReason::TcpAckUnsent);
    wire.a(ACK, 95, 100, 0);
}

#[test]
fn e15_a_closed_port_answers_with_rst() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    wire.b(RST | ACK, 0, 1001, 0);
    assert_eq!(wire.state(), Some(TcpState::Closed));
    wire.a(SYN, 3000, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Opening));
}

#[test]
fn e05_e06_with_filtering_off_every_segment_that_policy_permits_passes() {
    let mut wire = Wire::new();
    for guest in [A, B] {
        wire.scene.edit(guest, |port| port.policy.state_filtering = false);
    }
    wire.a(ACK, 77, 88, 10);
    wire.a(SYN | FIN, 1, 2, 0);
    wire.b(ACK, 5, 6, 7);
    assert_eq!(wire.state(), Some(TcpState::Established), "a loose connection that both ends speak in");
}

#[test]
fn e09_filtering_is_switched_on_a_live_connection() {
    let mut wire = Wire::new();
    for guest in [A, B] {
        wire.scene.edit(guest, |port| port.policy.state_filtering = false);
    }
    wire.shake_hands();
    // Refused packets pass while it is off, and change nothing.
    wire.a(ACK, 9_000_000, 5001, 10);
    wire.scene.edit(B, |port| port.policy.state_filtering = true);
    wire.refused(true, (ACK, 9_000_000, 5001, 10), DropReason::TcpOutOfWindow);
    wire.a(ACK, 1001, 5001, 10);
    wire.b(ACK, 5001, 1011, 10);
}

#[test]
fn adopting_takes_connections_that_began_elsewhere_whoever_opened_them() {
    let mut wire = Wire::new();
    wire.refused(false, (ACK, 5001, 1001, 100), DropReason::PolicyEgressDenied);
    wire.refused(true, (ACK, 1001, 5001, 0), DropReason::TcpNoConnection);
    wire.scene.edit(B, |port| port.policy.adopting = true);
    wire.refused(false, (SYN | ACK, 5001, 1001, 0), DropReason::PolicyEgressDenied);
    wire.refused(true, (RST | ACK, 1001, 5001, 0), DropReason::TcpNoConnection);
    wire.b(ACK, 5001, 1001, 100);
    wire.scene.edit(B, |port| port.policy.adopting = false);
    wire.a(ACK, 1001, 5101, 0);
    assert_eq!(wire.state(), Some(TcpState::Established));
    wire.b(ACK, 77_000_000, 1001, 100);
}

#[test]
fn e18_each_state_has_its_timeout() {
    let expire = |wire: &mut Wire, seconds: u64| {
        wire.scene.now += ticks(seconds);
        assert!(wire.state().is_some(), "after {seconds} s");
        wire.scene.now += 1;
        assert!(wire.state().is_none(), "after {seconds} s and a tick");
    };
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    expire(&mut wire, 60);
    wire = Wire::established();
    expire(&mut wire, 432_000);
    wire = Wire::new();
    wire.scene.edit(A, |port| port.policy.timeouts = FlowTimeouts { tcp_established: 77, ..FlowTimeouts::default() });
    wire.shake_hands();
    wire.scene.now += ticks(77);
    wire.a(FIN | ACK, 1001, 5001, 0);
    expire(&mut wire, 120);
    wire = Wire::established();
    wire.a(RST, 1001, 0, 0);
    expire(&mut wire, 10);
    wire.refused(false, (ACK, 5001, 1001, 0), DropReason::PolicyEgressDenied);
}
