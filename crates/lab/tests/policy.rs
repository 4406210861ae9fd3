//! Security groups as packets see them, between guests on one host and on two.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use pintle_lab::policy::{exchange, is_kept_out, listen, mac, reach, tcp_rule, wait_kept_out};
use pintle_lab::{Lab, LabOptions, Network, ip};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use serde_json::{Value, json};

const PORT: u16 = 9000;

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

/// Everything out, nothing in, unless said otherwise.
fn all_out() -> Value {
    json!({ "direction": "outbound", "protocol": "any" })
}

#[test]
fn d18_d17_d04_both_gates_must_permit_on_one_host_and_between_two() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open_in = network.group(json!([tcp_rule("inbound", PORT), all_out()])).unwrap();
    let closed_in = network.group(json!([all_out()])).unwrap();
    let closed_out = network.group(json!([tcp_rule("inbound", PORT), tcp_rule("outbound", PORT + 1)])).unwrap();
    let may_send = network.guest_in("h1", &subnet, "10.1.0.10", &[&closed_in]).unwrap().0;
    let may_not = network.guest_in("h1", &subnet, "10.1.0.11", &[&closed_out]).unwrap().0;
    let mut listeners: Vec<TcpListener> = Vec::new();
    for (host, takes, refuses) in [("h1", "10.1.0.20", "10.1.0.21"), ("h2", "10.1.0.30", "10.1.0.31")] {
        for (address, group) in [(takes, &open_in), (refuses, &closed_in)] {
            let guest = network.guest_in(host, &subnet, address, &[group]).unwrap().0;
            listeners.push(listen(&guest, at(address)).unwrap());
        }
        reach(&may_send, at(takes)).unwrap();
        assert!(is_kept_out(&may_send, at(refuses)).unwrap(), "the receiver on {host} permits nothing");
        assert!(is_kept_out(&may_not, at(takes)).unwrap(), "the sender permits nothing, whatever {host} does");
        assert!(is_kept_out(&may_not, at(refuses)).unwrap());
    }
}

#[test]
fn d02_members_of_the_default_group_reach_each_other_and_nobody_else_does() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (inside, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (server, _) = network.guest("h2", &subnet, "10.1.0.11").unwrap();
    let _listener = listen(&server, at("10.1.0.11")).unwrap();
    let other = network.group(json!([all_out()])).unwrap();
    let (outside, _) = network.guest_in("h1", &subnet, "10.1.0.12", &[&other]).unwrap();
    reach(&inside, at("10.1.0.11")).unwrap();
    assert!(is_kept_out(&outside, at("10.1.0.11")).unwrap());
}

#[test]
fn d06_d07_d01_membership_and_rules_take_effect_at_once_and_what_is_open_goes_on() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let clients = network.group(json!([all_out()])).unwrap();
    let others = network.group(json!([all_out()])).unwrap();
    let servers = network.group(json!([all_out()])).unwrap();
    let mut rule = tcp_rule("inbound", PORT);
    rule["remote"] = json!({ "id": clients });
    let rule = network.add_rule(&servers, rule).unwrap();
    let (client, client_vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&others]).unwrap();
    let mut listeners = Vec::new();
    for (host, address) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let (server, _) = network.guest_in(host, &subnet, address, &[&servers]).unwrap();
        listeners.push(listen(&server, at(address)).unwrap());
        let listener = listeners.last().unwrap();
        wait_kept_out(&client, at(address)).unwrap();
        network.join(&clients, &client_vni).unwrap();
        let began = Instant::now();
        let mut open = reach(&client, at(address)).unwrap();
        println!("{host}: reached {:?} after the membership", began.elapsed());
        let mut accepted = listener.accept().unwrap().0;
        network.leave(&clients, &client_vni).unwrap();
        wait_kept_out(&client, at(address)).unwrap();
        exchange(&mut open, &mut accepted).expect("an open connection goes on");
    }
    network.join(&clients, &client_vni).unwrap();
    reach(&client, at("10.1.0.21")).unwrap();
    network.remove_rule(&servers, &rule).unwrap();
    wait_kept_out(&client, at("10.1.0.21")).unwrap();
}

