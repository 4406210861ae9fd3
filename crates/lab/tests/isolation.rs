//! Nobody is where they don't belong: tenants with the same addresses, and guests that send whatever they like.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use pintle_lab::{Lab, LabOptions, Network, ip};
use pintle_probe::Namespace;
use pintle_probe::echo::Echo;
use pintle_probe::inject::{Endpoint, FuzzFrames, Injector};
use pintle_probe::ping::ping;
use pintle_probe::stream::Stream;

/// How many threads of the hostile guest send at once.
const SENDERS: usize = 2;

/// Frames each way: `PINTLE_FRAMES`, or a million with `PINTLE_LONG=1`.
fn frames() -> usize {
    let long = std::env::var_os("PINTLE_LONG").is_some();
    pintle_lab::number("PINTLE_FRAMES").map_or(if long { 1_000_000 } else { 30_000 }, |frames| frames as usize)
}

fn mac(namespace: &str) -> [u8; 6] {
    let text = ip(&format!("-n {namespace} -j link show eth0")).unwrap();
    let link: serde_json::Value = serde_json::from_str(&text).unwrap();
    let parts: Vec<u8> =
        link[0]["address"].as_str().unwrap().split(':').map(|part| u8::from_str_radix(part, 16).unwrap()).collect();
    parts.try_into().unwrap()
}

struct Tenant {
    guests: Vec<String>,
}

impl Tenant {
    fn new(lab: &Lab) -> Tenant {
        let network = Network::new(&lab.api).unwrap();
        let subnet = network.subnet("10.1.0.0/24").unwrap();
        let place = |(host, address)| network.guest(host, &subnet, address).unwrap().0;
        let tenant =
            Tenant { guests: [("h1", "10.1.0.10"), ("h2", "10.1.0.11"), ("h3", "10.1.0.12")].map(place).to_vec() };
        // Fragments of which the rest never comes are given up soon: a guest tells their sender, its own neighbour, of it.
        for guest in &tenant.guests {
            for setting in ["net.ipv4.ipfrag_time=1", "net.ipv6.ip6frag_time=1"] {
                ip(&format!("netns exec {guest} sysctl -qw {setting}")).unwrap();
            }
        }
        tenant
    }
}

#[test]
fn i01_d13_tenants_with_the_same_addresses_on_three_hosts_never_meet() {
    let lab = Lab::with(&LabOptions { hosts: 3, ..LabOptions::default() }).unwrap();
    let tenants = [Tenant::new(&lab), Tenant::new(&lab)];
    for tenant in &tenants {
        for there in ["10.1.0.10", "10.1.0.11", "10.1.0.12"] {
            for guest in &tenant.guests {
                ping(&Namespace::named(guest), there.parse().unwrap(), Duration::from_secs(2)).unwrap();
            }
        }
    }
    // What a tenant's stream reaches is its own: the other's responder at the same address hears nothing.
    let echoes: Vec<Echo> =
        tenants.iter().map(|tenant| Echo::start(&Namespace::named(&tenant.guests[1]), "echo", 9000).unwrap()).collect();
    let there = Ipv4Addr::new(10, 1, 0, 11);
    let stream =
        Stream::start(&Namespace::named(&tenants[0].guests[0]), there, 9000, Duration::from_millis(1)).unwrap();
    stream.wait_answered(Duration::from_secs(2)).unwrap();
    assert!(echoes[0].total() > 0);
    assert_eq!(echoes[1].total(), 0);
    drop(stream);
    let seed = u64::from(std::process::id());
    for (from, to) in [(0, 1), (1, 0)] {
        hostile_frames_stay_inside(&tenants[from], &tenants[to], seed + from as u64);
    }
    for tenant in &tenants {
        ping(&Namespace::named(&tenant.guests[0]), there, Duration::from_secs(2)).expect("still alive after the storm");
    }
}

fn hostile_frames_stay_inside(sender: &Tenant, other: &Tenant, seed: u64) {
    let from = Endpoint::new(mac(&sender.guests[0]), Ipv4Addr::new(10, 1, 0, 10));
    let neighbour = Endpoint::new(mac(&sender.guests[1]), Ipv4Addr::new(10, 1, 0, 11));
    let gateway = Endpoint::new([0x0a, 0x50, 0x4c, 0, 0, 1], Ipv4Addr::new(10, 1, 0, 1));
    let victim = Endpoint::new(mac(&other.guests[0]), Ipv4Addr::new(10, 1, 0, 10));
    let far_victim = Endpoint::new(mac(&other.guests[2]), Ipv4Addr::new(10, 1, 0, 12));
    // What the others' own stacks ask for, and hear, is no frame of the sender: a neighbour that was in use may be asked again,
    // and what they sent before may yet be complained of.
    std::thread::sleep(Duration::from_secs(2));
    for guest in &other.guests {
        ip(&format!("-n {guest} neigh flush dev eth0")).unwrap();
    }
    let mut captures: Vec<Injector> =
        other.guests.iter().map(|guest| Injector::open(&Namespace::named(guest), "eth0").unwrap()).collect();
    let began = Instant::now();
    let send = |sender_number: usize| {
        let mut injector = Injector::open(&Namespace::named(&sender.guests[0]), "eth0").unwrap();
        let seed = seed + 1000 * sender_number as u64;
        let fuzz = FuzzFrames::between(seed, from, vec![neighbour, gateway, victim, far_victim]);
        injector.send_many(fuzz.take(frames() / SENDERS)).unwrap()
    };
    let sent: u64 = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                scope.spawn({
                    let send = &send;
                    move || send(number)
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    println!("{sent} frames sent in {:?}", began.elapsed());
    assert!(sent > frames() as u64 / 2, "seed {seed}: only {sent} frames could be sent");
    for (guest, capture) in other.guests.iter().zip(&mut captures) {
        let crossed = capture.recv(Duration::from_millis(200), |_| true).unwrap();
        assert_eq!(crossed, None, "seed {seed}: a frame crossed to {guest}");
    }
}
