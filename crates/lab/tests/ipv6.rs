//! IPv6 as guests see it: addresses of both versions beside each other, neighbours answered, whole prefixes delegated.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use pintle_lab::policy::{is_kept_out, listen, mac, reach};
use pintle_lab::{Lab, Network, ip, sh};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use serde_json::json;

const PORT: u16 = 9000;
const VPC6: &str = "2001:db8:7::/56";
const SUBNET6: &str = "2001:db8:7:1::/64";

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

fn ping6(guest: &str, to: &str) -> anyhow::Result<String> {
    sh("ip", &["netns", "exec", guest, "ping", "-6", "-n", "-c", "1", "-W", "2", to])
}

/// Waits until a listener is reached.
fn wait_reached(guest: &str, address: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_kept_out(guest, at(address)).unwrap() {
        assert!(Instant::now() < deadline, "{guest} does not reach {address}");
    }
}

#[test]
fn b08_b09_guests_with_both_versions_reach_each_other_by_each() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", VPC6, SUBNET6).unwrap();
    let body = |address: &str, six: &[&str]| json!({ "subnet": subnet, "address": address, "addresses": six });
    let (client, _) = network.guest_as("h1", body("10.1.0.10", &["2001:db8:7:1::10"])).unwrap();
    for (host, address, primary, secondary) in [
        ("h1", "10.1.0.20", "2001:db8:7:1::20", "2001:db8:7:1::2a"),
        ("h2", "10.1.0.30", "2001:db8:7:1::30", "2001:db8:7:1::3a"),
    ] {
        let (server, vni) = network.guest_as(host, body(address, &[primary])).unwrap();
        let twice = network.act(&vni, "add_address", json!({ "address": "2001:db8:7:1::10" }));
        assert!(twice.is_err(), "another interface has it: {twice:?}");
        let _four = listen(&server, at(address)).unwrap();
        let _six = listen(&server, at(primary)).unwrap();
        reach(&client, at(address)).unwrap();
        reach(&client, at(primary)).unwrap();
        ping6(&client, primary).unwrap();
        ping6(&server, "2001:db8:7:1::10").unwrap();
        let neighbours = ip(&format!("-6 -n {client} neigh show {primary} dev eth0")).unwrap();
        assert!(neighbours.contains("lladdr"), "ND was answered: {neighbours}");
        network.act(&vni, "add_address", json!({ "address": secondary })).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let _second = loop {
            match listen(&server, at(secondary)) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
            }
        };
        wait_reached(&client, secondary);
        ping6(&client, secondary).unwrap();
        network.act(&vni, "remove_address", json!({ "address": secondary })).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while ping6(&client, secondary).is_ok() {
            assert!(Instant::now() < deadline, "{secondary} is answered though it was taken away");
        }
    }
}