#[test]
fn b05_u02_three_servers_on_one_interface_have_an_address_and_rules_each() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let addresses = ["10.1.0.20", "10.1.0.21", "10.1.0.22"];
    let allowed = ["10.1.0.10", "10.1.0.11", "10.1.0.12"];
    let mut rules = vec![all_out()];
    for (local, remote) in addresses.into_iter().zip(allowed) {
        let mut rule = tcp_rule("inbound", PORT);
        rule["local"] = json!({ "address": local });
        rule["remote"] = json!({ "address": remote });
        rules.push(rule);
    }
    let group = network.group(json!(rules)).unwrap();
    let (server, vni) = network.guest_in("h1", &subnet, addresses[0], &[&group]).unwrap();
    for address in &addresses[1..] {
        let ip = json!({ "address": address });
        let path = format!("/v1/subnets/{subnet}/reserved_ips");
        let reserved = lab.api.post(&path, ip).unwrap()["id"].as_str().unwrap().to_owned();
        lab.api.call("PUT", &format!("/v1/virtual_network_interfaces/{vni}/ips/{reserved}"), None).unwrap();
    }
    let _listeners: Vec<TcpListener> = addresses
        .iter()
        .map(|address| {
            let deadline = Instant::now() + Duration::from_secs(3);
            loop {
                match listen(&server, at(address)) {
                    Ok(listener) => return listener,
                    Err(error) if Instant::now() > deadline => panic!("{error:#}"),
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        })
        .collect();
    for (client_at, client_address) in allowed.into_iter().enumerate() {
        let host = ["h1", "h2", "h2"][client_at];
        let client = network.guest(host, &subnet, client_address).unwrap().0;
        for (server_at, address) in addresses.into_iter().enumerate() {
            if server_at == client_at {
                reach(&client, at(address)).unwrap();
            } else {
                assert!(is_kept_out(&client, at(address)).unwrap(), "{client_address} to {address}");
            }
        }
    }
}

#[test]
fn d07_pain_09_an_open_connection_outlives_its_rule_until_it_is_flushed() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let servers = network.group(json!([all_out()])).unwrap();
    let (client, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    for (host, address) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let rule = network.add_rule(&servers, tcp_rule("inbound", PORT)).unwrap();
        let (server, vni) = network.guest_in(host, &subnet, address, &[&servers]).unwrap();
        let listener = listen(&server, at(address)).unwrap();
        let mut open = reach(&client, at(address)).unwrap();
        let mut accepted = listener.accept().unwrap().0;
        network.remove_rule(&servers, &rule).unwrap();
        wait_kept_out(&client, at(address)).unwrap();
        exchange(&mut open, &mut accepted).expect("tracked: it goes on");
        network.act(&vni, "flush", json!({})).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while exchange(&mut open, &mut accepted).is_ok() {
            assert!(Instant::now() < deadline, "{host}: it goes on after the flush");
        }
        network.wait_dropped(&vni, "policy_ingress_denied", 1).unwrap();
    }
}

#[test]
fn d07_a_flush_leaves_what_the_rules_permit() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (client, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (server, vni) = network.guest("h2", &subnet, "10.1.0.20").unwrap();
    let listener = listen(&server, at("10.1.0.20")).unwrap();
    let mut open = reach(&client, at("10.1.0.20")).unwrap();
    let mut accepted = listener.accept().unwrap().0;
    network.act(&vni, "flush", json!({})).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(500) {
        exchange(&mut open, &mut accepted).expect("it is permitted still");
    }
}

