//! Interfaces attached to instances, end to end: API, server, agents, kernel, packets.

use std::net::Ipv4Addr;
use std::process::{Child, Command};
use std::time::Duration;

use pintle_lab::{Footprint, Lab, LabOptions, Network, ip, remove_namespace};
use pintle_probe::Namespace;
use pintle_probe::ping::{Outcome, Pinger, ping, ping_sized_df};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(2);

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn b01_b03_h05_every_address_answers_on_the_same_and_on_the_other_host() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (asker, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    for (host, primary, at_birth, later) in
        [("h1", "10.1.0.20", "10.1.0.21", "10.1.0.22"), ("h2", "10.1.0.30", "10.1.0.31", "10.1.0.32")]
    {
        let instance = network.instance(host).unwrap();
        let body = json!({
            "subnet": { "id": subnet }, "primary_ip": { "address": primary }, "ips": [{ "address": at_birth }],
        });
        let vni = lab.api.post("/v1/virtual_network_interfaces", body).unwrap();
        let vni = vni["id"].as_str().unwrap().to_owned();
        network.attach(&vni, &instance).unwrap();
        let reserved = json!({ "address": later, "target": { "id": vni } });
        lab.api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), reserved).unwrap();
        for text in [primary, at_birth, later] {
            let mut pinger = Pinger::open(&Namespace::named(&asker), address(text)).unwrap();
            let answer = pinger.until(PATIENCE, Duration::from_millis(2)).unwrap();
            let answer = answer.unwrap_or_else(|| panic!("{text} on {host} does not answer"));
            assert_eq!(answer.answer.ttl, 64, "within a subnet nothing routes");
        }
    }
}

#[test]
fn h17_gateways_route_between_subnets_and_answer_for_themselves() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let (one, two) = (network.subnet("10.1.0.0/24").unwrap(), network.subnet("10.2.0.0/24").unwrap());
    let (asker, _) = network.guest("h1", &one, "10.1.0.10").unwrap();
    network.guest("h1", &two, "10.2.0.10").unwrap();
    network.guest("h2", &two, "10.2.0.20").unwrap();
    let asker = Namespace::named(&asker);
    for there in ["10.2.0.10", "10.2.0.20"] {
        assert_eq!(ping(&asker, address(there), PATIENCE).unwrap().ttl, 63, "{there} is one hop away");
        let mut pinger = Pinger::open(&asker, address(there)).unwrap();
        pinger.set_ttl(1).unwrap();
        let exceeded = pinger.sized_df(56, PATIENCE).unwrap();
        assert_eq!(exceeded, Outcome::TtlExceeded { from: address("10.1.0.1") }, "{there}");
    }
    for gateway in ["10.1.0.1", "10.2.0.1"] {
        ping(&asker, address(gateway), PATIENCE).unwrap();
    }
    let nobody = ping_sized_df(&asker, address("10.2.0.99"), 56).unwrap();
    assert_eq!(nobody, Outcome::Unreachable { from: address("10.1.0.1"), code: 1 });
}

