//! The web server, the client and the watch, across real links.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use pintle_probe::http::{Server, Watch, get};
use pintle_probe::{Moment, Namespace, ProbeError};

use support::{Scratch, join, pair};

const B: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[test]
fn a_server_says_who_it_is_and_counts() {
    let (a, b) = pair();
    let server = Server::start(&b.namespace(), "blue", 8080).unwrap();
    for _ in 0..3 {
        assert_eq!(get(&a.namespace(), SocketAddrV4::new(B, 8080), SECOND).unwrap(), "hello from blue\n");
    }
    assert_eq!((server.requests(), server.port()), (3, 8080));
    drop(server);
    // Refused; or reset, where another test was just starting a process, which held the socket until it became `ip`.
    let error = get(&a.namespace(), SocketAddrV4::new(B, 8080), SECOND).unwrap_err();
    assert!(matches!(error, ProbeError::System { .. }), "{error}");
}

#[test]
fn one_time_limit_covers_a_server_that_does_not_answer() {
    let (a, b) = pair();
    b.ip("link set eth0 down");
    a.ip("neigh replace 10.9.0.2 lladdr 02:00:00:00:00:01 nud permanent dev eth0");
    let began = Moment::now();
    let error = get(&a.namespace(), SocketAddrV4::new(B, 8080), 50 * MS).unwrap_err();
    assert!(matches!(error, ProbeError::NoAnswer { .. }), "{error}");
    assert!(Moment::now().since(began) < SECOND);
}

#[test]
fn a_connection_serves_several_requests_also_in_pieces() {
    let server = Server::start(&Namespace::host(), "loop", 0).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    stream.set_read_timeout(Some(5 * SECOND)).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(&request[..10]).unwrap();
    sleep(30 * MS);
    // The rest, a whole second one, and a third that ends the connection.
    stream.write_all(&[&request[10..], request, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"].concat()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!((text.matches("200 OK").count(), text.matches("hello from loop\n").count()), (3, 3), "{text}");
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_watch_shows_who_answers_when() {
    let (client, old, new) = (Scratch::new(), Scratch::new(), Scratch::new());
    join((&client, "to-old", "10.9.1.1/24"), (&old, "eth0", "10.9.1.2/24"));
    join((&client, "to-new", "10.9.2.1/24"), (&new, "eth0", "10.9.2.2/24"));
    for (server, gateway) in [(&old, "10.9.1.1"), (&new, "10.9.2.1")] {
        server.ip("addr add 10.99.0.9/32 dev lo");
        server.ip(&format!("route add default via {gateway}"));
    }
    client.ip("route add 10.99.0.9 via 10.9.1.2 src 10.9.1.1");
    let _servers = [("old", &old), ("new", &new)].map(|(name, at)| Server::start(&at.namespace(), name, 80).unwrap());
    let addr = SocketAddrV4::new(Ipv4Addr::new(10, 99, 0, 9), 80);
    let watch = Watch::start(&client.namespace(), addr, 2 * MS, 200 * MS).unwrap();
    let wait_for = |count: usize| {
        let until = Moment::now() + 10 * SECOND;
        while watch.attempts().len() < count {
            assert!(Moment::now() < until, "only {} requests", watch.attempts().len());
            sleep(MS);
        }
    };
    wait_for(10);
    client.ip("route replace 10.99.0.9 via 10.9.2.2 src 10.9.1.1");
    wait_for(watch.attempts().len() + 10);
    let answered: Vec<_> = watch.turns().into_iter().filter_map(|turn| turn.by).collect();
    // A connection that was under way during the change may have failed.
    assert_eq!(answered, ["old", "new"], "{:?}", watch.turns());
    assert!(watch.latency().unwrap().count >= 19);
}
