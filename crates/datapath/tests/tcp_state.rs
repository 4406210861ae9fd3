//! TCP state filtering, rule by rule: scripted segments between two guests, and what becomes of each (RFC 9293, RFC 5961).

mod common;

use common::frames::{ACK, FIN, PSH, RST, Route, SYN, Segment, URG, checksum};
use common::{Bench, SEGMENT};
use etherparse::{SlicedPacket, TransportSlice};
use pintle_core::DropReason::{self, *};
use pintle_datapath::{FlowFlags, FlowKey, FlowState, IfaceFlags, Verdict};

/// First sequence numbers, near the turn-over, of the client (guest A) and the server (guest B).
const C: u32 = 0xffff_ff00;
const S: u32 = 0xffff_fff0;
const WINDOW: u16 = 1000;

/// A conversation: each function sends one segment, with numbers relative to the first ones, and says its fate.
struct Talk<'a> {
    bench: &'a Bench,
    ports: (u16, u16),
    options: Vec<u8>,
    window: u16,
}

type Fate = Option<DropReason>;

impl Talk<'_> {
    fn segment(&self, client: bool, flags: u8, seq: i64, ack: i64, len: usize) -> Vec<u8> {
        let (a, b) = (&self.bench.a, &self.bench.b);
        let (own, other) = if client { (C, S) } else { (S, C) };
        let relative = |base: u32, n: i64| base.wrapping_add(n as u32);
        let ports = if client { self.ports } else { (self.ports.1, self.ports.0) };
        let ack = if flags & ACK == 0 { 0 } else { relative(other, ack) };
        let mut segment = Segment { len, window: self.window, ..Segment::new(ports, flags, relative(own, seq), ack) };
        if flags & SYN != 0 {
            segment.options = self.options.clone();
        }
        if client { Route::switched(a, b).tcp(&segment) } else { Route::switched(b, a).tcp(&segment) }
    }

    fn client(&self, flags: u8, seq: i64, ack: i64, len: usize) -> Fate {
        self.bench.fate(&self.bench.a, &self.segment(true, flags, seq, ack, len)).1
    }

    fn server(&self, flags: u8, seq: i64, ack: i64, len: usize) -> Fate {
        self.bench.fate(&self.bench.b, &self.segment(false, flags, seq, ack, len)).1
    }

    /// SYN, SYN-ACK, ACK: both have sent one byte of sequence space.
    fn shake_hands(&self) {
        assert_eq!(self.client(SYN, 0, 0, 0), None);
        assert_eq!(self.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(self.client(ACK, 1, 1, 0), None);
        assert_eq!(self.state(), Some(FlowState::ESTABLISHED));
    }

    fn flow(&self) -> Option<pintle_datapath::Flow> {
        let (a, b) = (&self.bench.a, &self.bench.b);
        let key = FlowKey::between(SEGMENT, 6, (a.ip.into(), self.ports.0), (b.ip.into(), self.ports.1));
        self.bench.datapath.flows().get(&key).expect("read")
    }

    fn state(&self) -> Option<FlowState> {
        self.flow().map(|flow| flow.state)
    }
}