#[test]
fn d22_quarantine_leaves_the_forensic_group_only_and_is_reversible() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let forensic = network.group_of(&["tcp/9000 from 10.1.0.66"]).unwrap();
    let (user, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (examiner, _) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    for (host, address) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let (suspect, vni) = network.guest(host, &subnet, address).unwrap();
        let listener = listen(&suspect, at(address)).unwrap();
        let mut open = reach(&user, at(address)).unwrap();
        let mut accepted = listener.accept().unwrap().0;
        let began = Instant::now();
        network.act(&vni, "quarantine", json!({ "security_groups": [forensic] })).unwrap();
        let mut last = Instant::now();
        while exchange(&mut open, &mut accepted).is_ok() {
            last = Instant::now();
            assert!(began.elapsed() < Duration::from_secs(3), "{host}: an open flow goes on in quarantine");
        }
        println!("{host}: the last byte passed {:?} after the call", last - began);
        assert!(is_kept_out(&user, at(address)).unwrap());
        let (_, mut theirs) = (reach(&examiner, at(address)).unwrap(), listener.accept().unwrap().0);
        while theirs.peer_addr().unwrap().ip().to_string() != "10.1.0.66" {
            theirs = listener.accept().unwrap().0;
        }
        let out = listen(&user, SocketAddr::new("10.1.0.10".parse().unwrap(), PORT)).unwrap();
        assert!(is_kept_out(&suspect, at("10.1.0.10")).unwrap(), "nor does it get out");
        network.act(&vni, "release", json!({})).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while is_kept_out(&user, at(address)).unwrap() {
            assert!(Instant::now() < deadline, "{host}: released");
        }
        reach(&suspect, at("10.1.0.10")).unwrap();
        drop(out);
    }
}

#[test]
fn n06_a_shadow_policy_counts_what_it_would_deny_and_changes_nothing() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let strict = network.group_of(&["tcp/9001 from any", "any to any"]).unwrap();
    let (client, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (server, vni) = network.guest("h2", &subnet, "10.1.0.20").unwrap();
    let _listener = listen(&server, at("10.1.0.20")).unwrap();
    let _other = listen(&server, SocketAddr::new("10.1.0.20".parse().unwrap(), PORT + 1)).unwrap();
    network.act(&vni, "shadow", json!({ "security_groups": [strict] })).unwrap();
    let counted = |would_permit: bool| -> u64 {
        let counts = network.drops(&vni, "shadow").unwrap();
        let matching = counts.iter().filter(|count| {
            count["direction"] == "ingress" && count["permitted"] == true && count["would_permit"] == would_permit
        });
        matching.map(|count| count["flows"].as_u64().unwrap()).sum()
    };
    let deadline = Instant::now() + Duration::from_secs(3);
    while counted(false) == 0 {
        reach(&client, at("10.1.0.20")).unwrap();
        assert!(Instant::now() < deadline, "the shadow policy has been tried: {:?}", network.drops(&vni, "shadow"));
    }
    let before = (counted(false), counted(true));
    for _ in 0..5 {
        reach(&client, at("10.1.0.20")).expect("nothing is denied");
        reach(&client, SocketAddr::new("10.1.0.20".parse().unwrap(), PORT + 1)).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(3);
    while (counted(false), counted(true)) != (before.0 + 5, before.1 + 5) {
        assert!(Instant::now() < deadline, "{before:?} and five each: {:?}", network.drops(&vni, "shadow"));
    }
    network.act(&vni, "shadow", json!({ "security_groups": null })).unwrap();
}

#[test]
fn b07_connections_to_a_reassigned_address_land_on_its_new_interface() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (client, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let service = "10.1.0.99";
    let body = json!({ "subnet": subnet, "address": "10.1.0.20", "addresses": [service] });
    let (first, _) = network.guest_as("h1", body).unwrap();
    let _first = listen(&first, at(service)).unwrap();
    reach(&client, at(service)).unwrap();
    for (host, address) in [("h2", "10.1.0.21"), ("h1", "10.1.0.22")] {
        let (next, vni) = network.guest(host, &subnet, address).unwrap();
        let primary = network.act(&vni, "add_address", json!({ "address": "10.1.0.10", "reassign": true }));
        assert!(primary.is_err(), "a primary address can't be taken: {primary:?}");
        network.act(&vni, "add_address", json!({ "address": service, "reassign": true })).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let listener = loop {
            match listen(&next, at(service)) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
            }
        };
        listener.set_nonblocking(true).unwrap();
        // Who has asked for the old MAC address goes on with it until its own stack asks again.
        ip(&format!("-n {client} neigh flush dev eth0")).unwrap();
        while listener.accept().is_err() {
            assert!(Instant::now() < deadline, "connections go to {host}");
            let _ = is_kept_out(&client, at(service));
        }
    }
}

