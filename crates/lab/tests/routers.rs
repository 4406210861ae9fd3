//! Guests that send on what is not theirs, by permission, and guests that try without.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use pintle_lab::policy::{exchange, is_kept_out, listen, mac, reach, wait_kept_out};
use pintle_lab::{Lab, Network, forwards, ip};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use serde_json::json;

const PORT: u16 = 9000;

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

fn route(guest: &str, to: &str, via: &str) {
    ip(&format!("-n {guest} route replace {to}/32 via {via} dev eth0")).unwrap();
}

/// Waits until a listener is reached.
fn wait_reached(guest: &str, address: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_kept_out(guest, at(address)).unwrap() {
        assert!(Instant::now() < deadline, "{guest} does not reach {address}");
    }
}

#[test]
fn d11_d12_a_router_between_two_guests_works_only_with_the_check_off() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (one, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (two, _) = network.guest("h2", &subnet, "10.1.0.30").unwrap();
    let _listener = listen(&two, at("10.1.0.30")).unwrap();
    for (host, address) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let (router, vni) = network.guest(host, &subnet, address).unwrap();
        forwards(&router).unwrap();
        route(&one, "10.1.0.30", address);
        route(&two, "10.1.0.10", address);
        assert!(is_kept_out(&one, at("10.1.0.30")).unwrap(), "the router on {host} gets only what is its own");
        network.change(&vni, json!({ "source_dest_check": false })).unwrap();
        wait_reached(&one, "10.1.0.30");
        let carried = ip(&format!("-n {router} -s -j link show eth0")).unwrap();
        let carried: serde_json::Value = serde_json::from_str(&carried).unwrap();
        assert!(carried[0]["stats64"]["tx"]["packets"].as_u64().unwrap() >= 4, "it went by the router: {carried}");
        network.change(&vni, json!({ "source_dest_check": true })).unwrap();
        wait_kept_out(&one, at("10.1.0.30")).unwrap();
    }
}

#[test]
fn d08_d09_only_who_may_spoof_addresses_can() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let (guest, vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&open]).unwrap();
    let mut injector = Injector::open(&Namespace::named(&guest), "eth0").unwrap();
    for (host, address) in [("h1", [10, 1, 0, 20]), ("h2", [10, 1, 0, 30])] {
        let address = Ipv4Addr::from(address);
        let (receiver, _) = network.guest_in(host, &subnet, &address.to_string(), &[&open]).unwrap();
        let mut capture = Injector::open(&Namespace::named(&receiver), "eth0").unwrap();
        let macs = (mac(&guest).unwrap(), mac(&receiver).unwrap());
        let mut arrives = |source: [u8; 4], port: u16| {
            let packet = build::udp((source.into(), port), (address, 7), b"spoofed");
            injector.send(&build::ethernet(macs.0, macs.1, 0x0800, &packet)).unwrap();
            capture.recv(Duration::from_millis(100), |frame| frame.get(14..) == Some(&packet)).unwrap().is_some()
        };
        assert!(arrives([10, 1, 0, 10], 1), "its own");
        let before = network.dropped(&vni).unwrap().get("spoofed_src_ip").copied().unwrap_or_default();
        for (port, source) in [[10, 1, 0, 99], [10, 1, 0, 1], [192, 0, 2, 1]].into_iter().enumerate() {
            assert!(!arrives(source, port as u16 + 2), "{source:?} to {host}");
        }
        let dropped = network.dropped(&vni).unwrap();
        assert_eq!(dropped.get("spoofed_src_ip"), Some(&(before + 3)), "{dropped:?}");
        network.change(&vni, json!({ "allow_ip_spoofing": true })).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while !arrives([10, 1, 0, 99], 6) {
            assert!(Instant::now() < deadline, "it may by now, to {host}");
        }
        network.change(&vni, json!({ "allow_ip_spoofing": false })).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while arrives([10, 1, 0, 99], 6) {
            assert!(Instant::now() < deadline, "it may no more, to {host}");
        }
    }
}

#[test]
fn e06_with_asymmetric_paths_filtering_loses_what_passes_without() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let guest = |host, address, mode| {
        let body = json!({
            "subnet": subnet, "address": address, "security_groups": [open],
            "source_dest_check": false, "protocol_state_filtering": mode,
        });
        network.guest_as(host, body).unwrap()
    };
    let (client, _) = guest("h1", "10.1.0.10", "disabled");
    let (server, _) = guest("h1", "10.1.0.30", "disabled");
    // There by one, back by the other, which never sees a SYN.
    let (there, _) = guest("h1", "10.1.0.20", "disabled");
    let (back, vni) = guest("h2", "10.1.0.21", "enabled");
    forwards(&there).unwrap();
    forwards(&back).unwrap();
    route(&client, "10.1.0.30", "10.1.0.20");
    route(&server, "10.1.0.10", "10.1.0.21");
    let listener = listen(&server, at("10.1.0.30")).unwrap();
    assert!(is_kept_out(&client, at("10.1.0.30")).unwrap(), "half a connection is none");
    network.wait_dropped(&vni, "tcp_no_connection", 1).unwrap();
    network.change(&vni, json!({ "protocol_state_filtering": "disabled" })).unwrap();
    wait_reached(&client, "10.1.0.30");
    let mut stream = reach(&client, at("10.1.0.30")).unwrap();
    let port = stream.local_addr().unwrap().port();
    let mut accepted = loop {
        let (accepted, from) = listener.accept().unwrap();
        if from.port() == port {
            break accepted;
        }
    };
    exchange(&mut stream, &mut accepted).unwrap();
    network.change(&vni, json!({ "protocol_state_filtering": "enabled" })).unwrap();
    wait_kept_out(&client, at("10.1.0.30")).unwrap();
}
