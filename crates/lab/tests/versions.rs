//! A policy is exchanged whole: no packet, and no two packets one after the other, meet parts of two versions.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pintle_lab::policy::mac;
use pintle_lab::{Lab, LabOptions, Network};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use serde_json::json;

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 10);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 20);
/// UDP ports that the first version permits and those that the second one does. One packet to each in turn is a version's mark.
const PORTS: [u16; 8] = [1001, 2001, 1002, 2002, 1003, 2003, 1004, 2004];
const SWITCHES: usize = 20;

/// The version that permits a port.
fn version_of(port: u16) -> usize {
    usize::from(port >= 2000)
}

/// A packet to each port in turn, from new ports of the sender, so that each is judged for itself; with a number.
fn packet(number: u32) -> Vec<u8> {
    let port = PORTS[number as usize % PORTS.len()];
    let source = 1024 + (number / PORTS.len() as u32 % 60_000) as u16;
    build::udp((SENDER, source), (RECEIVER, port), &number.to_be_bytes())
}

/// Switches between the versions while packets flow, and says which version each packet met, in order. `first`: the number of
/// the first packet, so that none belongs to a flow of an earlier run.
fn versions_met(ends: [&str; 2], first: u32, mut switch: impl FnMut(usize)) -> Vec<usize> {
    let [sender, receiver] = ends;
    let macs = (mac(sender).unwrap(), mac(receiver).unwrap());
    let mut injector = Injector::open(&Namespace::named(sender), "eth0").unwrap();
    let mut capture = Injector::open(&Namespace::named(receiver), "eth0").unwrap();
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut number = first;
            while !stop.load(Ordering::Relaxed) {
                injector.send(&build::ethernet(macs.0, macs.1, 0x0800, &packet(number))).unwrap();
                number += 1;
                // Slow enough that nothing is lost for want of room: a loss would look like a refusal.
                std::thread::sleep(Duration::from_micros(20));
            }
            number - first
        });
        for round in 1..=SWITCHES {
            std::thread::sleep(Duration::from_millis(60));
            switch(round % 2);
        }
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
        sending.join().unwrap()
    });
    let mut arrived = vec![false; sent as usize];
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        let numbered = |frame: &[u8]| frame.get(23) == Some(&17) && frame.len() >= 46;
        let Some(frame) = capture.recv(Duration::from_millis(200), numbered).unwrap() else { break };
        let number = u32::from_be_bytes(frame[42..46].try_into().unwrap());
        let place = arrived
            .get_mut(number.wrapping_sub(first) as usize)
            .filter(|_| frame[14..14 + packet(number).len()] == packet(number));
        *place.expect("a packet that was sent") = true;
    }
    assert_eq!(capture.counters().unwrap().missed, 0, "the capture missed nothing");
    let met = |(number, arrived): (usize, bool)| {
        let of_port = version_of(PORTS[(first as usize + number) % PORTS.len()]);
        if arrived { of_port } else { 1 - of_port }
    };
    arrived.into_iter().enumerate().map(met).collect()
}

/// Each packet met one version whole: so many changes of version as switches, and no packet in between.
fn assert_switched(met: &[usize], what: &str) {
    let changes: Vec<usize> = (1..met.len()).filter(|at| met[*at] != met[*at - 1]).collect();
    let close: Vec<(usize, &[usize])> =
        changes.windows(2).filter(|pair| pair[1] - pair[0] < 8).map(|pair| (pair[0], &met[pair[0]..pair[1]])).collect();
    println!("{what}: {} packets met {} changes of version", met.len(), changes.len());
    assert!(close.is_empty(), "{what}: versions were mixed at {close:?}");
    assert_eq!(changes.len(), SWITCHES, "{what}: one change for each switch, at {changes:?}");
}

#[test]
fn n03_no_packet_meets_a_mix_of_two_policy_versions() {
    let agent_options = ["--max-flows", "262144", "--flows-per-interface", "200000"].map(str::to_owned).to_vec();
    let lab = Lab::with(&LabOptions { hosts: 1, agent_options, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let rules = |version: usize, way: &str| -> Vec<String> {
        let ports = PORTS.into_iter().filter(|port| version_of(*port) == version);
        ports.map(|port| format!("udp/{port} {way} any")).collect()
    };
    let group = |rules: &[String]| network.group_of(&rules.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let versions = [0, 1].map(|version| group(&rules(version, "from")));
    let (sender, _) = network.guest_in("h1", &subnet, &SENDER.to_string(), &[&open]).unwrap();
    let (receiver, vni) = network.guest_in("h1", &subnet, &RECEIVER.to_string(), &[&versions[0]]).unwrap();
    let ends = [sender.as_str(), receiver.as_str()];

    // Another set of groups.
    let met = versions_met(ends, 0, |version| {
        network.act(&vni, "set_security_groups", json!({ "security_groups": [versions[version]] })).unwrap();
    });
    assert_switched(&met, "another group");

    // Other rules in the group: four go, four come.
    let met = versions_met(ends, 30_000 * PORTS.len() as u32, |version| {
        let path = format!("/native/v1/security_groups/{}/actions/change_rules", versions[0]);
        lab.api.post(&path, json!({ "set": rules(version, "from") })).unwrap();
    });
    assert_switched(&met, "other rules");
}

#[test]
fn a_lab_with_server_and_agent_in_one_process_leaves_nothing() {
    let (id, guest) = {
        let lab = Lab::with(&LabOptions { hosts: 0, together: true, ..LabOptions::default() }).unwrap();
        let path = "/native/v1/hosts/together";
        let host = lab.api.wait(Duration::from_secs(30), path, |host| host["connected"] == true).unwrap();
        let network = Network::new(&lab.api).unwrap();
        let subnet = network.subnet("10.1.0.0/24").unwrap();
        let (guest, _) = network.guest("together", &subnet, "10.1.0.10").unwrap();
        (host["id"].as_str().unwrap().to_owned(), guest)
    };
    assert!(!std::path::Path::new("/run/netns").join(guest).exists());
    assert!(!std::path::Path::new("/sys/fs/bpf/pintle").join(id).exists());
}