#[test]
fn d15_a_subnets_acl_judges_each_packet_that_crosses_its_border() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let (outside, inside) = (network.subnet("10.1.0.0/24").unwrap(), network.subnet("10.1.1.0/24").unwrap());
    let rules = json!([{ "rule": "allow ingress tcp/9000 from any to any", "number": 100 }]);
    let acl = lab.api.post("/native/v1/network_acls", json!({ "vpc": network.vpc, "rules": rules })).unwrap();
    let acl = acl["id"].as_str().unwrap();
    let (client, _) = network.guest("h1", &outside, "10.1.0.10").unwrap();
    let (neighbour, _) = network.guest("h1", &inside, "10.1.1.10").unwrap();
    let change = |body: Value| {
        lab.api.post(&format!("/native/v1/network_acls/{acl}/actions/change_rules"), body).unwrap();
    };
    let servers: Vec<_> = [("h1", "10.1.1.20"), ("h2", "10.1.1.21")]
        .into_iter()
        .map(|(host, address)| {
            let (server, vni) = network.guest(host, &inside, address).unwrap();
            (listen(&server, at(address)).unwrap(), address, vni)
        })
        .collect();
    for (_, address, _) in &servers {
        reach(&client, at(address)).unwrap();
    }
    let subnet = format!("/native/v1/subnets/{inside}");
    lab.api.call("PATCH", &subnet, Some(json!({ "network_acl": acl }))).unwrap();
    for (_, address, vni) in &servers {
        wait_kept_out(&client, at(address)).unwrap();
        network.wait_dropped(vni, "acl_egress_denied", 1).unwrap();
        reach(&neighbour, at(address)).expect("what stays inside is not judged");
    }
    change(json!({ "add": [{ "rule": "allow egress tcp/1024-65535 from any port 9000 to any", "number": 100 }] }));
    for (listener, address, vni) in &servers {
        let deadline = Instant::now() + Duration::from_secs(3);
        while is_kept_out(&client, at(address)).unwrap() {
            assert!(Instant::now() < deadline, "both directions are allowed to {address}");
        }
        let mut open = reach(&client, at(address)).unwrap();
        let port = open.local_addr().unwrap().port();
        let mut accepted = loop {
            let (accepted, from) = listener.accept().unwrap();
            if from.port() == port {
                break accepted;
            }
        };
        exchange(&mut open, &mut accepted).unwrap();
        // Before the rule that allows it: the first that matches decides, also for what is open.
        change(json!({ "add": [{ "rule": "deny ingress tcp/9000 from 10.1.0.0/24 to any", "number": 50 }] }));
        wait_kept_out(&client, at(address)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while exchange(&mut open, &mut accepted).is_ok() {
            assert!(Instant::now() < deadline, "an open connection to {address} goes on without a rule");
        }
        network.wait_dropped(vni, "acl_ingress_denied", 1).unwrap();
        change(json!({ "remove": ["deny ingress tcp/9000 from 10.1.0.0/24 to any"] }));
    }
}

