//! The bad wire: a clean one changes nothing, a bad one does what it says, and TCP gets through both.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use pintle_probe::impair::{Faults, Wire};
use pintle_probe::{Namespace, offload};
use support::{Scratch, join};

/// Two stacks with a wire between them: `eth0` of each is joined to a device of the namespace in the middle.
fn wired(faults: Faults) -> (Scratch, Scratch, Scratch, Wire) {
    let (a, b, middle) = (Scratch::new(), Scratch::new(), Scratch::new());
    for (end, address, device) in [(&a, "10.9.0.1/24", "left"), (&b, "10.9.0.2/24", "right")] {
        join((end, "eth0", address), (&middle, device, ""));
        middle.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "1");
        offload::all_off(&end.namespace(), "eth0").unwrap();
    }
    let inside = middle.namespace();
    let wire = Wire::join((&inside, "left"), (&inside, "right"), faults, 7).unwrap();
    (a, b, middle, wire)
}

fn transfer(from: &Namespace, to: &Namespace, bytes: usize) {
    let address: SocketAddr = "10.9.0.2:900".parse().unwrap();
    let listener = to.run(|| TcpListener::bind(address)).unwrap().unwrap();
    let mut client = from.run(|| TcpStream::connect_timeout(&address, Duration::from_secs(5))).unwrap().unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let data: Vec<u8> = (0..bytes).map(|at| ((at * 31) >> 3) as u8).collect();
    let expected = data.clone();
    let sender = std::thread::spawn(move || client.write_all(&data));
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    sender.join().unwrap().unwrap();
    assert!(got == expected, "{} of {bytes} bytes, or other ones", got.len());
}

#[test]
fn a_clean_wire_carries_everything_once() {
    let (a, b, _middle, wire) = wired(Faults::default());
    transfer(&a.namespace(), &b.namespace(), 500_000);
    let tally = wire.settled(Duration::from_secs(5));
    assert!(
        tally.received > 300 && tally.lost + tally.duplicated + tally.reordered + tally.overflowed == 0,
        "{tally:?}"
    );
    assert_eq!(tally.sent, tally.received);
}

#[test]
fn a_bad_wire_loses_repeats_and_reorders_as_often_as_it_says_and_tcp_gets_through() {
    let faults = Faults {
        loss_ppm: 20_000,
        duplicate_ppm: 50_000,
        reorder_ppm: 50_000,
        reorder_by: Duration::from_millis(2),
        delay: Duration::from_micros(200),
        jitter: Duration::from_micros(100),
    };
    let (a, b, _middle, wire) = wired(faults);
    transfer(&a.namespace(), &b.namespace(), 2_000_000);
    let tally = wire.settled(Duration::from_secs(5));
    let share = |count: u64| count as f64 / tally.received as f64;
    assert!((0.005..0.05).contains(&share(tally.lost)), "{tally:?}");
    assert!(
        (0.02..0.1).contains(&share(tally.duplicated)) && (0.02..0.1).contains(&share(tally.reordered)),
        "{tally:?}"
    );
}
