//! What was refused can be seen, with both ends and the reason: by the sender where the protocol says so, by people always.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use pintle_lab::policy::{is_kept_out, listen, mac};
use pintle_lab::{Lab, LabOptions, Network, ip, pintle_binary, sh};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use pintle_probe::ping::{Outcome, ping_sized_df};
use serde_json::{Value, json};

/// MTU of a guest on an underlay of 1500 bytes.
const MTU: u32 = 1450;

/// The one event of packets too big between these addresses.
fn too_big(network: &Network<'_>, vni: &str, source: &str, destination: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let events = network.drops(vni, "too_big").unwrap();
        if let Some(event) =
            events.iter().find(|event| event["source"] == source && event["destination"] == destination)
        {
            return event.clone();
        }
        assert!(Instant::now() < deadline, "no event between {source} and {destination}: {events:?}");
    }
}

/// Two hosts on a wide underlay, of which the second's link becomes narrow.
fn lab() -> Lab {
    Lab::with(&LabOptions { underlay_mtu: 9000, ..LabOptions::default() }).unwrap()
}

fn shrink(lab: &Lab) {
    ip(&format!("-n {} link set ul mtu 1500", lab.hosts[1].namespace)).unwrap();
}

#[test]
fn i09_q01_pain_13_the_gateway_says_what_fits_and_the_event_names_both_ends() {
    let lab = lab();
    let network = Network::new(&lab.api).unwrap();
    let vpc6 = "2001:db8:7::/56";
    let subnet = network.dual_subnet("10.1.0.0/24", vpc6, "2001:db8:7:1::/64").unwrap();
    let body = |address: &str, six: &str| json!({ "subnet": subnet, "address": address, "addresses": [six] });
    let (sender, vni) = network.guest_as("h1", body("10.1.0.10", "2001:db8:7:1::10")).unwrap();
    let (address, six) = ("10.1.0.30", "2001:db8:7:1::30");
    network.guest_as("h2", body(address, six)).unwrap();
    let there: Ipv4Addr = address.parse().unwrap();
    let outcome = |payload| ping_sized_df(&Namespace::named(&sender), there, payload).unwrap();
    assert!(matches!(outcome(4000), Outcome::Answered(_)), "{:?}", outcome(4000));
    shrink(&lab);
    let deadline = Instant::now() + Duration::from_secs(10);
    while outcome(4000) != (Outcome::FragNeeded { mtu: MTU, from: Ipv4Addr::new(10, 1, 0, 1) }) {
        let dropped = network.dropped(&vni);
        assert!(Instant::now() < deadline, "{:?}, dropped: {dropped:?}\n{}", outcome(4000), lab.logs());
    }
    let event = too_big(&network, &vni, "10.1.0.10", address);
    assert_eq!((&event["mtu"], &event["largest"]), (&json!(MTU), &json!(4028)), "{event}");
    assert!(matches!(outcome(1422), Outcome::Answered(_)), "what fits passes");
    let mut capture = Injector::open(&Namespace::named(&sender), "eth0").unwrap();
    let ping6 = ["netns", "exec", &sender, "ping", "-6", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "4000", six];
    assert!(sh("ip", &ping6).is_err(), "it does not fit");
    // An ICMPv6 message of type 2 (RFC 4443, 3.2): its source, its MTU, and whom the packet inside was for.
    let too_big6 = |frame: &[u8]| {
        frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(20) == Some(&58) && frame.get(54) == Some(&2)
    };
    let told = capture.recv(Duration::from_secs(1), too_big6).unwrap();
    let told = told.unwrap_or_else(|| panic!("nothing was told: {:?}", network.dropped(&vni)));
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&told[at..at + 16]).unwrap()).to_string();
    assert_eq!(told[58..62], MTU.to_be_bytes(), "{told:x?}");
    assert_eq!(
        (address(22).as_str(), address(38).as_str(), address(86).as_str()),
        ("fe80::1", "2001:db8:7:1::10", six)
    );
    let learnt = ip(&format!("-6 -n {sender} route get {six}")).unwrap();
    assert!(learnt.contains(&format!("mtu {MTU}")), "the sender's stack has taken it: {learnt}");
    let event = too_big(&network, &vni, "2001:db8:7:1::10", six);
    assert_eq!(event["mtu"], json!(MTU), "{event}");
}

