//! Real TCP stacks on both sides of state filtering, over bad wires: nothing that a stack sends may be taken for an attack.

#[path = "tcp_state/late.rs"]
mod late;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pintle_lab::{Lab, LabOptions, Network, WiredAddress, WiredGuest};
use pintle_probe::Namespace;
use pintle_probe::impair::Faults;
use serde_json::json;

use late::Order;

/// Reasons that state filtering gives.
const TCP_REASONS: &str = "tcp_";

/// Segments that must pass; `PINTLE_LONG=1` makes it ten million, `PINTLE_SEGMENTS` any number.
fn segments() -> u64 {
    pintle_lab::number("PINTLE_SEGMENTS").unwrap_or(if std::env::var_os("PINTLE_LONG").is_some() {
        10_000_000
    } else {
        30_000
    })
}

fn wired(address: &str, gateway: &str, prefix_len: u8) -> WiredAddress {
    WiredAddress { address: address.parse().unwrap(), prefix_len, gateway: gateway.parse().unwrap() }
}

const BAD: Faults = Faults {
    loss_ppm: 5_000,
    duplicate_ppm: 10_000,
    reorder_ppm: 20_000,
    reorder_by: Duration::from_millis(1),
    delay: Duration::from_micros(50),
    jitter: Duration::from_micros(50),
};

/// How one connection ends, and in which directions it carries data.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// The client sends, then both close.
    Upload,
    /// The server sends after the client has closed its half.
    HalfClosed,
    /// Both send at once.
    Both,
    /// The client goes away with data unread: a reset.
    Abort,
}

const SHAPES: [Shape; 4] = [Shape::Upload, Shape::HalfClosed, Shape::Both, Shape::Abort];

/// What the addresses of both versions begin with.
const NETS: [&str; 2] = ["10.1.0.", "2001:db8:7:1::"];

/// The next connection; none comes where the client's part of the handshake was lost for good.
fn accept(listener: &TcpListener) -> std::io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream.set_nonblocking(false).map(|()| stream),
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock || Instant::now() > deadline => {
                return Err(error);
            }
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

/// One connection; errors are for the caller to judge, as a bad wire may end one.
fn converse(client: &Namespace, listener: &TcpListener, shape: Shape, bytes: usize) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(10));
    let mut out = client.run(connect).map_err(std::io::Error::other)??;
    let mut inward = accept(listener)?;
    for stream in [&out, &inward] {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    }
    let data = vec![0x5a; bytes];
    let mut got = Vec::new();
    match shape {
        Shape::Upload => std::thread::scope(|scope| {
            let sender = scope.spawn(|| out.write_all(&data).and_then(|()| out.shutdown(Shutdown::Write)));
            inward.read_to_end(&mut got)?;
            sender.join().expect("the sender does not panic")
        })?,
        Shape::HalfClosed => {
            out.shutdown(Shutdown::Write)?;
            std::thread::scope(|scope| {
                let sender = scope.spawn(|| inward.write_all(&data).and_then(|()| inward.shutdown(Shutdown::Write)));
                out.read_to_end(&mut got)?;
                sender.join().expect("the sender does not panic")
            })?;
        }
        Shape::Both => std::thread::scope(|scope| {
            let (mut reader, mut writer) = (out.try_clone()?, inward.try_clone()?);
            let first = scope.spawn(|| out.write_all(&data).and_then(|()| out.shutdown(Shutdown::Write)));
            let second = scope
                .spawn(move || writer.write_all(&vec![0xa5; bytes]).and_then(|()| writer.shutdown(Shutdown::Write)));
            let third = scope.spawn(move || reader.read_to_end(&mut Vec::new()));
            inward.read_to_end(&mut got)?;
            for side in [first, second] {
                side.join().expect("the sender does not panic")?;
            }
            third.join().expect("the reader does not panic").map(drop)
        })?,
        Shape::Abort => {
            inward.write_all(&data[..bytes.min(20_000)])?;
            out.read_exact(&mut [0; 1])?;
            // Data unread at close: the kernel sends a reset (RFC 2525, 2.17).
            drop(out);
            while inward.write_all(&data).is_ok() {}
            return Ok(());
        }
    }
    if got.len() == bytes { Ok(()) } else { Err(std::io::Error::other(format!("{} of {bytes} bytes", got.len()))) }
}

