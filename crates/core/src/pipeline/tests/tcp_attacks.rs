//! TCP's state: what nobody in the connection would send is refused, with its reason (E11, E12, E14).

use super::tcp::Wire;
use super::*;
use crate::pipeline::tcp::{ACK, FIN, RST, SYN, TcpState};

const URG: u8 = 32;
const PSH: u8 = 8;

#[test]
fn e04_impossible_flags() {
    for flags in [0, SYN | FIN, SYN | RST, RST | FIN, FIN, FIN | SYN | ACK, PSH, URG, URG | RST, 0x3f] {
        let mut wire = Wire::new();
        wire.refused(true, (flags, 1000, 0, 0), DropReason::TcpBadFlags);
        let mut wire = Wire::established();
        wire.refused(true, (flags, 1001, 5001, 0), DropReason::TcpBadFlags);
    }
    for flags in [PSH | ACK, URG | ACK, FIN | ACK | PSH, ACK | 0xc0] {
        let mut wire = Wire::established();
        wire.a(flags, 1001, 5001, 0);
    }
}

#[test]
fn e04_without_a_syn_there_is_no_connection() {
    let mut wire = Wire::new();
    for flags in [ACK, FIN | ACK, RST, RST | ACK, SYN | ACK] {
        wire.refused(true, (flags, 1000, 2000, 0), DropReason::TcpNoConnection);
    }
    assert!(wire.scene.pipeline.flows.is_empty());
}

#[test]
fn e11_resets_must_hit_the_number() {
    let mut wire = Wire::established();
    wire.a(ACK, 1001, 5001, 1000);
    wire.b(ACK, 5001, 1501, 0);
    wire.refused(true, (RST, 2002, 0, 0), DropReason::TcpBadRst);
    wire.refused(true, (RST, 900_000, 0, 0), DropReason::TcpBadRst);
    // Before the acknowledged: passes, because the receiver answers it with a challenge, and ends nothing.
    wire.a(RST, 1400, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Established));
    wire.a(RST, 1501, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Closed));
}

#[test]
fn e11_resets_of_a_handshake_must_acknowledge_it() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    wire.refused(false, (RST | ACK, 0, 1000, 0), DropReason::TcpBadRst);
    wire.refused(false, (RST | ACK, 0, 1002, 0), DropReason::TcpBadRst);
    wire.refused(true, (RST, 1000, 0, 0), DropReason::TcpBadRst);
    wire.b(RST, 0, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Opening), "the opener ignores it too");
    wire.a(RST, 1001, 0, 0);
    assert_eq!(wire.state(), Some(TcpState::Closed));
}

#[test]
fn e12_a_syn_inside_a_connection() {
    let mut wire = Wire::established();
    wire.refused(true, (SYN, 1_000_000, 0, 0), DropReason::TcpSynInConnection);
    wire.refused(false, (SYN, 5001, 0, 0), DropReason::TcpSynInConnection);
    // A late copy of the first one is no attack.
    wire.a(SYN, 1000, 0, 0);
    wire.a(ACK, 1001, 5001, 10);
    wire.refused(true, (SYN, 1000, 0, 0), DropReason::TcpSynInConnection);
}

#[test]
fn e12_syn_acks_that_answer_nothing() {
    let mut wire = Wire::new();
    wire.a(SYN, 1000, 0, 0);
    wire.refused(false, (SYN | ACK, 5000, 1000, 0), DropReason::TcpBadAck);
    wire.refused(false, (SYN | ACK, 5000, 1002, 0), DropReason::TcpBadAck);
    wire.refused(true, (SYN | ACK, 1000, 1, 0), DropReason::TcpBadAck);
    wire.b(SYN | ACK, 5000, 1001, 0);
    wire.refused(false, (SYN | ACK, 6000, 1001, 0), DropReason::TcpBadSeq);
    wire.refused(false, (SYN | ACK, 5000, 1002, 0), DropReason::TcpBadAck);
}

#[test]
fn e14_blind_data_and_acknowledgements() {
    let mut wire = Wire::established();
    wire.a(ACK, 1001, 5001, 100);
    wire.b(ACK, 5001, 1101, 100);
    // B has offered 60,000 bytes from 1101 on.
    wire.refused(true, (ACK, 61_102, 5101, 0), DropReason::TcpOutOfWindow);
    wire.refused(true, (ACK, 61_000, 5101, 103), DropReason::TcpOutOfWindow);
    wire.refused(true, (ACK, 1101_u32.wrapping_sub(70_000), 5101, 10), DropReason::TcpOldData);
    wire.refused(true, (ACK, 1101, 5102, 0), DropReason::TcpAckUnsent);
    wire.refused(true, (ACK, 1101, 5101_u32.wrapping_sub(70_000), 0), DropReason::TcpOldAck);
    wire.a(ACK, 61_000, 5101, 102);
    wire.a(ACK, 61_101, 5101, 0);
}
