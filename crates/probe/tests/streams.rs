//! Streams and echoes across a real link: what is lost is counted, and nothing else is.

mod support;

use std::net::{Ipv4Addr, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use pintle_probe::echo::{Echo, delivered_to_old};
use pintle_probe::stream::Stream;
use pintle_probe::{Moment, Namespace};

use support::{Scratch, pair};

const MS: Duration = Duration::from_millis(1);
const B: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const ANSWERED: Duration = Duration::from_secs(5);

#[test]
fn a_quiet_link_loses_nothing() {
    let (a, b) = pair();
    let echo = Echo::start(&b.namespace(), "blue", 0).unwrap();
    let stream = Stream::start(&a.namespace(), B, echo.port(), MS).unwrap();
    let first = stream.wait_answered(ANSWERED).expect("an answer");
    assert_eq!(&*first.responder, "blue");
    let from = stream.mark();
    sleep(200 * MS);
    let to = stream.mark();
    let slept = to.at.since(from.at).as_millis() as u64;
    let report = stream.report(from, to);
    assert_eq!((report.lost, report.duplicates, report.reordered), (0, 0, 0), "{report:?}");
    assert_eq!((report.max_gap, report.gaps.len(), report.responders.len()), (Duration::ZERO, 0, 1), "{report:?}");
    assert!(report.sent > 20 && report.sent <= slept + 2, "{slept} ms: {report:?}");
    assert!(echo.total() >= report.sent && echo.unanswered() == 0);
    assert_eq!(echo.received_after(stream.id(), to.seq + 1_000_000), 0);
}

#[test]
fn an_outage_is_counted_and_measured() {
    let (a, b) = pair();
    // Permanent neighbours: the outage is the link's, and not that of ARP after it.
    for (of, ip, mac) in [(&a, "10.9.0.2", b.mac("eth0")), (&b, "10.9.0.1", a.mac("eth0"))] {
        let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
        of.ip(&format!("neigh replace {ip} lladdr {mac} nud permanent dev eth0"));
    }
    let echo = Echo::start(&b.namespace(), "blue", 7007).unwrap();
    let stream = Stream::start(&a.namespace(), B, 7007, MS).unwrap();
    stream.wait_answered(ANSWERED).expect("an answer");

    let from = stream.mark();
    sleep(50 * MS);
    let before_down = Moment::now();
    b.ip("link set eth0 down");
    let down = Moment::now();
    sleep(50 * MS);
    let before_up = Moment::now();
    b.ip("link set eth0 up");
    stream.wait_answered(ANSWERED).expect("an answer after the outage");
    let up = Moment::now();
    sleep(50 * MS);
    let to = stream.mark();
    let report = stream.report(from, to);
    // Packets that the sender was too late for are neither sent nor lost.
    let unsent = (to.at.since(from.at).as_millis() as u64).saturating_sub(report.sent);

    // The outage lies between these, whatever the scheduling of this thread was.
    let (least, most) = (before_up.since(down), up.since(before_down));
    let gap = report.gaps.iter().max_by_key(|gap| gap.length).expect("a gap");
    let late = report.max_lateness;
    assert!(gap.length + late + 2 * MS >= least && gap.length <= most + 2 * MS, "{least:?}..{most:?}: {report:?}");
    assert!(gap.bound.is_some_and(|bound| bound + MS >= gap.length), "{gap:?}");
    assert_eq!(report.max_gap, gap.length);
    assert_eq!(report.sent, report.answered + report.lost);
    // One packet a millisecond, less those for which the sender was late.
    assert!(Duration::from_millis(gap.lost) <= gap.length + 2 * MS, "{gap:?}");
    assert!(gap.lost + unsent >= 25, "{unsent} unsent: {gap:?}");
    assert!(report.max_arrival_gap + MS >= gap.length, "{report:?}");
    assert_eq!(echo.name(), "blue");
}

#[test]
fn a_move_shows_who_answered_and_what_the_old_one_still_got() {
    let (client, old, new) = (Scratch::new(), Scratch::new(), Scratch::new());
    support::join((&client, "to-old", "10.9.1.1/24"), (&old, "eth0", "10.9.1.2/24"));
    support::join((&client, "to-new", "10.9.2.1/24"), (&new, "eth0", "10.9.2.2/24"));
    for (server, gateway) in [(&old, "10.9.1.1"), (&new, "10.9.2.1")] {
        // Both have the address already; the client's route decides who is asked.
        server.ip("addr add 10.99.0.9/32 dev lo");
        server.ip(&format!("route add default via {gateway}"));
    }
    client.ip("route add 10.99.0.9 via 10.9.1.2 src 10.9.1.1");
    let responders = [Echo::start(&old.namespace(), "old", 7007), Echo::start(&new.namespace(), "new", 7007)];
    let [old_echo, new_echo] = responders.map(Result::unwrap);
    let stream = Stream::start(&client.namespace(), Ipv4Addr::new(10, 99, 0, 9), 7007, MS).unwrap();
    stream.wait_answered(ANSWERED).expect("an answer");
    let from = stream.mark();
    assert_eq!(delivered_to_old(&old_echo, &new_echo, stream.id(), from.seq), None, "not moved yet");
    sleep(20 * MS);
    client.ip("route replace 10.99.0.9 via 10.9.2.2 src 10.9.1.1");
    sleep(20 * MS);
    stream.wait_answered(ANSWERED).expect("an answer");
    let report = stream.report(from, stream.mark());
    let names: Vec<_> = report.responders.iter().map(|turn| &*turn.responder).collect();
    assert_eq!(names, ["old", "new"], "{report:?}");
    assert_eq!(delivered_to_old(&old_echo, &new_echo, stream.id(), from.seq), Some(0));
    // The other way round, everything that the new one got was after the old one's first.
    let got = new_echo.received(stream.id()).len();
    assert!(
        delivered_to_old(&new_echo, &old_echo, stream.id(), from.seq).is_some_and(|count| count > 0 && count <= got)
    );
}

#[test]
fn everything_ends_when_it_is_dropped() {
    let echo = Echo::start(&Namespace::host(), "loop", 0).unwrap();
    let port = echo.port();
    let stream = Stream::start(&Namespace::host(), Ipv4Addr::LOCALHOST, port, MS).unwrap();
    stream.wait_answered(ANSWERED).expect("an answer over loopback");
    let began = Moment::now();
    drop((echo, stream));
    assert!(Moment::now().since(began) < Duration::from_secs(2));
    // The port is free again; soon, if another test was just starting a process, which holds the socket until it becomes `ip`.
    while let Err(error) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
        assert!(Moment::now().since(began) < ANSWERED, "{error}");
        sleep(MS);
    }
}

#[test]
fn parameters_out_of_range_are_refused_in_words() {
    let host = Namespace::host();
    let error = Stream::start(&host, Ipv4Addr::LOCALHOST, 1, Duration::from_nanos(5)).unwrap_err();
    assert_eq!(error.to_string(), "interval 5ns is refused: a stream sends at most one packet in 100 µs");
    assert!(Echo::start(&host, "", 0).is_err() && Echo::start(&host, &"n".repeat(65), 0).is_err());
    let error = Echo::start(&Namespace::named("plt-never"), "x", 0).unwrap_err();
    assert!(error.to_string().contains("/run/netns/plt-never"), "{error}");
}
