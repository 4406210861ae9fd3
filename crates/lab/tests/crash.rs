//! Killed at any moment: packets go on, nothing is written that need not be, everything converges, nothing leaks.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use pintle_lab::{Footprint, Lab, Network, ip, sh};
use pintle_probe::Namespace;
use pintle_probe::echo::Echo;
use pintle_probe::ping::ping;
use pintle_probe::stream::Stream;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// How often; `PINTLE_LONG=1` makes it what the product promises.
fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("PINTLE_LONG").is_some() { long } else { short }
}

fn host_id(lab: &Lab, name: &str) -> String {
    lab.api.get(&format!("/native/v1/hosts/{name}")).unwrap()["id"].as_str().unwrap().to_owned()
}

/// What of the data plane a needless write would change: programs, links and maps by id, and every entry.
fn data_plane(lab: &Lab) -> Vec<String> {
    let mut all = Vec::new();
    for host in &lab.hosts {
        let id = host_id(lab, &host.name);
        for pin in sh("find", &[&format!("/sys/fs/bpf/pintle/{id}"), "-type", "f"]).unwrap().lines() {
            let kind = match pin {
                _ if pin.contains("/links/") => "link",
                _ if pin.contains("/programs/") => "prog",
                _ => "map",
            };
            let shown = sh("bpftool", &[kind, "show", "pinned", pin]).unwrap();
            // The first line has the kernel's id and the program's: a link or program that was made again has another.
            all.push(format!("{pin}: {}", shown.lines().next().unwrap_or_default()));
        }
        all.push(ip(&format!("-n {} -o link show", host.namespace)).unwrap());
    }
    all.sort();
    all
}

#[test]
fn r10_a25_killing_agent_server_or_both_loses_no_packet_and_writes_nothing() {
    let mut lab = Lab::start().unwrap();
    let (near, far) = {
        let network = Network::new(&lab.api).unwrap();
        let subnet = network.subnet("10.1.0.0/24").unwrap();
        (network.guest("h1", &subnet, "10.1.0.10").unwrap().0, network.guest("h2", &subnet, "10.1.0.20").unwrap().0)
    };
    let _echo = Echo::start(&Namespace::named(&far), "far", 9000).unwrap();
    let there = Ipv4Addr::new(10, 1, 0, 20);
    let stream = Stream::start(&Namespace::named(&near), there, 9000, Duration::from_millis(1)).unwrap();
    stream.wait_answered(PATIENCE).unwrap();
    let (from, before) = (stream.mark(), data_plane(&lab));
    for round in 0..rounds(6, 51) {
        if round % 3 != 1 {
            lab.hosts[round % 2].kill_agent();
        }
        if round % 3 != 0 {
            lab.kill_server();
            lab.start_server().unwrap();
        }
        if round % 3 != 1 {
            lab.hosts[round % 2].start_agent().unwrap();
        }
        lab.wait_for_server().unwrap();
        lab.wait_for_agents().unwrap();
    }
    let settled = |hosts: &Value| hosts["items"].as_array().unwrap().iter().all(|host| host["pending_entries"] == 0);
    lab.api.wait(PATIENCE, "/native/v1/hosts", settled).unwrap();
    let report = stream.report(from, stream.mark());
    assert_eq!(report.lost, 0, "{report:?}\n{}", lab.logs());
    assert_eq!(data_plane(&lab), before, "a restart that finds nothing changed writes nothing");
}

/// A small generator of pseudo-random numbers: the seed is in every failure.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn r01_b16_killed_in_the_middle_of_attach_move_and_delete_everything_converges_and_nothing_leaks() {
    let mut lab = Lab::start().unwrap();
    let api = lab.client().unwrap();
    let network = Network::new(&api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (keepers, vnis): (Vec<String>, Vec<String>) = [("h1", "10.1.0.10"), ("h2", "10.1.0.11")]
        .map(|(host, address)| network.guest(host, &subnet, address).unwrap())
        .into_iter()
        .unzip();
    let ids = ["h1", "h2"].map(|name| host_id(&lab, name));
    let footprints = |lab: &Lab| [0, 1].map(|at| Footprint::of(&lab.hosts[at], &ids[at], &network).unwrap());
    let before = footprints(&lab);
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    for round in 0..rounds(8, 200) {
        let address = format!("10.1.0.{}", 20 + round % 200);
        let vni = network.vni(&subnet, &address).unwrap();
        let places = ["h1", "h2"].map(|host| network.instance(host).unwrap());
        let what = dice.roll(3);
        if what > 0 {
            network.attach(&vni, &places[0]).unwrap();
        }
        let (action, body) = match what {
            0 => ("attach", json!({ "instance": places[0] })),
            1 => ("move", json!({ "to": places[1], "wait": false })),
            _ => ("detach", json!({})),
        };
        api.post(&format!("/native/v1/virtual_network_interfaces/{vni}/actions/{action}"), body).unwrap();
        std::thread::sleep(Duration::from_micros(dice.roll(8000)));
        let victim = dice.roll(4) as usize;
        match victim {
            0 | 1 => lab.hosts[victim].kill_agent(),
            2 => lab.kill_server(),
            _ => {
                lab.kill_server();
                lab.hosts[0].kill_agent();
            }
        }
        if lab.server.is_none() {
            lab.start_server().unwrap();
        }
        for host in &mut lab.hosts {
            if host.agent.is_none() {
                host.start_agent().unwrap();
            }
        }
        lab.wait_for_server().unwrap();
        lab.wait_for_agents().unwrap();
        let context = format!("seed {seed}, round {round}: {action}, victim {victim}");
        converge(&lab, &network, &vni, &places, &keepers[1], &address, what, &context);
        let after = footprints(&lab);
        assert_eq!(after, before, "{context}\n{}", lab.logs());
    }
    drop(vnis);
    let left = lab.api.get(&format!("/v1/subnets/{subnet}/reserved_ips?limit=100")).unwrap();
    assert_eq!(left["reserved_ips"].as_array().unwrap().len(), 5 + 2, "seed {seed}: addresses leaked: {left}");
}

