//! Where on its way a packet was dropped: each stage answers for its own drops, and only for them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use pintle_lab::internet::{FAR, POOL};
use pintle_lab::policy::mac;
use pintle_lab::{Lab, LabOptions, Network};
use pintle_probe::Namespace;
use pintle_probe::inject::{BROADCAST, Injector, Mac, build};
use serde_json::{Value, json};

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 10);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 20);
const GATEWAY: Mac = [0x0a, 0x50, 0x4c, 0, 0, 1];
/// Frames for each stage.
const TIMES: u64 = 7;
/// Flows that an interface may open here.
const QUOTA: u16 = 50;

/// Drops by interface (empty: the host itself), stage and reason.
type Totals = BTreeMap<(String, String, String), u64>;

fn totals(lab: &Lab) -> Totals {
    let mut totals = Totals::new();
    let answer = lab.api.get("/native/v1/drops").unwrap();
    for total in answer["hosts"].as_array().unwrap().iter().flat_map(|host| host["totals"].as_array().unwrap()) {
        let text = |pointer: &str| total.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = (text("/virtual_network_interface/id"), text("/reason/stage"), text("/reason/code"));
        *totals.entry(key).or_default() += total["packets"].as_u64().unwrap();
    }
    totals
}

/// Sends, and says what was dropped for it and where. What guests' stacks say by themselves (IPv6) is left out.
fn dropped_by(lab: &Lab, send: impl FnOnce()) -> Totals {
    let before = totals(lab);
    send();
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let mut new = totals(lab);
        for (key, count) in &mut new {
            *count -= before.get(key).copied().unwrap_or_default();
        }
        new.retain(|(_, _, reason), count| *count > 0 && reason != "ipv6_not_enabled");
        if new.values().sum::<u64>() >= TIMES || Instant::now() > deadline {
            return new;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn k11_every_drop_is_put_down_to_its_stage_its_direction_and_its_interface() {
    let agent_options =
        ["--max-flows", "4096", "--flows-per-interface", &QUOTA.to_string()].map(str::to_owned).to_vec();
    let lab = Lab::with(&LabOptions { internet: true, agent_options, ..LabOptions::default() }).unwrap();
    lab.api.post("/native/v1/public_pools", json!({ "zone": "local-1", "cidrs": [POOL] })).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    // A way out, which the sender's subnet may not use.
    lab.api.post("/native/v1/public_gateways", json!({ "vpc": network.vpc, "zone": "local-1", "host": "h1" })).unwrap();
    let sends = network.group_of(&["any from any", "udp/1-999 to any", "tcp to any", "icmp to any"]).unwrap();
    let takes = network.group_of(&["udp/100-999 from any", "tcp from any", "any to any"]).unwrap();
    let (sender, sender_vni) = network.guest_in("h1", &subnet, &SENDER.to_string(), &[&sends]).unwrap();
    let (receiver, receiver_vni) = network.guest_in("h1", &subnet, &RECEIVER.to_string(), &[&takes]).unwrap();
    let (own, there) = (mac(&sender).unwrap(), mac(&receiver).unwrap());
    let mut injector = Injector::open(&Namespace::named(&sender), "eth0").unwrap();

    let to = |mac: Mac, packet: Vec<u8>| build::ethernet(own, mac, 0x0800, &packet);
    let udp = |source: Ipv4Addr, target: Ipv4Addr, port: u16| build::udp((source, 5000), (target, port), b"x");
    let stray = build::tcp((SENDER, 5000), (RECEIVER, 9000), 1, 1, 16, b"");
    let who_has = build::arp(1, (own, SENDER), ([0; 6], Ipv4Addr::new(10, 1, 0, 99)));
    let cases: Vec<(&str, &str, &str, Vec<u8>)> = vec![
        (&sender_vni, "parse", "vlan_tagged", build::vlan(&to(there, udp(SENDER, RECEIVER, 100)), 0x8100, 5)),
        (&sender_vni, "anti_spoof", "spoofed_src_ip", to(there, udp(Ipv4Addr::new(10, 1, 0, 66), RECEIVER, 100))),
        (&sender_vni, "arp", "arp_unknown_target", build::ethernet(own, BROADCAST, 0x0806, &who_has)),
        (&sender_vni, "forward", "no_route", to(GATEWAY, udp(SENDER, Ipv4Addr::new(10, 1, 0, 99), 100))),
        // Towards the guest is ingress, from it egress: the receiver's gate, and the sender's.
        (&sender_vni, "policy", "policy_egress_denied", to(there, udp(SENDER, RECEIVER, 2000))),
        (&receiver_vni, "policy", "policy_ingress_denied", to(there, udp(SENDER, RECEIVER, 50))),
        (&sender_vni, "state", "tcp_no_connection", to(there, stray)),
        (&sender_vni, "nat", "no_public_address", to(GATEWAY, udp(SENDER, FAR, 100))),
    ];
    let mut stages = Vec::new();
    for (vni, stage, reason, frame) in cases {
        let dropped = dropped_by(&lab, || {
            for _ in 0..TIMES {
                injector.send(&frame).unwrap();
            }
        });
        let expected = Totals::from([((vni.to_owned(), stage.to_owned(), reason.to_owned()), TIMES)]);
        assert_eq!(dropped, expected, "what is wrong in the {stage} stage");
        stages.push(stage);
    }

    let dropped = dropped_by(&lab, || {
        for port in 0..QUOTA + TIMES as u16 {
            injector.send(&to(there, build::udp((SENDER, 6000 + port), (RECEIVER, 100), b"x"))).unwrap();
        }
    });
    let quota = (sender_vni.clone(), "flow".to_owned(), "flow_quota".to_owned());
    assert_eq!(dropped, Totals::from([(quota, TIMES)]), "all but the quota's are too many");
    stages.push("flow");

    // From another host's underlay address, for a segment in which that host has nobody: no interface is to blame.
    let tunnel = Namespace::named(&lab.hosts[1].namespace).run(|| UdpSocket::bind("172.31.0.2:0")).unwrap().unwrap();
    let inner = to(there, udp(SENDER, RECEIVER, 100));
    let dropped = dropped_by(&lab, || {
        for _ in 0..TIMES {
            let packet = [&[8, 0, 0, 0, 0x7f, 0xff, 0xff, 0], &inner[..]].concat();
            tunnel.send_to(&packet, "172.31.0.1:4789").unwrap();
        }
    });
    let stranger = (String::new(), "overlay".to_owned(), "wrong_host".to_owned());
    assert_eq!(dropped, Totals::from([(stranger, TIMES)]));
    stages.push("overlay");

    // The host's own stack, by the host's side of the port.
    let shown = lab.api.get(&format!("/native/v1/instances/{receiver}")).unwrap();
    let device = shown["interfaces"][0]["attachment"]["host_device"].as_str().unwrap_or_else(|| panic!("{shown}"));
    let mut host = Injector::open(&Namespace::named(&lab.hosts[0].namespace), device).unwrap();
    let dropped = dropped_by(&lab, || {
        for _ in 0..TIMES {
            // The sender is told that there is no room, and tries again a few times: more are dropped than are meant.
            assert!(host.send(&inner).is_err());
        }
    });
    let refused: Vec<_> = dropped.into_iter().collect();
    let [((_, stage, reason), TIMES..)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((stage.as_str(), reason.as_str()), ("deliver", "from_host_stack"));
    stages.push("deliver");

    stages.sort_unstable();
    stages.dedup();
    assert_eq!(stages.len(), 10, "every stage there is: {stages:?}");
}

#[test]
fn d14_what_a_guest_may_send_is_all_that_leaves_it() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let allowed = network.group_of(&["any from any", "tcp/443 to 10.1.0.20"]).unwrap();
    let (inside, vni) = network.guest_in("h1", &subnet, &SENDER.to_string(), &[&allowed]).unwrap();
    let own = mac(&inside).unwrap();
    let mut injector = Injector::open(&Namespace::named(&inside), "eth0").unwrap();
    let mut refused = 0;
    // A sink on the same host and one on another, both of which would take anything.
    for (host, last) in [("h1", 20), ("h2", 30)] {
        let sink = Ipv4Addr::new(10, 1, 0, last);
        let (outside, _) = network.guest_in(host, &subnet, &sink.to_string(), &[&open]).unwrap();
        let there = mac(&outside).unwrap();
        let mut capture = Injector::open(&Namespace::named(&outside), "eth0").unwrap();
        let syn = |port| build::tcp((SENDER, 40_000 + port), (sink, port), 1, 0, 2, b"");
        let secret = b"the secret";
        let tunnelled = build::udp((SENDER, 5000), (sink, 53), secret);
        let attempts = vec![
            ("DNS", build::udp((SENDER, 40_000), (sink, 53), secret)),
            ("DNS over TCP", syn(53)),
            ("ICMP echo", build::ipv4(SENDER, sink, 1, 0, &[], &build::icmp(8, 0, [0, 1, 0, 1], secret))),
            (
                "an answer to an echo that nobody sent",
                build::ipv4(SENDER, sink, 1, 0, &[], &build::icmp(0, 0, [0, 1, 0, 1], secret)),
            ),
            ("HTTP", syn(80)),
            ("UDP to the permitted TCP port", build::udp((SENDER, 40_000), (sink, 443), secret)),
            ("a tunnel in IP", build::ipv4(SENDER, sink, 4, 0, &[], &tunnelled)),
            ("GRE", build::ipv4(SENDER, sink, 47, 0, &[], &tunnelled)),
            ("ESP", build::ipv4(SENDER, sink, 50, 0, &[], secret)),
            ("SCTP", build::ipv4(SENDER, sink, 132, 0, &[], secret)),
        ];
        for (what, packet) in attempts {
            injector.send(&build::ethernet(own, there, 0x0800, &packet)).unwrap();
            let arrived = capture.recv(Duration::from_millis(50), |frame| frame.get(14..) == Some(&packet)).unwrap();
            assert_eq!(arrived, None, "{what} to {host} got out");
            refused += 1;
        }
        let packet = syn(443);
        injector.send(&build::ethernet(own, there, 0x0800, &packet)).unwrap();
        let arrived = capture.recv(Duration::from_secs(1), |frame| frame.get(14..) == Some(&packet)).unwrap();
        assert_eq!(arrived.is_some(), host == "h1", "the one thing that is permitted, to {host}");
        refused += u64::from(host != "h1");
    }
    let dropped = network.dropped(&vni).unwrap();
    let by_policy = dropped.get("policy_egress_denied").copied().unwrap_or_default();
    let unsolicited = dropped.get("icmp_unsolicited").copied().unwrap_or_default();
    assert_eq!(by_policy + unsolicited, refused, "each attempt was counted at the interface that made it: {dropped:?}");
}
