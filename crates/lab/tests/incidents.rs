//! Things that go wrong in operation: what Pintle's own tools say about them, how fast, and that the way back is short.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pintle_lab::policy::{is_kept_out, listen, mac, reach, wait_kept_out};
use pintle_lab::{Lab, LabOptions, Network, ip, sh};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use pintle_probe::ping::{Outcome, Pinger, ping};
use serde_json::{Value, json};

const PORT: u16 = 9000;
const PATIENCE: Duration = Duration::from_secs(5);

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn q05_what_a_wrong_rule_blocks_is_explained_by_its_stage_and_passes_after_the_way_back() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let good = ["tcp/9000 from any", "any to any"];
    let servers = network.group_of(&good).unwrap();
    let clients = network.group_of(&["any to any"]).unwrap();
    let set_rules = |rules: &[&str]| {
        let path = format!("/native/v1/security_groups/{servers}/actions/change_rules");
        lab.api.post(&path, json!({ "set": rules })).unwrap();
    };
    let (client, client_vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&clients]).unwrap();
    for (host, address) in [("h1", "10.1.0.20"), ("h2", "10.1.0.21")] {
        let (server, vni) = network.guest_in(host, &subnet, address, &[&servers]).unwrap();
        let _listener = listen(&server, at(address)).unwrap();
        let explain = || {
            let body = json!({ "from": client_vni, "to": address, "protocol": "tcp/9000" });
            lab.api.post("/native/v1/explain", body).unwrap()
        };
        reach(&client, at(address)).unwrap();
        let before = explain();
        assert_eq!(before["permitted"], true, "{before:#}");
        // Meant was 9000.
        set_rules(&["tcp/9001 from any", "any to any"]);
        wait_kept_out(&client, at(address)).unwrap();
        let told = explain();
        assert_eq!(told["permitted"], false, "{told:#}");
        let last = told["hops"].as_array().unwrap().last().unwrap();
        assert_eq!(last["host"]["name"], host, "the host whose gate refuses: {told:#}");
        assert_eq!(last["model"]["verdict"]["reason"]["code"], "policy_ingress_denied", "{told:#}");
        assert_ne!(last["agree"], false, "{told:#}");
        let refused = network.drops(&vni, "refused").unwrap();
        let flow = refused.iter().find(|flow| flow["source"] == "10.1.0.10" && flow["port"] == PORT);
        let flow = flow.unwrap_or_else(|| panic!("{refused:?}"));
        assert_eq!(flow["reason"]["code"], "policy_ingress_denied", "{flow}");
        set_rules(&good);
        until("the old rules are back", PATIENCE, || !is_kept_out(&client, at(address)).unwrap());
        assert_eq!(explain()["permitted"], true);
    }
}

#[test]
fn q08_u03_names_give_no_access_and_each_attempt_is_told_with_both_ends() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let named_group = |network: &Network<'_>, name: &str, rules: Value| {
        let body = json!({ "vpc": network.vpc, "name": name, "rules": rules });
        lab.api.post("/native/v1/security_groups", body).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let trusted = named_group(&network, "db-clients", json!(["any to any"]));
    let servers = network.group_of(&["tcp/9000 from db-clients", "any to any"]).unwrap();
    let (friend, _) = network.guest_in("h1", &subnet, "10.1.0.10", &[&trusted]).unwrap();
    let (server, vni) = network.guest_in("h2", &subnet, "10.1.0.20", &[&servers]).unwrap();
    let listener = listen(&server, at("10.1.0.20")).unwrap();
    reach(&friend, at("10.1.0.20")).unwrap();
    drop(listener.accept().unwrap());

    // A neighbour that calls itself, its instance and its description like those who may.
    let (neighbour, neighbour_vni) = network.guest("h1", &subnet, "10.1.0.66").unwrap();
    network.change(&neighbour_vni, json!({ "name": "db-clients" })).unwrap();
    assert!(is_kept_out(&neighbour, at("10.1.0.20")).unwrap(), "a name is no membership");
    until("the attempt is told", PATIENCE, || {
        network.drops(&vni, "refused").unwrap().iter().any(|flow| flow["source"] == "10.1.0.66")
    });
    let refused = network.drops(&vni, "refused").unwrap();
    let attempts: Vec<&Value> = refused.iter().filter(|flow| flow["source"] == "10.1.0.66").collect();
    let [attempt] = attempts[..] else { panic!("one flow, told once: {attempts:?}") };
    assert_eq!((&attempt["destination"], &attempt["port"]), (&json!("10.1.0.20"), &json!(PORT)), "{attempt}");
    assert_eq!(attempt["virtual_network_interface"]["id"], json!(vni), "{attempt}");

    // Another tenant with the friend's address, in a group with the friend's group's name.
    let other = Network::new(&lab.api).unwrap();
    let other_subnet = other.subnet("10.1.0.0/24").unwrap();
    let other_group = named_group(&other, "db-clients", json!(["any from any", "any to any"]));
    let (stranger, stranger_vni) = other.guest_in("h1", &other_subnet, "10.1.0.10", &[&other_group]).unwrap();
    let mut capture = Injector::open(&Namespace::named(&server), "eth0").unwrap();
    let mut injector = Injector::open(&Namespace::named(&stranger), "eth0").unwrap();
    let syn = build::tcp(([10, 1, 0, 10].into(), 40_000), ([10, 1, 0, 20].into(), PORT), 1, 0, 2, b"");
    let own = mac(&stranger).unwrap();
    for to in [mac(&server).unwrap(), [0x0a, 0x50, 0x4c, 0, 0, 1]] {
        injector.send(&build::ethernet(own, to, 0x0800, &syn)).unwrap();
    }
    let crossed = capture.recv(Duration::from_millis(300), |frame| frame.get(34..) == syn.get(20..)).unwrap();
    assert_eq!(crossed, None, "it crossed to another tenant");
    other.wait_dropped(&stranger_vni, "no_route", 1).unwrap();
    // A group of another tenant can't be named in a rule or joined either.
    let foreign = format!("/native/v1/security_groups/{other_group}/actions/change_rules");
    assert!(lab.api.post(&foreign, json!({ "add": [format!("tcp/9000 from {trusted}")] })).is_err());
    assert!(network.join(&trusted, &stranger_vni).is_err());
}

