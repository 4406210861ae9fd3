//! Every outcome of a ping, on real links.

mod support;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pintle_probe::ProbeError;
use pintle_probe::ping::{MAX_PAYLOAD, Outcome, Pinger, ping, ping_sized_df, ping_until};

use support::{Scratch, join, pair};

const A: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_answer_tells_time_and_ttl() {
    let (a, _b) = pair();
    let answer = ping(&a.namespace(), B, SECOND).unwrap();
    assert_eq!(answer.ttl, 64);
    assert!(answer.rtt > Duration::ZERO && answer.rtt < SECOND);
}

#[test]
fn silence_is_told_apart_from_no_route() {
    let (a, b) = pair();
    b.sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    let wait = Duration::from_millis(30);
    assert!(matches!(ping(&a.namespace(), B, wait), Err(ProbeError::NoAnswer { waited, .. }) if waited == wait));
    assert_eq!(Pinger::open(&a.namespace(), B).unwrap().sized_df(100, wait).unwrap(), Outcome::Timeout);
    let error = ping(&a.namespace(), Ipv4Addr::new(10, 77, 0, 1), wait).unwrap_err();
    assert!(matches!(error, ProbeError::System { .. }), "{error}");
}

#[test]
fn the_first_answer_is_found_soon_after_it_is_possible() {
    let (a, b) = pair();
    // Learns the neighbour, then silences it.
    ping(&a.namespace(), B, SECOND).unwrap();
    b.sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    let silent = Duration::from_millis(100);
    let interval = Duration::from_micros(200);
    let begun = AtomicBool::new(false);
    let first = thread::scope(|scope| {
        let poll = scope.spawn(|| {
            let namespace = a.namespace();
            begun.store(true, Ordering::Release);
            ping_until(&namespace, B, Duration::from_secs(10), interval)
        });
        while !begun.load(Ordering::Acquire) {
            thread::yield_now();
        }
        thread::sleep(silent);
        b.sysctl("net/ipv4/icmp_echo_ignore_all", "0");
        poll.join().unwrap().unwrap().expect("an answer")
    });
    // The poll may have begun a little after the sleep did.
    assert!(first.after > silent / 2 && first.after < Duration::from_secs(9), "{first:?}");
    assert!(first.request_after <= first.after && first.tried > 10, "{first:?}");
    b.sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    let never = ping_until(&a.namespace(), B, Duration::from_millis(20), Duration::from_millis(1)).unwrap();
    assert_eq!(never, None);
}

#[test]
fn polling_may_begin_before_there_is_a_route() {
    let (a, b) = (Scratch::new(), Scratch::new());
    let mut pinger = Pinger::open(&a.namespace(), B).unwrap();
    let first = thread::scope(|scope| {
        let poll = scope.spawn(move || pinger.until(Duration::from_secs(10), Duration::from_micros(500)));
        thread::sleep(Duration::from_millis(20));
        join((&a, "eth0", "10.9.0.1/24"), (&b, "eth0", "10.9.0.2/24"));
        poll.join().unwrap().unwrap()
    });
    assert!(first.is_some());
}

/// A — router — B, with an MTU of 1400 on the second link.
fn routed() -> (Scratch, Scratch, Scratch) {
    let (a, router, b) = (Scratch::new(), Scratch::new(), Scratch::new());
    join((&a, "eth0", "10.9.0.1/24"), (&router, "left", "10.9.0.254/24"));
    join((&router, "right", "10.9.9.254/24"), (&b, "eth0", "10.9.9.2/24"));
    router.sysctl("net/ipv4/ip_forward", "1");
    for (end, gateway) in [(&a, "10.9.0.254"), (&b, "10.9.9.254")] {
        end.ip(&format!("route add default via {gateway}"));
    }
    router.ip("link set right mtu 1400");
    b.ip("link set eth0 mtu 1400");
    (a, router, b)
}

#[test]
fn a_packet_too_large_for_the_path_names_the_mtu_and_who_said_so() {
    let (a, _router, _b) = routed();
    let (far, router) = (Ipv4Addr::new(10, 9, 9, 2), Ipv4Addr::new(10, 9, 0, 254));
    let sized = |payload| ping_sized_df(&a.namespace(), far, payload).unwrap();
    assert!(matches!(sized(1400 - 28), Outcome::Answered(answer) if answer.ttl == 63));
    // Twice: what the first one taught this host does not change what the second finds.
    for _ in 0..2 {
        assert_eq!(sized(1400 - 27), Outcome::FragNeeded { mtu: 1400, from: router });
    }
    // Too large for the own device already.
    assert_eq!(sized(1500 - 27), Outcome::FragNeeded { mtu: 1500, from: A });
    assert!(matches!(ping_sized_df(&a.namespace(), far, MAX_PAYLOAD + 1), Err(ProbeError::Invalid { .. })));
}

#[test]
fn ttl_and_unreachable_name_the_router() {
    let (a, router, _b) = routed();
    let gateway = Ipv4Addr::new(10, 9, 0, 254);
    let mut pinger = Pinger::open(&a.namespace(), Ipv4Addr::new(10, 9, 9, 2)).unwrap();
    pinger.set_ttl(1).unwrap();
    assert_eq!(pinger.sized_df(56, SECOND).unwrap(), Outcome::TtlExceeded { from: gateway });
    router.ip("route add unreachable 10.66.0.0/16");
    let outcome = ping_sized_df(&a.namespace(), Ipv4Addr::new(10, 66, 0, 1), 0).unwrap();
    assert_eq!(outcome, Outcome::Unreachable { from: gateway, code: 1 });
}
