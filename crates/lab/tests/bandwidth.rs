//! Limits as a user sets them: through the API, between two hosts, and what they are for: a busy neighbour of the same
//! instance does not make the important one late.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pintle_lab::{Api, Lab, Network, sh};
use pintle_probe::Namespace;
use pintle_probe::ping::Pinger;
use serde_json::{Value, json};

/// Bytes of a datagram's payload, and of the Ethernet frame that it is in.
const PAYLOAD: usize = 1400;
const FRAME: usize = PAYLOAD + 42;

/// How long limits are measured: 10 s with `PINTLE_LONG=1`.
fn period() -> Duration {
    Duration::from_secs(if std::env::var_os("PINTLE_LONG").is_some() { 10 } else { 2 })
}

/// Datagrams from one guest's address to another's, as fast as the socket takes them.
struct Load {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(from: (&str, Ipv4Addr, &str), to: (&str, Ipv4Addr)) -> Load {
        let receiver = Namespace::named(to.0).run(|| UdpSocket::bind((to.1, 0))).unwrap().unwrap();
        let target = receiver.local_addr().unwrap();
        let sender = Namespace::named(from.0).run(|| bound_to(from.2, (from.1, 0).into())).unwrap();
        let (received, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        receiver.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        sender.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let (count, end) = (received.clone(), stop.clone());
        let receive = move || {
            while !end.load(Ordering::Relaxed) {
                match receiver.recv(&mut [0; 2048]) {
                    Ok(_) => drop(count.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}")
                    }
                }
            }
        };
        let end = stop.clone();
        let send = move || {
            while !end.load(Ordering::Relaxed) {
                let _ = sender.send_to(&[0x5a; PAYLOAD], target);
            }
        };
        let threads = vec![std::thread::spawn(receive), std::thread::spawn(send)];
        Load { received, stop, threads }
    }

    /// How fast frames arrive within a time from now, in Mbit/s.
    fn rate(&self, time: Duration) -> f64 {
        let (start, before) = (Instant::now(), self.received.load(Ordering::Relaxed));
        std::thread::sleep(time);
        let frames = self.received.load(Ordering::Relaxed) - before;
        frames as f64 * FRAME as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e6
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// A socket that sends by one device only.
fn bound_to(device: &str, address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::BindToDevice, &device.into()).unwrap();
    socket
}

/// Judges a rate by one measurement, or by the median of three: a busy machine may spoil one.
fn assert_rate(mut measure: impl FnMut() -> f64, wanted: f64, what: &str) {
    let mut measured = measure();
    if (measured / wanted - 1.0).abs() > 0.05 {
        let mut three = [measured, measure(), measure()];
        three.sort_unstable_by(f64::total_cmp);
        measured = three[1];
    }
    let off = (measured / wanted - 1.0) * 100.0;
    println!("{what}: {measured:.1} Mbit/s, limit {wanted:.0} ({off:+.1} %)");
    assert!(off.abs() <= 5.0, "{what}: {measured:.1} Mbit/s instead of {wanted:.0} ({off:+.1} %)");
}

/// Sets an interface's limits and waits until its host has made them true.
fn limit(api: &Api, vni: &str, limits: Value) {
    let path = format!("/native/v1/virtual_network_interfaces/{vni}");
    api.call("PATCH", &path, Some(json!({ "limits": limits }))).unwrap();
    // The projector hears of it before anybody could look.
    std::thread::sleep(Duration::from_millis(100));
    let settled = |hosts: &Value| hosts["items"].as_array().unwrap().iter().all(|host| host["pending_entries"] == 0);
    api.wait(Duration::from_secs(10), "/native/v1/hosts", settled).unwrap();
    // Until what has waited in the old queue is through.
    std::thread::sleep(Duration::from_millis(400));
}

#[test]
fn j01_j10_limits_hold_between_two_hosts_and_change_while_traffic_flows() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.3.0.0/24").unwrap();
    let (here, vni) = network.guest("h1", &subnet, "10.3.0.10").unwrap();
    let (there, other) = network.guest("h2", &subnet, "10.3.0.11").unwrap();
    let (from, to) = (Ipv4Addr::new(10, 3, 0, 10), Ipv4Addr::new(10, 3, 0, 11));
    limit(&lab.api, &vni, json!({ "egress_kbps": 80_000 }));
    let load = Load::start((&here, from, "eth0"), (&there, to));
    std::thread::sleep(Duration::from_millis(300));
    assert_rate(|| load.rate(period()), 80.0, "what the interface sends");
    limit(&lab.api, &other, json!({ "ingress_kbps": 30_000 }));
    assert_rate(|| load.rate(period()), 30.0, "what the other one gets, by tunnel");
    limit(&lab.api, &other, json!({}));
    assert_rate(|| load.rate(period()), 80.0, "without the other one's limit");
}