/// Runs a conversation between guests that filter.
fn talk(script: impl FnOnce(&Talk<'_>) + Send + 'static) {
    Bench::run(|bench| {
        bench.filter_state(&bench.a, true);
        bench.filter_state(&bench.b, true);
        script(&Talk { bench, ports: (40_000, 80), options: Vec::new(), window: WINDOW });
    });
}

#[test]
fn e04_only_flags_that_a_tcp_sends() {
    talk(|t| {
        for flags in [0, FIN, SYN | FIN, SYN | RST, FIN | RST, SYN | FIN | ACK, RST | FIN | ACK, PSH, URG, URG | RST] {
            assert_eq!(t.client(flags, 0, 0, 0), Some(TcpBadFlags), "{flags:#x}");
        }
        t.shake_hands();
        for flags in [0, FIN, PSH, URG, SYN | FIN | ACK] {
            assert_eq!(t.client(flags, 1, 1, 0), Some(TcpBadFlags), "{flags:#x}");
        }
        for flags in [ACK | PSH, ACK | URG, ACK | 0x40, ACK | 0x80] {
            assert_eq!(t.client(flags, 1, 1, 0), None, "{flags:#x}");
        }
    });
}

#[test]
fn e04_only_a_syn_opens() {
    talk(|t| {
        for flags in [ACK, SYN | ACK, RST, RST | ACK, FIN | ACK] {
            assert_eq!(t.client(flags, 0, 0, 0), Some(TcpNoConnection), "{flags:#x}");
        }
        assert_eq!(t.flow(), None);
        t.shake_hands();
    });
}

#[test]
fn e05_without_filtering_the_middle_of_a_connection_passes() {
    talk(|t| {
        t.bench.filter_state(&t.bench.a, false);
        assert_eq!(t.client(ACK, 5, 5, 10), Some(TcpNoConnection), "one interface that filters is enough");
        t.bench.filter_state(&t.bench.b, false);
        assert_eq!(t.client(ACK, 5, 5, 10), None);
        assert_eq!(t.server(ACK, 900_000, 7, 10), None);
        let flow = t.flow().expect("tracked");
        assert!(flow.flags.contains(FlowFlags::LOOSE));
        assert_eq!(flow.state, FlowState::ESTABLISHED);
    });
}

#[test]
fn e09_mode_changes_on_a_live_flow() {
    talk(|t| {
        t.bench.filter_state(&t.bench.a, false);
        t.bench.filter_state(&t.bench.b, false);
        t.shake_hands();
        assert_eq!(t.client(ACK, 1_000_000, 1, 10), None, "out of the window, and nothing changes by it");
        t.bench.filter_state(&t.bench.b, true);
        assert_eq!(t.client(ACK, 1_000_000, 1, 10), Some(TcpOutOfWindow));
        assert_eq!(t.client(ACK, 1, 1, 100), None);
        assert_eq!(t.server(ACK, 1, 101, 0), None);
        t.bench.filter_state(&t.bench.b, false);
        assert_eq!(t.client(ACK, 1_000_000, 1, 10), None);
    });
}

#[test]
fn e10_lost_acks_repeats_and_window_updates_pass() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(ACK, 1, 1, 500), None);
        assert_eq!(t.client(ACK, 501, 1, 500), None);
        assert_eq!(t.client(ACK, 1, 1, 500), None, "repeated");
        assert_eq!(t.client(ACK, 1, 1, 1000), None, "repeated in one piece");
        assert_eq!(t.server(ACK, 1, 501, 0), None);
        assert_eq!(t.server(ACK, 1, 1, 0), None, "an old acknowledgement that was overtaken");
        assert_eq!(t.server(ACK, 1, 1001, 0), None);
        assert_eq!(t.client(ACK, 1000, 1, 1), None, "keep-alive");
        assert_eq!(t.client(ACK, 2001, 1, 1), None, "a probe of a window that is full");
        assert_eq!(t.client(ACK, 2001, 1, 2), Some(TcpOutOfWindow));
    });
}

#[test]
fn e10_repeated_handshake_segments_pass() {
    talk(|t| {
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        assert_eq!(t.client(SYN, 7_000, 0, 0), None, "the client has begun anew");
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.client(ACK, 1, 1, 100), None);
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None, "also after the client's data");
        assert_eq!(t.client(SYN, 0, 0, 0), Some(TcpSynInConnection), "but not the SYN, data has come since");
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
    });
}

#[test]
fn e12_syn_ack_must_fit() {
    talk(|t| {
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        for ack in [-5, 0, 2, 70_000] {
            assert_eq!(t.server(SYN | ACK, 0, ack, 0), Some(TcpBadAck), "ack {ack}");
        }
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.server(SYN | ACK, 1_000, 1, 0), Some(TcpBadSeq));
        assert_eq!(t.client(ACK, 1, 1, 0), None);
        assert_eq!(t.client(SYN | ACK, 0, 1, 0), None, "it repeats the client's own SYN");
        assert_eq!(t.client(SYN | ACK, 0, 2, 0), Some(TcpBadAck));
    });
}