/// Bytes from one guest to another for as long as it goes, and how many have arrived.
fn replicate(mut out: TcpStream, mut inward: TcpStream, stop: &AtomicBool, arrived: &AtomicU64) {
    for stream in [&out, &inward] {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    }
    let later = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                match out.write(&[0x5a; 20_000]) {
                    Ok(taken) => std::thread::sleep(Duration::from_micros(1 + taken as u64 / 20)),
                    Err(error) => assert!(later(&error), "the connection broke: {error}"),
                }
            }
        });
        let mut buffer = [0; 65536];
        while !stop.load(Ordering::Relaxed) {
            match inward.read(&mut buffer) {
                Ok(length) => drop(arrived.fetch_add(length as u64, Ordering::Relaxed)),
                Err(error) => assert!(later(&error), "the connection broke: {error}"),
            }
        }
    });
}

#[test]
fn u15_q01_a_replication_that_stalls_on_a_narrow_link_is_explained_within_a_minute_and_goes_on_after_the_fix() {
    let lab = Lab::with(&LabOptions { underlay_mtu: 9000, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let (primary, vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&open]).unwrap();
    let (replica, _) = network.guest_in("h2", &subnet, "10.1.0.30", &[&open]).unwrap();
    // The usual cause of such incidents: somebody has filtered ICMP.
    let deaf = "table ip deaf { chain in { type filter hook input priority 0; ip protocol icmp drop; }; }";
    sh("ip", &["netns", "exec", &primary, "nft", deaf]).unwrap();
    let listener = listen(&replica, at("10.1.0.30")).unwrap();
    let out = reach(&primary, at("10.1.0.30")).unwrap();
    let inward = listener.accept().unwrap().0;
    let (stop, arrived) = (AtomicBool::new(false), AtomicU64::new(0));
    let count = || arrived.load(Ordering::Relaxed);
    let set_mtu = |mtu: u16| ip(&format!("-n {} link set ul mtu {mtu}", lab.hosts[1].namespace)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| replicate(out, inward, &stop, &arrived));
        let story = || {
            until("it replicates", PATIENCE, || count() > 1_000_000);
            assert_eq!(network.drops(&vni, "too_big").unwrap(), Vec::<Value>::new(), "all is well at first");
            set_mtu(1500);
            let narrow = Instant::now();
            let mut cause = Value::Null;
            until("the tools name the cause", Duration::from_secs(60), || {
                let events = network.drops(&vni, "too_big").unwrap();
                cause = events.first().cloned().unwrap_or_default();
                !cause.is_null()
            });
            println!("the cause was named after {:?}: {cause}", narrow.elapsed());
            assert_eq!(
                (&cause["source"], &cause["destination"]),
                (&json!("10.1.0.10"), &json!("10.1.0.30")),
                "{cause}"
            );
            assert_eq!(cause["mtu"], json!(1450), "what would fit: {cause}");
            assert!(cause["largest"].as_u64().unwrap() > 1450, "{cause}");
            // What is on its way may arrive still, then nothing does.
            let mut before = count();
            until("it has stalled", PATIENCE, || {
                std::thread::sleep(Duration::from_millis(300));
                std::mem::replace(&mut before, count()) == count()
            });
            let stalled = count();
            set_mtu(9000);
            until("it goes on", Duration::from_secs(60), || count() > stalled + 1_000_000);
            let events = || network.drops(&vni, "too_big").unwrap()[0]["packets"].clone();
            let settled = events();
            let goal = count() + 1_000_000;
            until("it goes on at its old pace", PATIENCE, || count() > goal);
            assert_eq!(events(), settled, "nothing is too big any more");
        };
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(story));
        stop.store(true, Ordering::Relaxed);
        told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn q14_the_interface_that_is_one_too_many_is_refused_before_its_host_hears_of_it() {
    const LIMIT: u8 = 15;
    let lab = Lab::with(&LabOptions { hosts: 1, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (client, _) = network.guest("h1", &subnet, "10.1.0.200").unwrap();
    let instance = network.instance("h1").unwrap();
    for last in 0..LIMIT {
        let vni = network.vni(&subnet, &format!("10.1.0.{}", 10 + last)).unwrap();
        network.attach(&vni, &instance).unwrap();
    }
    let devices = || ip(&format!("-n {} -o link show", lab.hosts[0].namespace)).unwrap().lines().count();
    let before = devices();
    let vni = network.vni(&subnet, "10.1.0.99").unwrap();
    let refused = network.attach(&vni, &instance).unwrap_err().to_string();
    assert!(refused.starts_with('4') && refused.contains(&instance) && refused.contains("15"), "{refused}");
    assert_eq!(devices(), before, "its host has done nothing");
    let shown = lab.api.get(&format!("/native/v1/virtual_network_interfaces/{vni}")).unwrap();
    assert_eq!(shown["attachment"], Value::Null, "{shown}");
    // Those that are there go on, and the one that was refused is good for another instance.
    ping(&Namespace::named(&client), Ipv4Addr::new(10, 1, 0, 10), PATIENCE).unwrap();
    network.attach(&vni, &network.instance("h1").unwrap()).unwrap();
    ping(&Namespace::named(&client), Ipv4Addr::new(10, 1, 0, 99), PATIENCE).unwrap();
}

#[test]
fn v06_what_the_gateway_says_to_one_interface_is_limited_and_another_still_hears_it() {
    const FRAMES: u64 = 3000;
    let lab = Lab::with(&LabOptions { hosts: 1, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (greedy, vni) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (other, other_vni) = network.guest("h1", &subnet, "10.1.0.20").unwrap();
    let own = mac(&greedy).unwrap();
    let mut injector = Injector::open(&Namespace::named(&greedy), "eth0").unwrap();
    // To nobody, by the gateway: each is answered by an ICMP error, or would be.
    let lost = build::udp(([10, 1, 0, 10].into(), 5000), ([10, 1, 0, 99].into(), 9), b"x");
    let frame = build::ethernet(own, [0x0a, 0x50, 0x4c, 0, 0, 1], 0x0800, &lost);
    let began = Instant::now();
    assert_eq!(injector.send_many((0..FRAMES).map(|_| frame.clone())).unwrap(), FRAMES);
    let mut pinger = Pinger::open(&Namespace::named(&other), Ipv4Addr::new(10, 1, 0, 2)).unwrap();
    pinger.set_ttl(1).unwrap();
    let route = format!("-n {other} route replace 10.1.0.2/32 via 10.1.0.1 dev eth0");
    ip(&route).unwrap();
    let told = pinger.sized_df(56, PATIENCE).unwrap();
    assert!(!matches!(told, Outcome::Timeout), "the other interface is told: {told:?}");
    let mut errors = 0;
    while injector.recv(Duration::from_millis(200), |frame| frame.get(23) == Some(&1)).unwrap().is_some() {
        errors += 1;
    }
    // A burst of 20 and one each 10 ms, by docs/data-plane.md's source, icmp.h.
    let most = 21 + began.elapsed().as_millis() as u64 / 10;
    assert!((20..=most).contains(&errors), "{errors} answers, at most {most} were to be");
    let dropped = network.dropped(&vni).unwrap();
    assert_eq!(dropped.get("reply_rate_limited").copied().unwrap_or_default(), FRAMES - errors, "{dropped:?}");
    assert_eq!(network.dropped(&other_vni).unwrap().get("reply_rate_limited"), None);
}