#[test]
fn j09_a_busy_interface_does_not_make_the_important_one_of_its_instance_late() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.3.0.0/24").unwrap();
    let body = json!({ "vpc": network.vpc, "host": "h1", "namespace": { "made": true }, "bandwidth_kbps": 50_000 });
    let instance = lab.api.post("/native/v1/instances", body).unwrap()["id"].as_str().unwrap().to_owned();
    let (replication, bulk) = (Ipv4Addr::new(10, 3, 0, 20), Ipv4Addr::new(10, 3, 0, 21));
    for (address, priority) in [(replication, 0), (bulk, 7)] {
        let vni = network.vni(&subnet, &address.to_string()).unwrap();
        network.attach(&vni, &instance).unwrap();
        limit(&lab.api, &vni, json!({ "priority": priority }));
    }
    let there = Ipv4Addr::new(10, 3, 0, 22);
    let (other, _) = network.guest("h2", &subnet, &there.to_string()).unwrap();
    // The first interface has the default route and the subnet's first route: questions leave by it.
    let mut pinger = Pinger::open(&Namespace::named(&instance), there).unwrap();
    let mut p99 = || {
        let times = (0..200).map(|_| pinger.once(Duration::from_secs(1)).unwrap().rtt);
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        times[197]
    };
    p99();
    let quiet = p99();
    let load = Load::start((&instance, bulk, "eth1"), (&other, there));
    std::thread::sleep(Duration::from_millis(300));
    let mut busy = [p99(), p99(), p99()];
    busy.sort_unstable();
    let busy = busy[1];
    println!("p99 of a round trip: {quiet:?} alone, {busy:?} beside bulk");
    assert_rate(|| load.rate(period()), 50.0, "the instance");
    assert!(busy < quiet + Duration::from_millis(20), "{busy:?} instead of {quiet:?}");
}

#[test]
fn j02_every_limited_interface_has_a_queue_of_a_size_that_it_never_exceeds() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.3.0.0/24").unwrap();
    let (here, vni) = network.guest("h1", &subnet, "10.3.0.10").unwrap();
    let (there, _) = network.guest("h2", &subnet, "10.3.0.11").unwrap();
    limit(&lab.api, &vni, json!({ "egress_kbps": 10_000, "ingress_kbps": 10_000 }));
    let namespace = &lab.hosts[0].namespace;
    let disciplines = || -> Vec<Value> {
        let text = sh("tc", &["-n", namespace, "-s", "-j", "qdisc", "show"]).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let of_kind = |kind: &str| -> Vec<Value> {
        disciplines().into_iter().filter(|discipline| discipline["kind"] == kind).collect()
    };
    let classes = |device: &str| sh("tc", &["-n", namespace, "class", "show", "dev", device]).unwrap();
    let trees = of_kind("htb");
    assert_eq!(trees.len(), 2, "a tree for each direction: {trees:?}");
    for tree in &trees {
        let device = tree["dev"].as_str().unwrap();
        let text = classes(device);
        // A class that is no other's parent is a leaf, and has a queue.
        let leaves = text.lines().filter(|line| line.contains("leaf")).count();
        let queues = of_kind("bfifo").iter().filter(|queue| queue["dev"] == device).count();
        assert!(leaves > 0 && queues == leaves, "{device}: {queues} queues for {leaves} leaves of\n{text}");
    }
    let load = Load::start((&here, Ipv4Addr::new(10, 3, 0, 10), "eth0"), (&there, Ipv4Addr::new(10, 3, 0, 11)));
    let (mut fullest, mut dropped) = (0, 0);
    let deadline = Instant::now() + Duration::from_secs(10);
    while (fullest == 0 || dropped == 0) && Instant::now() < deadline {
        for queue in of_kind("bfifo") {
            let limit = queue["options"]["limit"].as_u64().unwrap_or_else(|| panic!("{queue}"));
            let backlog = queue["backlog"].as_u64().unwrap_or_else(|| panic!("{queue}"));
            assert!(backlog <= limit, "more waits than may: {queue}");
            fullest = fullest.max(backlog);
            dropped = dropped.max(queue["drops"].as_u64().unwrap_or_default());
        }
    }
    assert!(fullest > 0 && dropped > 0, "the queue was in the way: {fullest} bytes at most, {dropped} dropped");
    drop(load);
}