#[test]
fn e12_syn_in_a_connection_gets_a_challenge_and_its_reset_closes() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(ACK, 1, 1, 100), None);
        assert_eq!(t.server(ACK, 1, 101, 50), None);
        let (output, reason) = t.bench.fate(&t.bench.a, &t.segment(true, SYN, 5_000, 0, 0));
        assert_eq!((output.verdict, reason), (Verdict::Redirect, Some(TcpSynInConnection)));
        let packet = SlicedPacket::from_ethernet(&output.frame).expect("a frame");
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("{packet:?}") };
        let ends = (tcp.source_port(), tcp.destination_port());
        assert_eq!((ends, tcp.syn(), tcp.ack(), tcp.rst()), ((80, 40_000), false, true, false));
        assert_eq!(tcp.sequence_number(), S.wrapping_add(51), "what the server would send next");
        assert_eq!(tcp.acknowledgment_number(), C.wrapping_add(101));
        assert_eq!(checksum(&output.frame[14..34]), 0);
        let pseudo = [&output.frame[26..34], &[0, 6, 0, 20], &output.frame[34..]].concat();
        assert_eq!(checksum(&pseudo), 0);
        assert_eq!((&output.frame[..6], &output.frame[6..12]), (&t.bench.a.mac[..], &t.bench.b.mac[..]));
        // A host that has lost the connection resets what the challenge acknowledged.
        assert_eq!(t.client(RST, 101, 0, 0), None);
        assert_eq!(t.state(), Some(FlowState::CLOSED));
        assert_eq!(t.client(SYN, 5_000, 0, 0), None, "and connects anew");
        assert_eq!(t.state(), Some(FlowState::OPENING));
    });
}

#[test]
fn e11_reset_outside_the_window_kills_nothing() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(ACK, 1, 1, 100), None);
        for seq in [102, 5_000, 1_000_000, -70_000, -1_000_000_000] {
            assert_eq!(t.client(RST, seq, 0, 0), Some(TcpBadRst), "seq {seq}");
        }
        assert_eq!(t.server(ACK, 1, 101, 0), None);
        assert_eq!(t.client(RST, 50, 0, 0), None, "older than what was acknowledged: the receiver will ignore it");
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
        assert_eq!(t.client(RST | ACK, 101, 1, 0), None);
        assert_eq!(t.state(), Some(FlowState::CLOSED));
        assert_eq!(t.server(ACK, 1, 101, 10), None, "what was under way still arrives");
    });
}

#[test]
fn e11_e15_resets_while_opening() {
    talk(|t| {
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        assert_eq!(t.server(RST | ACK, 0, 5, 0), Some(TcpBadRst), "blind");
        assert_eq!(t.state(), Some(FlowState::OPENING));
        assert_eq!(t.server(RST | ACK, 0, 1, 0), None, "a closed port");
        assert_eq!(t.state(), Some(FlowState::CLOSED));
        assert_eq!(t.client(SYN, 900, 0, 0), None, "the port may be tried again at once");
        assert_eq!(t.client(RST, 905, 0, 0), Some(TcpBadRst));
        assert_eq!(t.client(RST, 901, 0, 0), None, "the client has changed its mind");
        assert_eq!(t.state(), Some(FlowState::CLOSED));
    });
}

#[test]
fn e11_reset_after_fin_is_no_fault() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(FIN | ACK, 1, 1, 0), None);
        assert_eq!(t.server(ACK, 1, 2, 100), None);
        assert_eq!(t.client(RST, 2, 0, 0), None);
        assert_eq!(t.client(RST, 1, 0, 0), None, "inexact");
        assert_eq!(t.state(), Some(FlowState::CLOSED));
    });
}

#[test]
fn e13_half_close_and_time_wait_reuse() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(FIN | ACK, 1, 1, 20), None);
        assert_eq!(t.state(), Some(FlowState::CLOSING));
        assert_eq!(t.server(ACK, 1, 22, 500), None, "the other half goes on");
        assert_eq!(t.client(ACK, 22, 501, 0), None);
        assert_eq!(t.server(FIN | ACK, 501, 22, 0), None);
        assert_eq!(t.state(), Some(FlowState::CLOSING));
        assert_eq!(t.client(ACK, 22, 502, 0), None);
        assert_eq!(t.state(), Some(FlowState::TIME_WAIT));
        assert_eq!(t.server(FIN | ACK, 501, 22, 0), None, "repeated, its acknowledgement was lost");
        assert_eq!(t.client(ACK, 22, 502, 0), None);
        assert_eq!(t.client(SYN, 100_000, 0, 0), None, "the ports are used again");
        assert_eq!(t.state(), Some(FlowState::OPENING));
        assert_eq!(t.server(SYN | ACK, 200_000, 100_001, 0), None);
        assert_eq!(t.client(ACK, 100_001, 200_001, 0), None);
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
    });
}