#[test]
fn i09_guests_get_the_underlays_mtu_less_the_overlay() {
    for (underlay, guest) in [(1500u16, 1450u32), (9000, 8950)] {
        let lab = Lab::with(&LabOptions { underlay_mtu: underlay, ..LabOptions::default() }).unwrap();
        let network = Network::new(&lab.api).unwrap();
        let subnet = network.subnet("10.1.0.0/24").unwrap();
        let (near, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
        network.guest("h2", &subnet, "10.1.0.20").unwrap();
        let link = ip(&format!("-n {near} -o link show eth0")).unwrap();
        assert!(link.contains(&format!("mtu {guest} ")), "{link}");
        let near_ns = Namespace::named(&near);
        let (far, headers) = (address("10.1.0.20"), 28);
        let fits = ping_sized_df(&near_ns, far, guest as usize - headers).unwrap();
        assert!(matches!(fits, Outcome::Answered(_)), "{fits:?} at {guest}");
        // A guest that raises its own MTU is told by the gateway what fits.
        ip(&format!("-n {near} link set eth0 mtu {}", guest + 500)).unwrap();
        let told = ping_sized_df(&near_ns, far, guest as usize - headers + 1).unwrap();
        assert_eq!(told, Outcome::FragNeeded { mtu: guest, from: address("10.1.0.1") });
    }
}

#[test]
fn a22_a30_life_of_an_interface_leaves_nothing_behind() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (keeper, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let host = lab.api.get("/native/v1/hosts/h1").unwrap()["id"].as_str().unwrap().to_owned();
    let before = Footprint::of(&lab.hosts[0], &host, &network).unwrap();
    let mut guests = Vec::new();
    for last in 20..30 {
        guests.push(network.guest("h1", &subnet, &format!("10.1.0.{last}")).unwrap());
        ping(&Namespace::named(&keeper), address(&format!("10.1.0.{last}")), PATIENCE).unwrap();
    }
    let (status, refused) =
        lab.api.raw("DELETE", &format!("/v1/virtual_network_interfaces/{}", guests[0].1), None).unwrap();
    assert_eq!(status, 409, "an attached interface can't be deleted: {refused}");
    assert!(refused.to_string().contains("eni-attach-"), "the refusal names the holder: {refused}");
    for (instance, vni) in guests {
        network.detach(&vni).unwrap();
        lab.api.delete(&format!("/v1/virtual_network_interfaces/{vni}")).unwrap();
        network.delete_instance(&instance).unwrap();
    }
    assert_eq!(Footprint::of(&lab.hosts[0], &host, &network).unwrap(), before);
    let left = lab.api.get(&format!("/v1/subnets/{subnet}/reserved_ips?limit=100")).unwrap();
    assert_eq!(left["reserved_ips"].as_array().unwrap().len(), 5 + 1, "addresses are free again: {left}");
}

#[test]
fn a02_a03_f12_an_interface_survives_its_instance_and_serves_another() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (asker, _) = network.guest("h2", &subnet, "10.1.0.10").unwrap();
    let (first, vni) = network.guest("h1", &subnet, "10.1.0.20").unwrap();
    network.delete_instance(&first).unwrap();
    let kept = lab.api.get(&format!("/v1/virtual_network_interfaces/{vni}")).unwrap();
    assert_eq!((&kept["primary_ip"]["address"], &kept["target"]), (&json!("10.1.0.20"), &Value::Null));
    let second = network.instance("h2").unwrap();
    network.attach(&vni, &second).unwrap();
    ping(&Namespace::named(&asker), address("10.1.0.20"), PATIENCE).unwrap();
}

#[test]
fn f06_hot_warm_and_cold_attach() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnets = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"].map(|cidr| network.subnet(cidr).unwrap());
    // An asker with a foot in each subnet, so that each answer comes back the way the question went.
    let (asker, _) = network.guest("h2", &subnets[0], "10.1.0.10").unwrap();
    for (subnet, address) in [(&subnets[1], "10.2.0.10"), (&subnets[2], "10.3.0.10")] {
        network.attach(&network.vni(subnet, address).unwrap(), &asker).unwrap();
    }
    let asker = Namespace::named(&asker);
    let answers = |text: &str| {
        let mut pinger = Pinger::open(&asker, address(text)).unwrap();
        pinger.until(PATIENCE, Duration::from_millis(2)).unwrap().is_some()
    };
    // Cold: with the instance, as its primary one.
    let cold = network.vni(&subnets[0], "10.1.0.20").unwrap();
    let body = json!({ "vpc": network.vpc, "host": "h1", "primary": { "vni": cold } });
    let instance = lab.api.post("/native/v1/instances", body).unwrap()["id"].as_str().unwrap().to_owned();
    assert!(answers("10.1.0.20"));
    // Hot: while it runs.
    network.attach(&network.vni(&subnets[1], "10.2.0.20").unwrap(), &instance).unwrap();
    assert!(answers("10.2.0.20"));
    // Warm: while it rests; takes effect when it starts.
    lab.api.post(&format!("/v1/instances/{instance}/actions"), json!({ "type": "stop" })).unwrap();
    let gone = |_: &Value| ping(&asker, address("10.1.0.20"), Duration::from_millis(50)).is_err();
    lab.api.wait(PATIENCE, "/native/v1/status", gone).unwrap();
    let warm = network.vni(&subnets[2], "10.3.0.20").unwrap();
    let path = format!("/native/v1/virtual_network_interfaces/{warm}/actions/attach?wait=5");
    let answer = lab.api.post(&path, json!({ "instance": instance })).unwrap();
    assert_eq!(answer["attachment"]["lifecycle"], "waiting", "{answer}");
    lab.api.post(&format!("/v1/instances/{instance}/actions"), json!({ "type": "start" })).unwrap();
    for text in ["10.1.0.20", "10.2.0.20", "10.3.0.20"] {
        assert!(answers(text), "{text} after the start");
    }
}