#[test]
fn q13_pain_07_a_flood_fills_the_quota_of_its_interface_only() {
    let agent_options = vec!["--max-flows".to_owned(), "4096".to_owned()];
    let lab = Lab::with(&LabOptions { agent_options, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (server, _) = network.guest("h2", &subnet, "10.1.0.20").unwrap();
    let (flooder, flooder_vni) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    let (client, client_vni) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let listener = listen(&server, at("10.1.0.20")).unwrap();
    let mut open = reach(&client, at("10.1.0.20")).unwrap();
    let mut accepted = listener.accept().unwrap().0;
    let macs = (mac(&flooder).unwrap(), mac(&server).unwrap());
    let mut injector = Injector::open(&Namespace::named(&flooder), "eth0").unwrap();
    // The server's answers get nowhere: what is only half open stays.
    ip(&format!("-n {server} route add blackhole 10.1.0.66/32")).unwrap();
    let syn = |port: u16| {
        let ends = (([10, 1, 0, 66].into(), port), ([10, 1, 0, 20].into(), 9));
        build::ethernet(macs.0, macs.1, 0x0800, &build::tcp(ends.0, ends.1, 1, 0, 2, b""))
    };
    for port in 1000..5000 {
        injector.send(&syn(port)).unwrap();
    }
    // An eighth of the table is one interface's.
    network.wait_dropped(&flooder_vni, "flow_quota", 4000 - 512).unwrap();
    let flows = lab.api.get(&format!("/native/v1/flows?vni={flooder_vni}&limit=1")).unwrap();
    let usage = flows["hosts"][0]["usage"].as_array().unwrap();
    let talker = usage.iter().find(|usage| usage["virtual_network_interface"]["id"] == *flooder_vni).unwrap();
    assert_eq!((&talker["opened"], &talker["quota"]), (&json!(512), &json!(512)), "{usage:?}");
    exchange(&mut open, &mut accepted).expect("an old connection goes on");
    for _ in 0..20 {
        reach(&client, at("10.1.0.20")).expect("a new connection comes about");
    }
    assert!(is_kept_out(&flooder, at("10.1.0.20")).unwrap(), "who floods has nothing left");
    assert_eq!(network.dropped(&client_vni).unwrap().get("flow_quota"), None);
}

#[test]
fn q13_who_opens_and_closes_many_connections_does_not_run_out_of_them() {
    let agent_options = vec!["--max-flows".to_owned(), "4096".to_owned()];
    let lab = Lab::with(&LabOptions { agent_options, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (near, _) = network.guest("h1", &subnet, "10.1.0.20").unwrap();
    let (far, _) = network.guest("h2", &subnet, "10.1.0.30").unwrap();
    let (client, vni) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let usage = || {
        let flows = lab.api.get(&format!("/native/v1/flows?vni={vni}&limit=1")).unwrap();
        let usage = &flows["hosts"][0]["usage"][0];
        assert_eq!(usage["quota"], json!(512), "{usage}");
        ["opened", "over"].map(|name| usage[name].as_u64().unwrap())
    };
    for (server, address) in [(near, "10.1.0.20"), (far, "10.1.0.30")] {
        let listener = listen(&server, at(address)).unwrap();
        // More than it may have open at a time, by real stacks, of which the client closes first or the server.
        for _ in 0..3 {
            for round in 0..500 {
                let mut open = reach(&client, at(address)).unwrap();
                let mut accepted = listener.accept().unwrap().0;
                exchange(&mut open, &mut accepted).unwrap();
                if round % 2 == 0 { drop(open) } else { drop(accepted) }
            }
            // A minute is what they are remembered without a sweep that sees that there are many.
            let deadline = Instant::now() + Duration::from_secs(30);
            while usage().iter().sum::<u64>() > 300 {
                assert!(Instant::now() < deadline, "{:?} are left", usage());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    assert_eq!(network.dropped(&vni).unwrap().get("flow_quota"), None);
}
