//! Nothing that the policy refuses passes a new interface, not even its first packet: attached over and over under fire.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use pintle_lab::policy::mac;
use pintle_lab::{Lab, Network};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};

/// UDP ports that no rule and one rule of the victim's group is about.
const REFUSED: u16 = 7;
const PERMITTED: u16 = 9;

/// How often it is attached; `PINTLE_LONG=1` makes it ten thousand.
fn rounds() -> u64 {
    if std::env::var_os("PINTLE_LONG").is_some() { 10_000 } else { 100 }
}

/// A packet socket for all devices of a namespace, also those that are yet to come.
fn all_devices(guest: &str) -> OwnedFd {
    let open = || {
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll).unwrap();
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(50)).unwrap();
        fd
    };
    Namespace::named(guest).run(open).unwrap()
}

/// The destination port, if it is UDP over IPv4.
fn port_of(frame: &[u8]) -> Option<u16> {
    let udp = frame.get(12..14)? == [8, 0] && *frame.get(23)? == 17;
    udp.then(|| frame.get(36..38).map(|port| u16::from_be_bytes([port[0], port[1]])))?
}

#[test]
fn d19_pain_06_no_attach_has_a_moment_without_its_policy() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let strict = network.group_of(&["udp/9 from any"]).unwrap();
    let (near, _) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    let (far, _) = network.guest("h2", &subnet, "10.1.0.67").unwrap();
    let (victim, vni) = network.guest_in("h1", &subnet, "10.1.0.20", &[&strict]).unwrap();
    let there = mac(&victim).unwrap();
    network.detach(&vni).unwrap();
    let inside = all_devices(&victim);
    let stop = AtomicBool::new(false);
    let (sent, passed, permitted) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let mut reached = 0;
    std::thread::scope(|scope| {
        // At line rate, from before there is anybody to receive.
        for (guest, last) in [(&near, 66), (&far, 67)] {
            let own = mac(guest).unwrap();
            let mut injector = Injector::open(&Namespace::named(guest), "eth0").unwrap();
            let frames = [REFUSED, PERMITTED].map(|port| {
                let (from, to) = (Ipv4Addr::new(10, 1, 0, last), Ipv4Addr::new(10, 1, 0, 20));
                build::ethernet(own, there, 0x0800, &build::udp((from, 40_000), (to, port), b"shot"))
            });
            let (stop, sent) = (&stop, &sent);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    for frame in &frames {
                        sent.fetch_add(injector.send(frame).is_ok().into(), Ordering::Relaxed);
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut buffer = [0; 256];
            while !stop.load(Ordering::Relaxed) {
                let Ok(length) = recv(inside.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
                match port_of(&buffer[..length]) {
                    Some(REFUSED) => passed.fetch_add(1, Ordering::Relaxed),
                    Some(PERMITTED) => permitted.fetch_add(1, Ordering::Relaxed),
                    _ => 0,
                };
            }
        });
        let mut all = || -> anyhow::Result<()> {
            for _ in 0..rounds() {
                let before = permitted.load(Ordering::Relaxed);
                network.attach(&vni, &victim)?;
                std::thread::sleep(Duration::from_millis(2));
                network.detach(&vni)?;
                reached += u64::from(permitted.load(Ordering::Relaxed) > before);
            }
            Ok(())
        };
        let done = all();
        stop.store(true, Ordering::Relaxed);
        done.unwrap();
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!("{} sent, {} permitted arrived, in {reached} of {} rounds", count(&sent), count(&permitted), rounds());
    assert!(reached > rounds() * 9 / 10, "each time it could be reached: {reached}");
    assert_eq!(count(&passed), 0, "of {} sent", count(&sent));
}