/// Waits for the end of what was begun, checks that it works, and takes it all away again.
#[allow(clippy::too_many_arguments)]
fn converge(
    lab: &Lab,
    network: &Network<'_>,
    vni: &str,
    places: &[String; 2],
    keeper: &str,
    address: &str,
    what: u64,
    context: &str,
) {
    let path = format!("/native/v1/virtual_network_interfaces/{vni}");
    let quiet = |shown: &Value| {
        let there = what < 2;
        shown["move"].is_null() && shown["lifecycle"] == "stable" && shown["attachment"].is_null() != there
    };
    let shown =
        lab.api.wait(PATIENCE, &path, quiet).unwrap_or_else(|error| panic!("{context}: {error}\n{}", lab.logs()));
    if what < 2 {
        assert!(!shown["attachment"].is_null(), "{context}: {shown}");
        let deadline = Instant::now() + PATIENCE;
        while ping(&Namespace::named(keeper), address.parse().unwrap(), Duration::from_millis(100)).is_err() {
            assert!(Instant::now() < deadline, "{context}: it does not answer: {shown}\n{}", lab.logs());
        }
        network.detach(vni).unwrap();
    }
    lab.api
        .delete(&format!("/v1/virtual_network_interfaces/{vni}"))
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    for place in places {
        network.delete_instance(place).unwrap_or_else(|error| panic!("{context}: {error}\n{}", lab.logs()));
    }
    let settled = |hosts: &Value| hosts["items"].as_array().unwrap().iter().all(|host| host["pending_entries"] == 0);
    lab.api.wait(PATIENCE, "/native/v1/hosts", settled).unwrap();
}

#[test]
fn r02_drift_is_noticed_repaired_and_reported_within_five_seconds() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (near, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (far, _) = network.guest("h2", &subnet, "10.1.0.20").unwrap();
    let there = Ipv4Addr::new(10, 1, 0, 10);
    let host = &lab.hosts[0];
    let id = host_id(&lab, "h1");
    let device = ip(&format!("-n {} -o link show", host.namespace)).unwrap();
    let device = device.lines().find_map(|line| line.split(": ").nth(1).filter(|name| name.starts_with("pt"))).unwrap();
    let device = device.split('@').next().unwrap().to_owned();
    let reachable = || ping(&Namespace::named(&far), there, Duration::from_millis(100)).is_ok();
    assert!(reachable());
    let pins = sh("find", &[&format!("/sys/fs/bpf/pintle/{id}"), "-type", "f"]).unwrap();
    let endpoints = pins.lines().find(|pin| pin.contains("/endpoints")).unwrap().to_owned();
    let mine = entry_of(&endpoints, there);
    let index = ip(&format!("-n {} -o link show {device}", host.namespace)).unwrap();
    let index = index.split(':').next().unwrap().to_owned();
    let link = pins.lines().find(|pin| pin.ends_with(&format!("/{index}_from_port"))).unwrap().to_owned();
    type Damage<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let damages: Vec<Damage<'_>> = vec![
        (
            "map entry",
            Box::new(|| {
                let mut words = vec!["map", "delete", "pinned", &endpoints, "key", "hex"];
                words.extend(mine.iter().map(String::as_str));
                sh("bpftool", &words).unwrap();
            }),
        ),
        ("program", Box::new(|| drop(sh("bpftool", &["link", "detach", "pinned", &link]).unwrap()))),
        ("route", Box::new(|| drop(ip(&format!("-n {near} route del default")).unwrap()))),
        ("device", Box::new(|| drop(ip(&format!("-n {} link del {device}", host.namespace)).unwrap()))),
    ];
    for (what, damage) in damages {
        let known = lab.api.get("/native/v1/drift").unwrap()["total"].as_u64().unwrap();
        damage();
        let began = Instant::now();
        lab.api
            .wait(Duration::from_secs(5), "/native/v1/drift", |drift| drift["total"].as_u64().unwrap() > known)
            .unwrap_or_else(|error| panic!("{what}: not reported: {error}\n{}", lab.logs()));
        while !reachable() || !ip(&format!("-n {near} route show default")).unwrap().contains("10.1.0.1") {
            assert!(began.elapsed() < Duration::from_secs(5), "{what}: not repaired\n{}", lab.logs());
        }
        println!("{what}: repaired after {:?}", began.elapsed());
    }
}

/// The bytes of the key of an address in the endpoints map, as bpftool takes them.
fn entry_of(pin: &str, address: Ipv4Addr) -> Vec<String> {
    let dump: Value = serde_json::from_str(&sh("bpftool", &["-j", "map", "dump", "pinned", pin]).unwrap()).unwrap();
    let wanted: Vec<String> = address.octets().iter().map(|octet| format!("0x{octet:02x}")).collect();
    let keys = dump.as_array().unwrap().iter().map(|entry| {
        let bytes = entry["key"].as_array().unwrap().iter();
        bytes.map(|byte| byte.as_str().unwrap().to_owned()).collect::<Vec<String>>()
    });
    let key = keys.into_iter().find(|key| key.ends_with(&wanted)).expect("the address has an entry");
    key.iter().map(|byte| byte.trim_start_matches("0x").to_owned()).collect()
}
