//! The detour of limited packets: who takes it, what holds at its end, and that nobody else comes in by its cable.

mod common;

use common::frames::Udp;
use common::{Bench, Guest, REMOTE};
use pintle_core::DropReason;
use pintle_datapath::{HostSettings, ProgramName, RunInput, RunOutput, Verdict};

const CLASS: u32 = 0x1_0001;

/// Gives a guest's interface classes: of what it sends and of what it gets.
fn limit(bench: &Bench, guest: &Guest, egress_class: u32, ingress_class: u32) {
    let mut iface = bench.datapath.ifaces().get(&guest.slot).expect("get").unwrap_or_default();
    (iface.egress_class, iface.ingress_class) = (egress_class, ingress_class);
    bench.datapath.ifaces().put(&guest.slot, &iface).expect("put");
}

/// Lays the cable: two devices, of which the runner needs no more than the numbers.
fn lay_cable(bench: &Bench) {
    let there = bench.datapath.host_settings().expect("get");
    let (shaper_ifindex, shaper_peer_ifindex) = (Some(bench.c.ifindex), Some(bench.d.ifindex));
    bench.datapath.set_host_settings(&HostSettings { shaper_ifindex, shaper_peer_ifindex, ..there }).expect("set");
}

/// Runs a program of the cable on a frame with the mark of a device.
fn at_cable(bench: &Bench, program: ProgramName, mark: u32, frame: &[u8]) -> RunOutput {
    let input = RunInput { ifindex: bench.d.ifindex, ingress_ifindex: bench.a.ifindex, mark, ..RunInput::default() };
    bench.datapath.runner(program).run(frame, input).expect("the program runs")
}

#[test]
fn j01_what_a_limited_guest_sends_is_queued_before_it_is_looked_at() {
    Bench::run(|bench| {
        limit(bench, &bench.a, CLASS, 0);
        let frame = Udp::routed(&bench.a, bench.c.ip).bytes();
        bench.expect_drop(&bench.a, &frame, DropReason::NoShaper);
        lay_cable(bench);
        for frame in [frame, Udp::switched(&bench.b, &bench.a).bytes()] {
            let output = bench.send(&bench.a, &frame);
            assert_eq!((output.verdict, &output.frame), (Verdict::Redirect, &frame), "as it was, even a forged one");
        }
        assert_eq!((bench.sent(&bench.a), bench.delivered(&bench.c)), (0, 0), "nothing has been sent yet");
        // The others go their way.
        assert_eq!(bench.send(&bench.b, &Udp::switched(&bench.b, &bench.a).bytes()).verdict, Verdict::Redirect);
        assert_eq!(bench.sent(&bench.b), 1);
    });
}

#[test]
fn j01_after_the_queue_a_packet_is_judged_like_any_other() {
    Bench::run(|bench| {
        limit(bench, &bench.a, CLASS, 0);
        lay_cable(bench);
        for frame in
            [Udp::switched(&bench.a, &bench.b), Udp::routed(&bench.a, bench.c.ip), Udp::routed(&bench.a, REMOTE)]
        {
            limit(bench, &bench.a, 0, 0);
            let unlimited = bench.send(&bench.a, &frame.bytes());
            limit(bench, &bench.a, CLASS, 0);
            let limited = at_cable(bench, ProgramName::ShapedEgress, bench.a.ifindex, &frame.bytes());
            assert_eq!((limited.verdict, limited.frame), (unlimited.verdict, unlimited.frame));
            assert_eq!(limited.verdict, Verdict::Redirect);
        }
        assert_eq!(bench.sent(&bench.a), 6);
        let forged = Udp::switched(&bench.b, &bench.a).bytes();
        assert_eq!(at_cable(bench, ProgramName::ShapedEgress, bench.a.ifindex, &forged).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(bench.a.slot, DropReason::SpoofedSrcMac), 1);
    });
}

#[test]
fn j01_what_a_limited_guest_gets_is_queued_when_it_has_been_judged() {
    Bench::run(|bench| {
        limit(bench, &bench.b, 0, CLASS);
        let frame = Udp::switched(&bench.a, &bench.b).bytes();
        assert_eq!(bench.send(&bench.a, &frame).verdict, Verdict::Drop);
        assert_eq!(bench.dropped(bench.a.slot, DropReason::NoShaper), 1);
        lay_cable(bench);
        assert_eq!(bench.send(&bench.a, &frame).verdict, Verdict::Redirect);
        let delivered = at_cable(bench, ProgramName::ShapedIngress, bench.b.ifindex, &frame);
        assert_eq!((delivered.verdict, delivered.frame), (Verdict::Redirect, frame));
    });
}

#[test]
fn j04_nothing_else_comes_in_by_the_cable() {
    Bench::run(|bench| {
        let frame = Udp::switched(&bench.a, &bench.b).bytes();
        for program in [ProgramName::ShapedEgress, ProgramName::ShapedIngress] {
            for mark in [0, 4_000_000] {
                assert_eq!(at_cable(bench, program, mark, &frame).verdict, Verdict::Drop);
            }
        }
        assert_eq!(bench.dropped(0, DropReason::UnknownPort), 4);
        let entering = |mark, ingress_ifindex| {
            let input = RunInput { ifindex: bench.c.ifindex, ingress_ifindex, mark, ..RunInput::default() };
            bench.datapath.runner(ProgramName::ToShaper).run(&frame, input).expect("runs").verdict
        };
        assert_eq!(entering(bench.a.ifindex, 0), Verdict::Drop, "a socket of the host with a port's mark");
        assert_eq!(entering(0, bench.a.ifindex), Verdict::Drop, "forwarded by the host");
        assert_eq!(entering(bench.a.ifindex, bench.a.ifindex), Verdict::Next, "ours");
        assert_eq!(bench.dropped(0, DropReason::FromHostStack), 2);
    });
}