/// A datagram that must not be fragmented, whatever the sender has learnt.
fn send_whole(guest: &str, to: SocketAddr, bytes: usize) {
    let send = || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let probe = libc::IP_PMTUDISC_PROBE;
        // SAFETY: the option's value is live for the call and its length is given as it is.
        let set = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                (&raw const probe).cast(),
                size_of_val(&probe) as libc::socklen_t,
            )
        };
        assert_eq!(set, 0);
        socket.send_to(&vec![0; bytes], to).is_ok()
    };
    Namespace::named(guest).run(send).unwrap();
}

#[test]
fn k12_q15_the_event_needs_no_icmp() {
    let lab = lab();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    // No rule lets ICMP anywhere, and the sender's own filter hears none.
    let group = network.group_of(&["udp from any", "udp to any"]).unwrap();
    let (sender, vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&group]).unwrap();
    network.guest_in("h2", &subnet, "10.1.0.30", &[&group]).unwrap();
    let deaf = "table ip deaf { chain in { type filter hook input priority 0; ip protocol icmp drop; }; }";
    sh("ip", &["netns", "exec", &sender, "nft", deaf]).unwrap();
    let to = SocketAddr::new("10.1.0.30".parse().unwrap(), 9);
    shrink(&lab);
    let deadline = Instant::now() + Duration::from_secs(10);
    while network.drops(&vni, "too_big").unwrap().is_empty() {
        send_whole(&sender, to, 4000);
        assert!(Instant::now() < deadline, "no event: {:?}", network.dropped(&vni));
    }
    let event = too_big(&network, &vni, "10.1.0.10", "10.1.0.30");
    assert_eq!((&event["mtu"], &event["largest"]), (&json!(MTU), &json!(4028)), "{event}");
}