#[test]
fn k05_from_request_to_first_packet_takes_far_less_than_five_seconds() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let (one, two) = (network.subnet("10.1.0.0/24").unwrap(), network.subnet("10.2.0.0/24").unwrap());
    let (asker, _) = network.guest("h2", &two, "10.2.0.10").unwrap();
    for (host, text) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let mut pinger = Pinger::open(&Namespace::named(&asker), address(text)).unwrap();
        let began = std::time::Instant::now();
        let body = json!({ "vpc": network.vpc, "host": host, "primary": { "new": {
            "subnet": one, "address": text } } });
        lab.api.post("/native/v1/instances", body).unwrap();
        let answer = pinger.until(Duration::from_secs(5), Duration::from_millis(1)).unwrap();
        assert!(answer.is_some(), "{text} on {host} did not answer within 5 s");
        println!("{host}: active after {:?}", began.elapsed());
    }
}

/// A process that sleeps in a namespace of its own making; both go when dropped.
struct Sleeper {
    namespace: String,
    child: Child,
}

impl Sleeper {
    fn start(tag: &str) -> Sleeper {
        let namespace = format!("plt-{}-{tag}", std::process::id());
        ip(&format!("netns add {namespace}")).unwrap();
        let child = Command::new("ip").args(["netns", "exec", &namespace, "sleep", "600"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        Sleeper { namespace, child }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        remove_namespace(&self.namespace);
    }
}

#[test]
fn i16_namespaces_that_exist_are_adopted_by_path_and_by_pid_and_left_as_they_were() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (asker, _) = network.guest("h2", &subnet, "10.1.0.10").unwrap();
    let sleepers = [Sleeper::start("path"), Sleeper::start("pid")];
    let by_path = json!({ "path": format!("/run/netns/{}", sleepers[0].namespace) });
    let by_pid = json!({ "pid": sleepers[1].child.id() });
    for (sleeper, (namespace, text)) in sleepers.iter().zip([(by_path, "10.1.0.20"), (by_pid, "10.1.0.21")]) {
        let before = ip(&format!("-n {} -o link show", sleeper.namespace)).unwrap();
        let body = json!({ "vpc": network.vpc, "host": "h1", "namespace": namespace });
        let instance = lab.api.post("/native/v1/instances", body).unwrap()["id"].as_str().unwrap().to_owned();
        let vni = network.vni(&subnet, text).unwrap();
        network.attach(&vni, &instance).unwrap();
        ping(&Namespace::named(&asker), address(text), PATIENCE).unwrap();
        network.detach(&vni).unwrap();
        network.delete_instance(&instance).unwrap();
        assert_eq!(ip(&format!("-n {} -o link show", sleeper.namespace)).unwrap(), before);
    }
}

#[test]
fn h01_traffic_of_two_interfaces_of_one_instance_stays_apart() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let (control, data) = (network.subnet("10.1.0.0/24").unwrap(), network.subnet("10.2.0.0/24").unwrap());
    let (both, _) = network.guest("h1", &control, "10.1.0.10").unwrap();
    let second = network.vni(&data, "10.2.0.10").unwrap();
    network.attach(&second, &both).unwrap();
    network.guest("h2", &control, "10.1.0.20").unwrap();
    network.guest("h2", &data, "10.2.0.20").unwrap();
    let packets = |device: &str| -> u64 {
        let text = ip(&format!("-n {both} -j -s link show {device}")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        value[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
    };
    for (used, unused, there) in [("eth0", "eth1", "10.1.0.20"), ("eth1", "eth0", "10.2.0.20")] {
        let before = (packets(used), packets(unused));
        for _ in 0..10 {
            ping(&Namespace::named(&both), address(there), PATIENCE).unwrap();
        }
        assert!(packets(used) >= before.0 + 10, "{there} answers through {used}");
        assert_eq!(packets(unused), before.1, "nothing of it touches {unused}");
    }
}