#[test]
fn b12_b13_every_address_of_a_delegated_prefix_reaches_the_guest_and_none_beside() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", VPC6, SUBNET6).unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let guest = |host, address: &str, six: &str| {
        let body = json!({ "subnet": subnet, "address": address, "addresses": [six], "security_groups": [open] });
        network.guest_as(host, body).unwrap()
    };
    let peers = [guest("h1", "10.1.0.10", "2001:db8:7:1::10").0, guest("h2", "10.1.0.11", "2001:db8:7:1::11").0];
    let (holder, vni) = guest("h1", "10.1.0.20", "2001:db8:7:1::20");
    let six = "2001:db8:7:1:5::/80";
    for prefix in ["10.1.0.64/28", six] {
        network.act(&vni, "add_prefix", json!({ "prefix": prefix })).unwrap();
    }
    let overlapping = network.vni(&subnet, "10.1.0.70");
    assert!(overlapping.is_err(), "an address inside a delegated prefix is nobody else's: {overlapping:?}");
    let inside4: Vec<String> = (64..80).map(|last| format!("10.1.0.{last}")).collect();
    let inside6 = ["2001:db8:7:1:5::", "2001:db8:7:1:5::1", "2001:db8:7:1:5:ffff:ffff:ffff"].map(str::to_owned);
    for address in inside4.iter().chain(&inside6) {
        let (version, length) =
            if address.contains(':') { ("-6", "128 dev eth0 nodad") } else { ("-4", "32 dev eth0") };
        ip(&format!("{version} -n {holder} addr add {address}/{length}")).unwrap();
    }
    for address in inside4.iter().chain(&inside6) {
        let deadline = Instant::now() + Duration::from_secs(5);
        let _listener = loop {
            match listen(&holder, at(address)) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
            }
        };
        for peer in &peers {
            wait_reached(peer, address);
        }
    }
    // From inside it is the guest's own, from just outside it is spoofed.
    let mut injector = Injector::open(&Namespace::named(&holder), "eth0").unwrap();
    let mut capture = Injector::open(&Namespace::named(&peers[0]), "eth0").unwrap();
    let macs = (mac(&holder).unwrap(), mac(&peers[0]).unwrap());
    let mut arrives = |packet: Vec<u8>, ethertype: u16| {
        injector.send(&build::ethernet(macs.0, macs.1, ethertype, &packet)).unwrap();
        capture.recv(Duration::from_millis(100), |frame| frame.get(14..) == Some(&packet)).unwrap().is_some()
    };
    let mut spoofed = network.dropped(&vni).unwrap().get("spoofed_src_ip").copied().unwrap_or_default();
    for (last, own) in [(63, false), (64, true), (79, true), (80, false)] {
        let packet = build::udp((Ipv4Addr::new(10, 1, 0, last), 5), (Ipv4Addr::new(10, 1, 0, 10), 7), b"x");
        assert_eq!(arrives(packet, 0x0800), own, "10.1.0.{last}");
        spoofed += u64::from(!own);
    }
    let peer6: Ipv6Addr = "2001:db8:7:1::10".parse().unwrap();
    for (source, own) in [
        ("2001:db8:7:1:4:ffff:ffff:ffff", false),
        ("2001:db8:7:1:5::7", true),
        ("2001:db8:7:1:5:ffff:ffff:fffe", true),
        ("2001:db8:7:1:6::", false),
    ] {
        // No next header (RFC 8200, 4.7): a protocol like any other, and no checksum.
        let packet = build::ipv6(source.parse().unwrap(), peer6, 59, b"");
        assert_eq!(arrives(packet, 0x86dd), own, "{source}");
        spoofed += u64::from(!own);
    }
    let dropped = network.dropped(&vni).unwrap();
    // The guest's own stack may have spoken from `::` meanwhile (MLD, RFC 3590).
    assert!(dropped.get("spoofed_src_ip").is_some_and(|count| *count >= spoofed), "{dropped:?}, not {spoofed}");
    for prefix in ["10.1.0.64/28", six] {
        network.act(&vni, "remove_prefix", json!({ "prefix": prefix })).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut port = 100;
    while {
        port += 1;
        arrives(build::udp((Ipv4Addr::new(10, 1, 0, 70), port), (Ipv4Addr::new(10, 1, 0, 10), 7), b"x"), 0x0800)
    } {
        assert!(Instant::now() < deadline, "the prefix was taken away");
    }
}

#[test]
fn b11_in_either_kind_of_subnet_an_interface_has_a_primary_ipv4_address_that_answers() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let plain = network.subnet("10.1.0.0/24").unwrap();
    let dual = network.dual_subnet("10.1.1.0/24", VPC6, SUBNET6).unwrap();
    let (asker, _) = network.guest("h2", &plain, "10.1.0.200").unwrap();
    for (subnet, begins) in [(&plain, "10.1.0."), (&dual, "10.1.1.")] {
        // Nothing is said of addresses: whatever comes of it, an IPv4 one is the first.
        let (guest, vni) = network.guest_as("h1", json!({ "subnet": subnet })).unwrap();
        let shown = lab.api.get(&format!("/native/v1/virtual_network_interfaces/{vni}")).unwrap();
        let address = shown["addresses"][0].as_str().unwrap_or_else(|| panic!("{shown}"));
        assert!(address.starts_with(begins), "{shown}");
        let inside = ip(&format!("-n {guest} -4 -o addr show dev eth0")).unwrap();
        assert!(inside.contains(&format!("{address}/24")), "{inside}");
        let there: Ipv4Addr = address.parse().unwrap();
        pintle_probe::ping::ping(&Namespace::named(&asker), there, Duration::from_secs(2)).unwrap();
    }
}