#[test]
fn e13_simultaneous_open() {
    talk(|t| {
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        assert_eq!(t.server(SYN, 0, 0, 0), None);
        assert_eq!(t.client(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.client(ACK, 1, 1, 10), None);
        assert_eq!(t.server(ACK, 1, 11, 10), None);
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
    });
}

#[test]
fn e13_data_in_the_syn() {
    talk(|t| {
        assert_eq!(t.client(SYN, 0, 0, 300), None);
        assert_eq!(t.server(SYN | ACK, 0, 302, 0), Some(TcpBadAck));
        assert_eq!(t.server(SYN | ACK, 0, 301, 0), None, "all of it is acknowledged");
        assert_eq!(t.server(ACK, 1, 301, 700), None, "and answered before the client's ACK");
        assert_eq!(t.client(ACK, 301, 1, 0), None);
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
    });
}

#[test]
fn e13_window_scale_counts_when_both_offer_it() {
    // NOP, window scale 7 (RFC 7323); and an MSS before it, as real hosts send it.
    let scale = vec![2, 4, 5, 0xb4, 1, 3, 3, 7];
    Bench::run(move |bench| {
        bench.filter_state(&bench.a, true);
        let mut t = Talk { bench, ports: (1, 2), options: scale.clone(), window: WINDOW };
        t.shake_hands();
        assert_eq!(t.server(ACK, 1, 1, 0), None);
        assert_eq!(t.client(ACK, 100_000, 1, 10), None, "within 1000 << 7");
        assert_eq!(t.client(ACK, 130_000, 1, 10), Some(TcpOutOfWindow));
        // Only the client offers it.
        t.ports = (3, 4);
        assert_eq!(t.client(SYN, 0, 0, 0), None);
        t.options = Vec::new();
        assert_eq!(t.server(SYN | ACK, 0, 1, 0), None);
        assert_eq!(t.client(ACK, 1, 1, 0), None);
        assert_eq!(t.client(ACK, 100_000, 1, 10), Some(TcpOutOfWindow));
        // Options that run out, or are none, are no scale.
        for (port, options) in
            [(10, vec![3, 3]), (11, vec![3, 0, 7, 0]), (12, vec![0, 3, 3, 7]), (13, vec![3, 4, 7, 7])]
        {
            (t.ports, t.options) = ((port, 80), options);
            t.shake_hands();
            assert_eq!(t.server(ACK, 1, 1, 0), None);
            assert_eq!(t.client(ACK, 100_000, 1, 10), Some(TcpOutOfWindow), "port {port}");
        }
    });
}

#[test]
fn e14_blind_attacks_are_dropped() {
    talk(|t| {
        t.shake_hands();
        assert_eq!(t.client(ACK, 1, 1, 500), None);
        assert_eq!(t.server(ACK, 1, 501, 500), None);
        assert_eq!(t.server(ACK, 2_000, 501, 10), Some(TcpOutOfWindow));
        assert_eq!(t.server(ACK, 501, 502, 10), Some(TcpAckUnsent));
        assert_eq!(t.server(ACK, 501, 1_000_000, 10), Some(TcpAckUnsent));
        assert_eq!(t.server(ACK, 501, -70_000, 10), Some(TcpOldAck));
        assert_eq!(t.server(ACK, -70_000, 501, 10), Some(TcpOldData));
        assert_eq!(t.server(SYN, 77, 0, 0), Some(TcpSynInConnection));
        assert_eq!(t.server(RST, 900, 0, 0), Some(TcpBadRst));
        assert_eq!(t.client(ACK, 501, 501, 10), None, "the connection has not noticed");
    });
}

#[test]
fn loose_flow_after_a_move_goes_on_until_it_ends() {
    talk(|t| {
        let adopt = |on: bool| {
            t.bench.edit_iface(&t.bench.a, |iface| {
                let flag = IfaceFlags::ADOPTING;
                iface.flags = if on { iface.flags.with(flag) } else { iface.flags.without(flag) };
            });
        };
        adopt(true);
        assert_eq!(t.client(RST, 1, 0, 0), Some(TcpNoConnection));
        assert_eq!(t.client(SYN | ACK, 0, 1, 0), Some(TcpNoConnection));
        assert_eq!(t.client(ACK, 7_000_000, 9, 100), None);
        adopt(false);
        assert_eq!(t.server(ACK, 9, 7_000_100, 1000), None);
        assert_eq!(t.client(ACK, 1, 9, 100), None, "its numbers are not judged");
        assert_eq!(t.state(), Some(FlowState::ESTABLISHED));
        // Opened by the other end before the move: the server may not open connections to the client.
        t.bench.set_rules(&t.bench.a, common::policy::allow_out());
        adopt(true);
        let t = Talk { bench: t.bench, ports: (41_000, 80), options: Vec::new(), window: WINDOW };
        assert_eq!(t.server(ACK, 9, 9, 10), None);
        let flow = t.flow().expect("adopted");
        assert_eq!(flow.key.ends[flow.opener()].1, 41_000, "the client opened it");
        // The server may open no connection all the same, be it in the place of the one that it made believe.
        for flags in [SYN, SYN | FIN, SYN | PSH] {
            assert_eq!(t.server(flags, 0, 0, 0), Some(PolicyIngressDenied));
        }
        assert_eq!(t.server(ACK, 19, 9, 10), None, "and the old one goes on");
        assert_eq!(t.client(SYN, 0, 0, 0), None, "whom its own rules permit it");
        // Only the interface that has moved adopts: its neighbour has seen how its own connections began.
        let t = Talk { bench: t.bench, ports: (42_000, 80), options: Vec::new(), window: WINDOW };
        t.bench.set_rules(&t.bench.a, common::policy::allow_all());
        t.bench.set_rules(&t.bench.b, common::policy::allow_out());
        assert_eq!(t.client(ACK, 9, 9, 10), Some(PolicyIngressDenied));
    });
}

#[test]
fn e16_icmp_errors_need_a_live_flow_and_a_number_under_way() {
    talk(|t| {
        let (a, b) = (&t.bench.a, &t.bench.b);
        let error = |kind: u8, quoted: &[u8]| {
            let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], &quoted[14..14 + 28]].concat();
            t.bench.fate(b, &Route::switched(b, a).packet(1, &message)).1
        };
        let sent = t.segment(true, ACK, 101, 1, 0);
        assert_eq!(error(3, &sent), Some(IcmpUnrelated), "no flow");
        t.shake_hands();
        assert_eq!(t.client(ACK, 1, 1, 100), None);
        for kind in [3, 4, 11, 12] {
            assert_eq!(error(kind, &sent), None, "type {kind}");
        }
        assert_eq!(error(3, &t.segment(true, ACK, 102, 1, 0)), Some(IcmpUnrelated), "not sent yet");
        assert_eq!(error(3, &t.segment(true, ACK, -60_000, 1, 0)), Some(IcmpUnrelated), "acknowledged long ago");
        assert_eq!(
            error(3, &t.segment(false, ACK, 1, 1, 0)),
            Some(IcmpUnrelated),
            "the error's receiver did not send it"
        );
        let other = Talk { bench: t.bench, ports: (40_001, 80), options: Vec::new(), window: WINDOW };
        assert_eq!(error(3, &other.segment(true, ACK, 1, 1, 0)), Some(IcmpUnrelated));
        let third = |to: &common::Guest| {
            let message = [&[3, 3, 0, 0, 0, 0, 0, 0], &sent[14..14 + 28]].concat();
            t.bench.fate(&t.bench.c, &Route::routed(&t.bench.c, to.ip).packet(1, &message)).1
        };
        assert_eq!(third(a), Some(IcmpUnrelated), "it was not sent to this one");
        t.bench.edit_iface(&t.bench.c, |iface| iface.flags = iface.flags.without(IfaceFlags::SOURCE_DEST_CHECK));
        assert_eq!(third(a), None, "a router");
        t.bench.edit_iface(a, |iface| iface.judged += 1);
        assert_eq!(error(3, &sent), Some(IcmpUnrelated), "to be judged again");
        assert_eq!(t.client(ACK, 101, 1, 100), None);
        assert_eq!(error(3, &sent), None);
        t.bench.wait(432_001);
        assert_eq!(error(3, &sent), Some(IcmpUnrelated), "dead");
    });
}

#[test]
fn unsolicited_answers_are_dropped_where_state_is_filtered() {
    talk(|t| {
        let (a, b) = (&t.bench.a, &t.bench.b);
        let answer = Route::switched(b, a).packet(1, &[0, 0, 0xff, 0xf8, 0, 7, 0, 0]);
        assert_eq!(t.bench.refused(b, &answer), Some(IcmpUnsolicited));
        let query = Route::switched(a, b).packet(1, &[8, 0, 0xf7, 0xf8, 0, 7, 0, 0]);
        assert_eq!(t.bench.refused(a, &query), None);
        assert_eq!(t.bench.refused(b, &answer), None);
    });
}
