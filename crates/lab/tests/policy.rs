//! Security groups as packets see them, between guests on one host and on two.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use pintle_lab::policy::{exchange, is_kept_out, listen, reach, tcp_rule, wait_kept_out};
use pintle_lab::{Lab, Network};
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
