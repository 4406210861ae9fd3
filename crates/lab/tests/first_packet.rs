//! Nothing that the policy refuses passes a new interface, not even its first packet: attached over and over under fire.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use pintle_lab::policy::mac;
use pintle_lab::{Api, Lab, Network};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, Mac, build};
use serde_json::json;

/// UDP ports that no rule and one rule of the victim's group is about.
const REFUSED: u16 = 7;
const PERMITTED: u16 = 9;

/// Interfaces that are attached and detached at the same time.
const VICTIMS: u8 = 4;
/// Frames that one system call sends.
const BATCH: usize = 128;

/// How often interfaces are attached, all together: `PINTLE_ROUNDS`, or ten thousand times with `PINTLE_LONG=1`.
fn rounds() -> u64 {
    let long = std::env::var_os("PINTLE_LONG").is_some();
    pintle_lab::number("PINTLE_ROUNDS").unwrap_or(if long { 10_000 } else { 100 })
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

/// One interface that is attached over and over, and what came in meanwhile.
struct Victim {
    instance: String,
    vni: String,
    mac: Mac,
    address: Ipv4Addr,
    /// What passed although no rule permits it.
    passed: AtomicU64,
    permitted: AtomicU64,
    /// In how many rounds it could be reached.
    reached: AtomicU64,
}

impl Victim {
    fn new(network: &Network<'_>, subnet: &str, group: &str, number: u8) -> Victim {
        let address = Ipv4Addr::new(10, 1, 0, 20 + number);
        let (instance, vni) = network.guest_in("h1", subnet, &address.to_string(), &[group]).unwrap();
        let mac = mac(&instance).unwrap();
        network.detach(&vni).unwrap();
        let zero = || AtomicU64::new(0);
        Victim { instance, vni, mac, address, passed: zero(), permitted: zero(), reached: zero() }
    }

    /// Counts what comes in by any device of the guest.
    fn watch(&self, stop: &AtomicBool) {
        let inside = all_devices(&self.instance);
        let mut buffer = [0; 256];
        while !stop.load(Ordering::Relaxed) {
            let Ok(length) = recv(inside.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
            match port_of(&buffer[..length]) {
                Some(REFUSED) => self.passed.fetch_add(1, Ordering::Relaxed),
                Some(PERMITTED) => self.permitted.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
        }
    }

    fn come_and_go(&self, api: &Api, times: u64) -> anyhow::Result<()> {
        let action = |action: &str, body| {
            let path = format!("/native/v1/virtual_network_interfaces/{}/actions/{action}?wait=30", self.vni);
            let (status, answer) = api.raw("POST", &path, Some(body))?;
            anyhow::ensure!(status == 200, "{action} {} is not done within its time: {status} {answer}", self.vni);
            Ok(())
        };
        for _ in 0..times {
            let before = self.permitted.load(Ordering::Relaxed);
            action("attach", json!({ "instance": self.instance }))?;
            // Under fire something permitted comes at once, where the processors are not busy elsewhere.
            let deadline = Instant::now() + Duration::from_secs(1);
            while self.permitted.load(Ordering::Relaxed) == before && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(200));
            }
            action("detach", json!({}))?;
            self.reached.fetch_add((self.permitted.load(Ordering::Relaxed) > before).into(), Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Both kinds of frames to every victim, as fast as the device takes them.
fn fire(guest: &str, last: u8, victims: &[Victim], stop: &AtomicBool) -> u64 {
    let own = mac(guest).unwrap();
    let from = Ipv4Addr::new(10, 1, 0, last);
    let mut injector = Injector::open(&Namespace::named(guest), "eth0").unwrap();
    let to = |victim: &Victim, port| {
        let packet = build::udp((from, 40_000), (victim.address, port), b"shot");
        build::ethernet(own, victim.mac, 0x0800, &packet)
    };
    let round: Vec<Vec<u8>> =
        victims.iter().flat_map(|victim| [REFUSED, PERMITTED].map(|port| to(victim, port))).collect();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        sent += injector.send_many(round.iter().cycle().take(BATCH).cloned()).unwrap_or(0);
    }
    sent
}

#[test]
fn d19_pain_06_no_attach_has_a_moment_without_its_policy() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let strict = network.group_of(&["udp/9 from any"]).unwrap();
    let (near, _) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    let (far, _) = network.guest("h2", &subnet, "10.1.0.67").unwrap();
    let victims: Vec<Victim> = (0..VICTIMS).map(|number| Victim::new(&network, &subnet, &strict, number)).collect();
    let clients: Vec<Api> = victims.iter().map(|_| lab.client().unwrap()).collect();
    let stop = &AtomicBool::new(false);
    let (began, each) = (Instant::now(), rounds().div_ceil(u64::from(VICTIMS)));
    let (done, sent) = std::thread::scope(|scope| {
        // At line rate, from before there is anybody to receive.
        let guns = [(&near, 66), (&far, 67)].map(|(guest, last)| {
            scope.spawn({
                let victims = &victims;
                move || fire(guest, last, victims, stop)
            })
        });
        victims.iter().for_each(|victim| drop(scope.spawn(move || victim.watch(stop))));
        let attaching: Vec<_> = victims
            .iter()
            .zip(clients)
            .map(|(victim, api)| scope.spawn(move || victim.come_and_go(&api, each)))
            .collect();
        let done: Vec<anyhow::Result<()>> = attaching.into_iter().map(|thread| thread.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        (done, guns.into_iter().map(|gun| gun.join().unwrap()).sum::<u64>())
    });
    done.into_iter().for_each(|done| done.unwrap());
    let sum = |count: fn(&Victim) -> &AtomicU64| -> u64 {
        victims.iter().map(|victim| count(victim).load(Ordering::Relaxed)).sum()
    };
    let (all, reached) = (each * u64::from(VICTIMS), sum(|victim| &victim.reached));
    let permitted = sum(|victim| &victim.permitted);
    println!("{sent} sent, {permitted} permitted arrived, in {reached} of {all} rounds, {:?}", began.elapsed());
    assert!(reached > all * 9 / 10, "nearly each time it could be reached: {reached} of {all}");
    assert_eq!(sum(|victim| &victim.passed), 0, "of {sent} sent");
}