/// The drops of an interface with reasons of state filtering: reason and packets.
fn refused(network: &Network<'_>, vni: &str) -> Vec<(String, u64)> {
    network.dropped(vni).unwrap().into_iter().filter(|(reason, _)| reason.starts_with(TCP_REASONS)).collect()
}

#[test]
fn e10_e13_real_stacks_over_bad_wires_are_never_taken_for_attackers() {
    let seed = pintle_lab::number("PINTLE_SEED").unwrap_or(1);
    println!("seed {seed}");
    let lab = Lab::with(&LabOptions { hosts: 2, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", "2001:db8:7::/56", "2001:db8:7:1::/64").unwrap();
    let guest = |host, last: u8| {
        let (four, six) = (format!("10.1.0.{last}"), format!("2001:db8:7:1::{last}"));
        network.guest_as(host, json!({ "subnet": subnet, "address": four, "addresses": [six] })).unwrap()
    };
    let ((client, client_vni), (near, near_vni), (far, far_vni)) = (guest("h1", 10), guest("h1", 11), guest("h2", 12));
    let order = Order::default();
    let behind = |instance: &str, last: u8, seed| {
        let four = wired(&format!("10.1.0.{last}"), "10.1.0.1", 24);
        let six = wired(&format!("2001:db8:7:1::{last}"), "fe80::1", 64);
        WiredGuest::watched(instance, &[four, six], BAD, seed, order.watch()).unwrap()
    };
    let out = behind(&client, 10, seed);
    let servers = [behind(&near, 11, seed + 1), behind(&far, 12, seed + 2)];
    let done_by_version = [AtomicU64::new(0), AtomicU64::new(0)];
    let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let carried = || out.wire.tally().received;
    let give_up = Instant::now() + Duration::from_secs(if segments() > 100_000 { 3600 } else { 30 });
    std::thread::scope(|scope| {
        for (at, (server, address)) in servers.iter().zip(["11", "12"]).enumerate() {
            // Each shape by both versions.
            for (lane, (shape, net)) in SHAPES.iter().flat_map(|shape| NETS.map(|net| (*shape, net))).enumerate() {
                let (done, failed, carried, client) = (&done, &failed, &carried, out.inside());
                let (inside, of_version) = (server.inside(), &done_by_version[lane % 2]);
                let address = format!("{net}{address}");
                let address = SocketAddr::new(address.parse::<IpAddr>().unwrap(), (9000 + at * 10 + lane) as u16);
                scope.spawn(move || {
                    let listener = inside.run(|| TcpListener::bind(address)).unwrap().unwrap();
                    while carried() < segments() && Instant::now() < give_up {
                        let complete = converse(&client, &listener, shape, 150_000).is_ok();
                        if complete { done } else { failed }.fetch_add(1, Ordering::Relaxed);
                        of_version.fetch_add(complete.into(), Ordering::Relaxed);
                    }
                });
            }
        }
    });
    let tally = out.wire.tally();
    println!(
        "{} connections, {} ended by the wire, {tally:?}",
        done.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed)
    );
    assert!(tally.received >= segments() && done.load(Ordering::Relaxed) > 10, "{tally:?}");
    assert!(tally.lost > 0 && tally.duplicated > 0 && tally.reordered > 0, "{tally:?}");
    assert!(done_by_version.iter().all(|done| done.load(Ordering::Relaxed) > 5), "{done_by_version:?}");
    // What a stack repeats is never further back than the largest window that it was offered, so nothing is taken from anybody
    // by refusing what is. A copy that the wire has held back can be, and a SYN that its client sends again may be overtaken
    // by the connection: their receiver refuses them too, so no more than these may be.
    let late = order.late();
    let all: Vec<(String, u64)> =
        [&client_vni, &near_vni, &far_vni].into_iter().flat_map(|vni| refused(&network, vni)).collect();
    println!("refused {all:?}; so late that their receiver refuses them: {late:?}");
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    all.iter().for_each(|(reason, packets)| *by_reason.entry(reason).or_default() += packets);
    by_reason.retain(|reason, packets| *packets > late.allowed(reason));
    assert!(by_reason.is_empty(), "seed {seed}: what a real stack sent was refused: {by_reason:?}");
}