#[test]
fn k06_k13_each_refused_flow_is_told_once_with_both_ends_and_why() {
    const FLOWS: u16 = 20;
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let closed = network.group_of(&["tcp/22 from any", "any to any"]).unwrap();
    let (intruder, intruder_vni) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    for (host, address, last) in [("h1", "10.1.0.20", 20), ("h2", "10.1.0.30", 30)] {
        let (target, vni) = network.guest_in(host, &subnet, address, &[&closed]).unwrap();
        let _listener = listen(&target, SocketAddr::new(address.parse().unwrap(), 9000)).unwrap();
        let mut injector = Injector::open(&Namespace::named(&intruder), "eth0").unwrap();
        let macs = (mac(&intruder).unwrap(), mac(&target).unwrap());
        for _ in 0..3 {
            for port in 0..FLOWS {
                let ends = (([10, 1, 0, 66].into(), 5000), ([10, 1, 0, last].into(), 9000 + port));
                let syn = build::tcp(ends.0, ends.1, 1, 0, 2, b"");
                injector.send(&build::ethernet(macs.0, macs.1, 0x0800, &syn)).unwrap();
            }
        }
        let attempts = 3 * u64::from(FLOWS);
        network.wait_dropped(&vni, "policy_ingress_denied", attempts).unwrap();
        assert_eq!(network.dropped(&vni).unwrap()["policy_ingress_denied"], attempts, "each is counted, and once");
        let refused = network.drops(&vni, "refused").unwrap();
        for port in 0..FLOWS {
            let of_port: Vec<&Value> = refused.iter().filter(|flow| flow["port"] == 9000 + port).collect();
            let [flow] = of_port[..] else { panic!("one entry for port {}: {of_port:?}", 9000 + port) };
            assert_eq!((&flow["source"], &flow["destination"]), (&json!("10.1.0.66"), &json!(address)), "{flow}");
            assert_eq!(flow["virtual_network_interface"]["id"], json!(vni), "{flow}");
            assert_eq!(flow["reason"]["code"], "policy_ingress_denied", "{flow}");
            assert_eq!((&flow["protocol"], &flow["packets"]), (&json!("tcp"), &json!(3)), "{flow}");
            assert_eq!(flow["rule"], Value::Null, "no rule denies in a group: none has matched");
        }
    }
    // Where a rule denies, it is named.
    let rules = json!([{ "rule": "deny egress tcp/9000 from any to 10.1.1.0/24", "name": "no-way" }]);
    let acl = lab.api.post("/native/v1/network_acls", json!({ "vpc": network.vpc, "rules": rules })).unwrap();
    let other = network.subnet("10.1.1.0/24").unwrap();
    network.guest("h1", &other, "10.1.1.20").unwrap();
    lab.api.call("PATCH", &format!("/native/v1/subnets/{subnet}"), Some(json!({ "network_acl": acl["id"] }))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let denied = loop {
        let _ = is_kept_out(&intruder, SocketAddr::new("10.1.1.20".parse().unwrap(), 9000));
        let refused = network.drops(&intruder_vni, "refused").unwrap();
        if let Some(flow) = refused.iter().find(|flow| flow["reason"]["code"] == "acl_egress_denied") {
            break flow.clone();
        }
        assert!(Instant::now() < deadline, "{refused:?}");
    };
    assert_eq!(denied["rule"]["network_acl"]["id"], acl["id"], "{denied}");
    assert_eq!(denied["rule"]["rule"], "deny egress tcp/9000 from any to 10.1.1.0/24", "{denied}");
}

#[test]
fn k08_a_host_with_more_than_seventy_percent_of_its_flows_is_named_and_not_before() {
    const CAPACITY: u64 = 4096;
    let agent_options = ["--max-flows", "4096", "--flows-per-interface", "4096"].map(str::to_owned).to_vec();
    let lab = Lab::with(&LabOptions { hosts: 2, agent_options, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (sender, vni) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (receiver, _) = network.guest("h1", &subnet, "10.1.0.20").unwrap();
    let macs = (mac(&sender).unwrap(), mac(&receiver).unwrap());
    let mut injector = Injector::open(&Namespace::named(&sender), "eth0").unwrap();
    let held = || {
        let flows = lab.api.get("/native/v1/flows?host=h1&limit=1").unwrap();
        assert_eq!(flows["hosts"][0]["capacity"], json!(CAPACITY), "{flows}");
        flows["hosts"][0]["held"].as_u64().unwrap()
    };
    let mut port = 1024;
    // Each from another port: a flow of its own. The guest's own errors about them make none.
    let mut fill = |percent: u64| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while held() < (CAPACITY * percent).div_ceil(100) {
            assert!(Instant::now() < deadline, "{} of {CAPACITY} flows, {:?}", held(), network.dropped(&vni));
            for _ in held()..(CAPACITY * percent).div_ceil(100) {
                let udp = build::udp(([10, 1, 0, 10].into(), port), ([10, 1, 0, 20].into(), 9), b"x");
                injector.send(&build::ethernet(macs.0, macs.1, 0x0800, &udp)).unwrap();
                port += 1;
            }
        }
        held() * 100 / CAPACITY
    };
    let control = lab.control_namespace();
    let (binary, token) = (pintle_binary().unwrap(), lab.folder().join("server/token"));
    let warnings = || {
        let (binary, token) = (binary.to_str().unwrap(), token.to_str().unwrap());
        let words = ["netns", "exec", &control, binary, "status", "-o", "json", "--token-file", token];
        let status: Value = serde_json::from_str(&sh("ip", &words).unwrap()).unwrap();
        assert_eq!(status["well"], true, "{status}");
        status["warnings"].as_array().unwrap().clone()
    };
    assert_eq!(fill(69), 69);
    assert_eq!(warnings(), Vec::<Value>::new(), "at 69 %");
    assert_eq!(fill(71), 71);
    let found = warnings();
    let [warning] = &found[..] else { panic!("one warning: {found:?}") };
    assert_eq!((&warning["kind"], &warning["host"]["name"]), (&json!("flow_table"), &json!("h1")), "{warning}");
    let name = network.change(&vni, json!({})).unwrap()["name"].as_str().unwrap().to_owned();
    assert!(warning["message"].as_str().unwrap().contains(&name), "the busiest is named: {warning}");
}
