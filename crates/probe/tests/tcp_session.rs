//! A TCP session is carried between two namespaces, twenty times, with its address.

mod support;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread::sleep;
use std::time::Duration;

use pintle_probe::inject::{BROADCAST, Injector, build};
use pintle_probe::tcp_session::{Session, SessionReport};
use pintle_probe::{Moment, ProbeError};

use support::{Scratch, join};

const MS: Duration = Duration::from_millis(1);
const MOVING: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 9);
const ADDRESS: SocketAddrV4 = SocketAddrV4::new(MOVING, 5000);

/// A client and two servers on one bridge; the moving address is at the first server.
struct Place {
    client: Scratch,
    servers: [Scratch; 2],
    _bridge: Scratch,
}

impl Place {
    fn new() -> Self {
        let (client, bridge) = (Scratch::new(), Scratch::new());
        let servers = [Scratch::new(), Scratch::new()];
        bridge.ip("link add br0 type bridge");
        bridge.ip("link set br0 up");
        for (index, end) in [&client, &servers[0], &servers[1]].into_iter().enumerate() {
            let port = format!("port{index}");
            join((end, "eth0", &format!("10.9.0.{}/24", index + 1)), (&bridge, &port, ""));
            bridge.ip(&format!("link set {port} master br0"));
        }
        servers[0].ip("addr add 10.9.0.9/24 dev eth0");
        Place { client, servers, _bridge: bridge }
    }

    /// Takes the address from one server to the other and tells everybody.
    fn cut_over(&self, from: usize, to: usize) {
        self.servers[from].ip("addr del 10.9.0.9/24 dev eth0");
        self.servers[to].ip("addr add 10.9.0.9/24 dev eth0");
        let mac = self.servers[to].mac("eth0");
        let announcement = build::arp(1, (mac, MOVING), ([0; 6], MOVING));
        let mut device = Injector::open(&self.servers[to].namespace(), "eth0").unwrap();
        device.send(&build::ethernet(mac, BROADCAST, 0x0806, &announcement)).unwrap();
    }

    fn session(&self) -> Session {
        Session::start(&self.client.namespace(), &self.servers[0].namespace(), ADDRESS).unwrap()
    }
}

/// Waits until that many more exchanges have been made.
fn wait_for(session: &Session, more: u64) -> SessionReport {
    let (before, until) = (session.report().exchanges, Moment::now() + Duration::from_secs(20));
    loop {
        let report = session.report();
        assert_eq!(report.broken, None, "{report:?}");
        if report.exchanges >= before + more {
            return report;
        }
        assert!(Moment::now() < until, "the session stands still: {report:?}");
        sleep(MS);
    }
}

#[test]
fn a_session_survives_twenty_moves() {
    let place = Place::new();
    let mut session = place.session();
    wait_for(&session, 20);
    for round in 0..20 {
        let (from, to) = (round % 2, 1 - round % 2);
        session.migrate(&place.servers[to].namespace(), || place.cut_over(from, to)).unwrap();
        // At least as many as were open: some are made wholly at the new place.
        wait_for(&session, 70);
    }
    let report = session.report();
    assert_eq!((report.broken.as_deref(), report.migrations), (None, 20));
    assert!(report.exchanges >= 20 * 70 && report.bytes > 0);
    eprintln!("20 moves: {report:?}");
}

#[test]
fn a_frozen_end_keeps_silent_and_a_long_freeze_breaks_nothing() {
    let place = Place::new();
    let mut session = place.session();
    wait_for(&session, 5);
    let mut wire = Injector::open(&place.client.namespace(), "eth0").unwrap();
    session.freeze().unwrap();
    assert!(matches!(session.freeze(), Err(ProbeError::Session { step: "freeze", .. })));
    // What was on its way when the end was frozen.
    while wire.recv(20 * MS, |_| true).unwrap().is_some() {}
    let from_server = |frame: &[u8]| frame[12..14] == [8, 0] && frame[26..30] == MOVING.octets();
    let heard = wire.recv(600 * MS, from_server).unwrap();
    assert_eq!(heard, None, "the client went on sending, and was answered");
    session.restore_in(&place.servers[1].namespace()).unwrap();
    let heard = wire.recv(50 * MS, from_server).unwrap();
    assert_eq!(heard, None, "the new end spoke before the address was moved");
    place.cut_over(0, 1);
    let report = wait_for(&session, 70);
    assert!(report.longest_pause >= 650 * MS, "{report:?}");
    assert!(matches!(session.restore_in(&place.servers[0].namespace()), Err(ProbeError::Session { .. })));
}

#[test]
fn unread_and_unacknowledged_bytes_move_with_the_session() {
    let place = Place::new();
    let mut session = place.session();
    wait_for(&session, 5);
    // Requests that arrive at the first server are read, and answers to them leave, but the acknowledgements of these are lost:
    // what the kernel still holds for retransmission has to move.
    place.client.ip("link set eth0 down");
    sleep(5 * MS);
    session.freeze().unwrap();
    place.client.ip("link set eth0 up");
    session.restore_in(&place.servers[1].namespace()).unwrap();
    place.cut_over(0, 1);
    wait_for(&session, 70);
}

#[test]
fn a_move_within_one_namespace_is_a_move_too() {
    let place = Place::new();
    let mut session = place.session();
    for _ in 0..3 {
        session.migrate(&place.servers[0].namespace(), || ()).unwrap();
        wait_for(&session, 10);
    }
    session.drop_shields();
    wait_for(&session, 10);
}

#[test]
fn restoring_waits_for_a_route_and_can_be_tried_again() {
    let place = Place::new();
    let (later, nowhere) = (Scratch::new(), Scratch::new());
    let mut session = place.session();
    wait_for(&session, 5);
    session.freeze().unwrap();
    std::thread::scope(|scope| {
        let restored = scope.spawn(|| session.restore_in(&later.namespace()));
        sleep(20 * MS);
        join((&later, "eth0", ""), (&nowhere, "eth0", ""));
        later.ip("route add 10.9.0.0/24 dev eth0");
        restored.join().unwrap().unwrap();
    });
    // From there it goes on to where it can be reached.
    session.migrate(&place.servers[1].namespace(), || place.cut_over(0, 1)).unwrap();
    wait_for(&session, 70);
}

#[test]
fn a_session_that_is_reset_says_so() {
    let place = Place::new();
    let mut session = place.session();
    wait_for(&session, 5);
    session.freeze().unwrap();
    // Without its shield, the kernel answers what comes for the frozen end.
    session.drop_shields();
    let until = Moment::now() + Duration::from_secs(5);
    while session.report().broken.is_none() {
        assert!(Moment::now() < until, "{:?}", session.report());
        sleep(MS);
    }
    assert!(session.report().broken.unwrap().contains("reset"));
}
